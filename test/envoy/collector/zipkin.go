package collector

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Zipkin receives spans in Zipkin's JSON, as Jaeger does too, at /api/v2/spans on a free port.
func Zipkin(tb testing.TB) *Traces {
	tb.Helper()
	t := &Traces{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/spans", func(w http.ResponseWriter, r *http.Request) {
		var spans []struct {
			TraceID, ID, ParentID string
			LocalEndpoint         struct{ ServiceName string }
		}
		if err := json.NewDecoder(r.Body).Decode(&spans); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, s := range spans {
			t.came = append(t.came, Span{Trace: s.TraceID, ID: s.ID, Parent: s.ParentID, Service: s.LocalEndpoint.ServiceName})
		}
		w.WriteHeader(http.StatusAccepted)
	})
	s := httptest.NewServer(mux)
	tb.Cleanup(func() {
		s.CloseClientConnections() // Envoys keep theirs
		s.Close()
	})
	t.Address = s.Listener.Addr().String()
	return t
}
