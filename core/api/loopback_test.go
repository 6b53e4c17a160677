package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestLoopbackOnly(t *testing.T) {
	guarded := LoopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, c := range []struct {
		host   string
		header http.Header
		served bool
	}{
		{"localhost", nil, true},
		{"LocalHost:9080", nil, true},
		{"127.0.0.1:9080", nil, true},
		{"127.8.9.10", nil, true},
		{"[::1]:9080", nil, true},
		{"[::1]", nil, true},
		{"[::ffff:127.0.0.1]:9080", nil, true},
		{"127.0.0.1:9080", http.Header{"User-Agent": {"aws-cli"}, "Authorization": {"AWS4-HMAC-SHA256 …"}}, true},
		{"", nil, false},
		{"evil.example:9080", nil, false},
		{"localhost.evil.example", nil, false},
		{"127.0.0.1.evil.example", nil, false},
		{"localhost.", nil, false},
		{"10.0.0.1:9080", nil, false},
		{"0.0.0.0:9080", nil, false},
		{"[::]:9080", nil, false},
		{"[::1%25lo]:9080", nil, false},
		{"127.0.0.1:9080:1", nil, false},
		{"127.1", nil, false},
		{"localhost:9080", http.Header{"Origin": {"https://evil.example"}}, false},
		{"localhost:9080", http.Header{"Origin": {"null"}}, false},
		{"localhost:9080", http.Header{"Origin": {""}}, false},
		{"localhost:9080", http.Header{"Origin": {"http://localhost:9080"}}, false},
		{"localhost:9080", http.Header{"Sec-Fetch-Site": {"same-origin"}}, false},
		{"localhost:9080", http.Header{"Sec-Fetch-Site": {"none"}}, false},
	} {
		r := httptest.NewRequest("PUT", "/v20190125/meshes", nil)
		r.Host = c.host
		if c.header != nil {
			r.Header = c.header
		}
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		a := answer{t: t, what: c.host, status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
		if c.served {
			if w.Code != http.StatusNoContent {
				t.Errorf("%q %v: %d %s", c.host, c.header, w.Code, w.Body)
			}
			continue
		}
		if a.status != http.StatusForbidden {
			t.Errorf("%q %v was served", c.host, c.header)
			continue
		}
		a.failsWith(forbidden)
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%q: CORS headers", c.host)
		}
	}
}
