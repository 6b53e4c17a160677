package terraform_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/test/machine"
)

var update = flag.Bool("update", false, "record anew what the provider sends, in testdata/sent.jsonl; needs the provider")

var recording = filepath.Join("testdata", "sent.jsonl")

// sent is a request of the provider that changes something.
type sent struct {
	Path string         `json:"path"` // with its query
	Body map[string]any `json:"body"` // without the client's token, which is another each time
}

// recorder passes requests on to the API, and keeps those that the provider sent to make and change its mesh.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recorder) before(t *testing.T, api string) string {
	t.Helper()
	target, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		if q.Method == http.MethodPut {
			r.keep(t, q.URL.RequestURI(), body)
		}
		forward.ServeHTTP(w, q)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func (r *recorder) keep(t *testing.T, path string, body []byte) {
	s := sent{Path: path}
	err := json.Unmarshal(body, &s.Body)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	delete(s.Body, "clientToken")
	r.mu.Lock()
	defer r.mu.Unlock()
	encoder := json.NewEncoder(&r.all)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		t.Error(err)
	}
}

// What the provider was seen to send is taken, and comes back as it was: a plan shows whatever strays. So this holds also
// where there is no provider.
func TestWhatTheProviderSends(t *testing.T) {
	t.Parallel()
	file, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	api := "http://" + machine.Start(t).API()
	lines, specs := json.NewDecoder(file), 0
	for {
		var s sent
		if err := lines.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(s.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer := ask(t, http.MethodPut, api+s.Path, body)
		if s.Body["spec"] == nil {
			continue
		}
		specs++
		item, query, _ := strings.Cut(s.Path, "?")
		for member, name := range s.Body {
			if text, ok := name.(string); ok && strings.HasSuffix(member, "Name") {
				item += "/" + url.PathEscape(text) // a creation goes to the collection
			}
		}
		described := ask(t, http.MethodGet, api+item+"?"+query, nil)
		fillPorts(s.Body["spec"])
		for when, got := range map[string]any{"at once": answer["spec"], "when described": described["spec"]} {
			if diff := cmp.Diff(s.Body["spec"], got); diff != "" {
				t.Errorf("%s: %s its spec is another (-sent +got):\n%s", s.Path, when, diff)
			}
		}
	}
	if specs < 29 {
		t.Errorf("%d specs are recorded: want that of each resource", specs)
	}
}

// fillPorts does what App Mesh did to a spec, and nothing else: a health check without a port gets its listener's.
func fillPorts(spec any) {
	listeners, _ := spec.(map[string]any)["listeners"].([]any)
	for _, l := range listeners {
		listener := l.(map[string]any)
		check, ok := listener["healthCheck"].(map[string]any)
		if ok && check["port"] == nil {
			check["port"] = listener["portMapping"].(map[string]any)["port"]
		}
	}
}

func ask(t *testing.T, method, to string, body []byte) map[string]any {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %v, %v", method, to, res.Status, answer, err)
	}
	return answer
}
