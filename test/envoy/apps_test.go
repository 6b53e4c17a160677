package envoy

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// seen is what an application says of a request that reached it.
type seen struct {
	App    string // which application
	Method string
	Path   string // with the query
	Host   string
	Proto  string
	Header http.Header
}

// echo is an application that tells what it sees, over HTTP/1.1 or HTTP/2 as the caller likes.
func echo(t testing.TB, name string) string {
	t.Helper()
	return serve(t, answering(name))
}

func answering(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen{name, r.Method, r.URL.RequestURI(), r.Host, r.Proto, r.Header}) // the caller sees what is missing
	}
}

// serve runs an application on a free port, and returns its address.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	return serveBy(t, func(p *http.Protocols) { byHTTP1(p); byHTTP2(p) }, handler)
}

// byHTTP1 and byHTTP2, in plain text, are what applications and callers speak.
func byHTTP1(p *http.Protocols) { p.SetHTTP1(true) }
func byHTTP2(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }

// serveBy is serve for an application that speaks these protocols alone.
func serveBy(t testing.TB, speak func(*http.Protocols), handler http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	speak(s.Config.Protocols)
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections() // Envoys keep theirs
		s.Close()
	})
	return s.Listener.Addr().String()
}

// tcpServer runs a TCP application that serves each connection with handle.
func tcpServer(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}
