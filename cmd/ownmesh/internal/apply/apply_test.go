package apply

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
)

// recorder is a server that has what there says, answers every write, and notes it.
type recorder struct {
	there map[string]string // path: spec
	tags  string            // of every resource
	fail  string            // a path whose writes are refused

	mu     sync.Mutex
	writes []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := strings.TrimPrefix(req.URL.Path, "/v20190125")
	spec, ok := r.there[path]
	switch {
	case path == "/tags":
		_, _ = io.WriteString(w, r.tags)
		return
	case req.Method == http.MethodGet && !ok:
		w.Header().Set("x-amzn-ErrorType", "NotFoundException")
		w.WriteHeader(http.StatusNotFound)
		return
	case req.Method != http.MethodGet && path == r.fail:
		w.Header().Set("x-amzn-ErrorType", "BadRequestException")
		w.WriteHeader(http.StatusBadRequest)
		return
	case req.Method != http.MethodGet:
		body, _ := io.ReadAll(req.Body)
		var members map[string]json.RawMessage
		_ = json.Unmarshal(body, &members)
		delete(members, "clientToken")
		rest, _ := json.Marshal(members)
		r.mu.Lock()
		r.writes = append(r.writes, req.Method+" "+path+" "+string(rest))
		r.mu.Unlock()
	}
	_, _ = io.WriteString(w, `{"spec":`+spec+`,"metadata":{"uid":"u","arn":"a"}}`)
}

func documents(t *testing.T, text string) []manifest.Document {
	t.Helper()
	content, err := manifest.Read([]string{"-"}, strings.NewReader(text), manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return content.Documents
}

func dial(t *testing.T, r *recorder) *client.Client {
	t.Helper()
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const nodes = `
{kind: VirtualNode, meshName: m, virtualNodeName: a, spec: {backends: []}, tags: [{key: new, value: x}, {key: same, value: y}, {key: changed, value: z}]}
---
{kind: VirtualNode, meshName: m, virtualNodeName: b, spec: {}}
---
{kind: Mesh, meshName: m}
`

const haveTags = `{"tags":[{"key":"same","value":"y"},{"key":"changed","value":"old"},{"key":"gone","value":""}]}`

// Only what differs is written; of tags too, old ones first.
func TestRunWritesWhatDiffers(t *testing.T) {
	r := &recorder{tags: haveTags, there: map[string]string{
		"/meshes/m": `{}`, "/meshes/m/virtualNodes/a": `{ "backends" : [] }`, "/meshes/m/virtualNodes/b": `{"backends":[]}`,
	}}
	// The recorder answers creations and updates without a spec of its own.
	r.there["/tag"], r.there["/untag"] = `{}`, `{}`
	c := dial(t, r)
	results, err := Run(t.Context(), c, documents(t, nodes), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`PUT /untag {"tagKeys":["gone"]}`,
		`PUT /tag {"tags":[{"key":"changed","value":"z"},{"key":"new","value":"x"}]}`,
		`PUT /meshes/m/virtualNodes/b {"spec":{}}`,
	}
	if diff := cmp.Diff(want, r.writes); diff != "" {
		t.Errorf("writes (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]Action{Unchanged, Updated, Updated}, actions(results)); diff != "" {
		t.Errorf("results (-want +got)\n%s", diff)
	}
}

func actions(results []Result) []Action {
	var all []Action
	for _, r := range results {
		all = append(all, r.Action)
	}
	return all
}

// A dry run says the same and writes nothing.
func TestDryRun(t *testing.T) {
	r := &recorder{tags: haveTags, there: map[string]string{"/meshes/m": `{}`, "/meshes/m/virtualNodes/a": `{"backends":[]}`}}
	c := dial(t, r)
	results, err := Run(t.Context(), c, documents(t, nodes), Options{DryRun: true})
	if diff := cmp.Diff([]Action{Unchanged, Updated, Created}, actions(results)); diff != "" || err != nil {
		t.Errorf("%v, results (-want +got)\n%s", err, diff)
	}
	results, err = Delete(t.Context(), c, documents(t, nodes), Options{DryRun: true})
	if diff := cmp.Diff([]Action{Missing, Deleted, Deleted}, actions(results)); diff != "" || err != nil {
		t.Errorf("%v, results (-want +got)\n%s", err, diff)
	}
	if len(r.writes) > 0 {
		t.Errorf("a dry run wrote %q", r.writes)
	}
}

// The first refusal ends it, names its document, and leaves the results of what came before.
func TestRefusal(t *testing.T) {
	r := &recorder{there: map[string]string{"/meshes": `{}`}, fail: "/meshes/m/virtualNodes"}
	var steps []int
	results, err := Run(t.Context(), dial(t, r), documents(t, nodes), Options{Step: func(done, total int, _ manifest.Document) {
		steps = append(steps, done, total)
	}})
	var e *Error
	var refusal *client.Error
	if !errors.As(err, &e) || e.Document.Number != 1 || !errors.As(err, &refusal) || refusal.Type != "BadRequestException" {
		t.Fatalf("got %v", err)
	}
	if !strings.HasPrefix(err.Error(), "standard input: document 1 (line 2): virtualNode/a: BadRequestException") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]Action{Created}, actions(results)); diff != "" {
		t.Errorf("results (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 3, 1, 3}, steps); diff != "" {
		t.Errorf("steps (-want +got)\n%s", diff)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, dial(t, &recorder{}), documents(t, nodes), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The API fills in a health check's port; that is no difference. Another port is.
func TestSame(t *testing.T) {
	const sent = `{"listeners":[{"portMapping":{"port":80,"protocol":"http"},"healthCheck":{"path":"/"}},{"portMapping":{"port":81}}],"backends":[]}`
	back := strings.Replace(sent, `"path":"/"`, `"path":"/","port":80`, 1)
	other := strings.Replace(sent, `"path":"/"`, `"path":"/","port":81`, 1)
	for _, tc := range []struct {
		kind         resource.Kind
		there, wants string
		want         bool
	}{
		{resource.KindVirtualNode, back, sent, true},
		{resource.KindVirtualGateway, back, sent, true},
		{resource.KindVirtualNode, other, sent, false},
		{resource.KindVirtualNode, back, other, false},
		{resource.KindVirtualRouter, back, sent, false}, // has no health checks: every member is the user's
		{resource.KindVirtualNode, `{}`, `{"listeners":[]}`, false},
		{resource.KindMesh, `{"a":1,"b":[2,3]}`, "{\"b\": [2,3],\n\"a\":1}", true},
		{resource.KindMesh, `{"b":[2,3]}`, `{"b":[3,2]}`, false},
	} {
		if got := same(tc.kind, []byte(tc.there), []byte(tc.wants)); got != tc.want {
			t.Errorf("%s: there %s, wanted %s: same is %v", tc.kind, tc.there, tc.wants, got)
		}
	}
}
