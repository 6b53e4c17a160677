package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// This file: what the tests of this package share. They go through real HTTP, over the store of one machine.

const account = "123456789012"

// server is an API under test.
type server struct {
	t        testing.TB
	url      string
	handler  *handler
	store    store.Store
	now      atomic.Int64 // milliseconds; each reading of the clock is one later
	mu       sync.Mutex
	announce []events.MeshChanged
}

// option changes what the server under test is made of.
type option func(*server, *Options)

// withStore puts something around the store.
func withStore(wrap func(store.Store) store.Store) option {
	return func(_ *server, o *Options) { o.Store = wrap(o.Store) }
}

func newServer(t testing.TB, options ...option) *server {
	t.Helper()
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "store"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bolt.OpenRegistry(filepath.Join(dir, "registry"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t}
	s.now.Store(1_700_000_000_000)
	o := Options{
		Store: db, Registry: registry, Account: account, Region: "us-east-1", NewID: uuid.NewString,
		Now: func() time.Time { return time.UnixMilli(s.now.Add(1)) },
		Committed: func(m events.MeshChanged) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.announce = append(s.announce, m)
		},
		Version: "1.2.3", Compiler: 7,
	}
	for _, option := range options {
		option(s, &o)
	}
	s.handler, s.store = newHandler(o), o.Store
	front := httptest.NewServer(s.handler)
	s.url = front.URL
	t.Cleanup(func() {
		front.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := registry.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	raw    []byte
}

// ask sends a request to a path below the root; the path is sent as it is.
func (s *server) ask(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a, err := s.tryAsk(method, path, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// tryAsk is ask for goroutines.
func (s *server) tryAsk(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return answer{t: s.t, what: method + " " + path, status: res.StatusCode, header: res.Header, raw: raw}, err
}

// The verbs on App Mesh's paths: put("meshes", …).
func (s *server) put(path, body string) answer {
	s.t.Helper()
	return s.ask("PUT", "/v20190125/"+path, body)
}

func (s *server) get(path string) answer {
	s.t.Helper()
	return s.ask("GET", "/v20190125/"+path, "")
}

func (s *server) delete(path string) answer {
	s.t.Helper()
	return s.ask("DELETE", "/v20190125/"+path, "")
}

// ok wants a success, and reads it.
func (a answer) ok() map[string]any {
	a.t.Helper()
	if a.status != http.StatusOK {
		a.t.Fatalf("%s: %d %s", a.what, a.status, a.raw)
	}
	return a.json()
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(a.raw))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		a.t.Fatalf("%s: %v in %q", a.what, err, a.raw)
	}
	return m
}

// fails wants an error of this type, with the status that belongs to it, and this exact message.
func (a answer) fails(kind, message string) {
	a.t.Helper()
	if got := a.failsWith(kind); got != message {
		a.t.Fatalf("%s: message %q, want %q", a.what, got, message)
	}
}

// failsWith wants an error of this type and returns its message.
func (a answer) failsWith(kind string) string {
	a.t.Helper()
	if got := a.header.Get("x-amzn-ErrorType"); got != kind || a.status != statuses[kind] {
		a.t.Fatalf("%s: %d %s, want %d %s; %s", a.what, a.status, got, statuses[kind], kind, a.raw)
	}
	m := a.json()
	message, isText := m["message"].(string)
	if len(m) != 1 || !isText || message == "" {
		a.t.Fatalf("%s: an error has a message and nothing else, got %s", a.what, a.raw)
	}
	return message
}

// member follows names into an object: member(m, "metadata", "arn").
func member(m map[string]any, names ...string) any {
	var v any = m
	for _, n := range names {
		o, _ := v.(map[string]any)
		v = o[n]
	}
	return v
}

// equal compares an answer with JSON.
func (a answer) equal(want string) {
	a.t.Helper()
	a.ok()
	if diff := diffJSON(a.raw, []byte(want)); diff != "" {
		a.t.Fatalf("%s (-want +got):\n%s", a.what, diff)
	}
}

func diffJSON(got, want []byte) string {
	read := func(b []byte) any {
		var v any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return fmt.Sprintf("%v: %s", err, b)
		}
		return v
	}
	return cmp.Diff(read(want), read(got))
}

// shop makes a mesh with one of everything: gateway route in -> service cart.shop.local -> router cart-vr -> route
// cart -> node cart; service direct.shop.local is provided by node direct.
func shop(s *server) {
	s.t.Helper()
	for _, step := range [][2]string{
		{"meshes", `{"meshName":"shop"}`},
		{"meshes/shop/virtualNodes", nodeBody("cart")},
		{"meshes/shop/virtualNodes", nodeBody("direct")},
		{"meshes/shop/virtualRouters", `{"virtualRouterName":"cart-vr","spec":{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}}`},
		{"meshes/shop/virtualRouter/cart-vr/routes", routeBody("cart", "cart", 0)},
		{"meshes/shop/virtualServices", `{"virtualServiceName":"cart.shop.local","spec":{"provider":{"virtualRouter":{"virtualRouterName":"cart-vr"}}}}`},
		{"meshes/shop/virtualServices", `{"virtualServiceName":"direct.shop.local","spec":{"provider":{"virtualNode":{"virtualNodeName":"direct"}}}}`},
		{"meshes/shop/virtualGateways", `{"virtualGatewayName":"front","spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}}`},
		{"meshes/shop/virtualGateway/front/gatewayRoutes", gatewayRouteBody("in", "cart.shop.local")},
	} {
		s.put(step[0], step[1]).ok()
	}
}

func nodeBody(name string) string { return fmt.Sprintf(`{"virtualNodeName":%q,"spec":{}}`, name) }

// routeBody is a route to node, on a port of the router unless it is 0.
func routeBody(name, node string, port int) string {
	return fmt.Sprintf(`{"routeName":%q,"spec":%s}`, name, routeSpec(node, port))
}

func routeSpec(node string, port int) string {
	match := `"prefix":"/"`
	if port > 0 {
		match += fmt.Sprintf(`,"port":%d`, port)
	}
	return fmt.Sprintf(`{"httpRoute":{"match":{%s},"action":{"weightedTargets":[{"virtualNode":%q,"weight":100}]}}}`, match, node)
}

func gatewayRouteBody(name, service string) string {
	return fmt.Sprintf(`{"gatewayRouteName":%q,"spec":{"httpRoute":{"match":{"prefix":"/"},"action":{"target":{"virtualService":{"virtualServiceName":%q}}}}}}`, name, service)
}

// generation is the mesh's, from the store.
func (s *server) generation(mesh string) int64 {
	s.t.Helper()
	m, err := s.store.MeshByName(s.t.Context(), mesh)
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Generation
}
