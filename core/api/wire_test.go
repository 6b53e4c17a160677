package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/core/store"
)

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func TestAnswersAreBareObjects(t *testing.T) {
	s := newServer(t)
	shop(s)
	spec := routeSpec("cart", 0)
	const arn = "arn:aws:appmesh:us-east-1:123456789012:mesh/shop/virtualRouter/cart-vr/route/r"
	first := s.put("meshes/shop/virtualRouter/cart-vr/routes", `{"routeName":"r","clientToken":"a","spec":`+spec+`}`)
	uid, created := member(first.ok(), "metadata", "uid"), member(first.ok(), "metadata", "createdAt")
	if !uuidPattern.MatchString(fmt.Sprint(uid)) {
		t.Errorf("uid %v is no UUID", uid)
	}
	object := func(status string, version int, updated any) string {
		return fmt.Sprintf(`{"meshName":"shop","virtualRouterName":"cart-vr","routeName":"r","spec":%s,"status":{"status":%q},
			"metadata":{"arn":%q,"uid":%q,"version":%d,"createdAt":%s,"lastUpdatedAt":%s,"meshOwner":"123456789012","resourceOwner":"123456789012"}}`,
			spec, status, arn, uid, version, created, updated)
	}
	first.equal(object("ACTIVE", 1, created))
	s.get("meshes/shop/virtualRouter/cart-vr/routes/r").equal(object("ACTIVE", 1, created))

	second := s.put("meshes/shop/virtualRouter/cart-vr/routes/r", `{"spec":`+spec+`}`) // an equal spec is an update too
	updated := member(second.ok(), "metadata", "lastUpdatedAt")
	if updated == created {
		t.Errorf("lastUpdatedAt is still %v after an update", updated)
	}
	second.equal(object("ACTIVE", 2, updated))
	s.get("meshes/shop/virtualRouter/cart-vr/routes/r").equal(object("ACTIVE", 2, updated))

	s.get("meshes/shop/virtualRouter/cart-vr/routes?limit=100").equal(fmt.Sprintf(`{"routes":[%s,
		{"meshName":"shop","virtualRouterName":"cart-vr","routeName":"r","arn":%q,"version":2,"createdAt":%s,"lastUpdatedAt":%s,"meshOwner":"123456789012","resourceOwner":"123456789012"}]}`,
		firstItem(t, s.get("meshes/shop/virtualRouter/cart-vr/routes")), arn, created, updated))

	gone := s.delete("meshes/shop/virtualRouter/cart-vr/routes/r")
	last := member(gone.ok(), "metadata", "lastUpdatedAt")
	if last == updated {
		t.Errorf("lastUpdatedAt is still %v after the deletion", last)
	}
	gone.equal(object("DELETED", 3, last))
	s.get("meshes/shop/virtualRouter/cart-vr/routes/r").fails(notFound, "Route with name r is not present under mesh shop for account 123456789012")

	again := s.put("meshes/shop/virtualRouter/cart-vr/routes", `{"routeName":"r","clientToken":"a","spec":`+spec+`}`).ok()
	if member(again, "metadata", "uid") == uid || fmt.Sprint(member(again, "metadata", "version")) != "1" {
		t.Errorf("a route made again is a new one, got %v", again["metadata"])
	}
}

func firstItem(t *testing.T, a answer) string {
	t.Helper()
	items := a.ok()["routes"].([]any)
	raw, err := json.Marshal(items[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestMeshKeepsVersionWhenDeleted(t *testing.T) {
	s := newServer(t)
	created := s.put("meshes", `{"meshName":"shop"}`)
	created.equal(`{"meshName":"shop","spec":{},"status":{"status":"ACTIVE"},"metadata":{"arn":"arn:aws:appmesh:us-east-1:123456789012:mesh/shop",
		"uid":"` + fmt.Sprint(member(created.ok(), "metadata", "uid")) + `","version":1,"createdAt":1700000000.001,"lastUpdatedAt":1700000000.001,
		"meshOwner":"123456789012","resourceOwner":"123456789012"}}`)
	updated := s.put("meshes/shop", `{"spec":{"egressFilter":{"type":"ALLOW_ALL"}}}`).ok()
	if got := fmt.Sprintf("%v %v", member(updated, "spec"), member(updated, "metadata", "version")); got != "map[egressFilter:map[type:ALLOW_ALL]] 2" {
		t.Errorf("updated mesh: %s", got)
	}
	if got := s.put("meshes/shop", ``).ok(); fmt.Sprint(got["spec"]) != "map[]" {
		t.Errorf("an update without spec replaces it by {}, got %v", got["spec"])
	}
	gone := s.delete("meshes/shop").ok()
	if got := fmt.Sprintf("%v %v", member(gone, "status", "status"), member(gone, "metadata", "version")); got != "DELETED 3" {
		t.Errorf("deleted mesh: %s", got)
	}
	s.get("meshes/shop").fails(notFound, "Mesh with name shop is not present for account 123456789012")
	s.delete("meshes/shop").failsWith(notFound)
	s.put("meshes", `{"meshName":"shop"}`).ok()
}

func TestEveryAnswerHasARequestID(t *testing.T) {
	s := newServer(t)
	seen := map[string]bool{}
	for _, path := range []string{"/v20190125/meshes", "/v20190125/meshes/none", "/nothing", "/v20190125/meshes?limit=0"} {
		a := s.ask("GET", path, "")
		id := a.header.Get("x-amzn-RequestId")
		if !uuidPattern.MatchString(id) || seen[id] {
			t.Errorf("%s: request id %q", path, id)
		}
		seen[id] = true
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", path, got)
		}
		if got := a.header.Get("Content-Length"); got != fmt.Sprint(len(a.raw)) {
			t.Errorf("%s: content length %q of %d", path, got, len(a.raw))
		}
	}
}

func TestRegionIsThatOfTheSignature(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	const scope = "AKID/20260101/%s/appmesh/aws4_request"
	for _, c := range []struct{ header, query, region string }{
		{"", "", "us-east-1"},
		{"AWS4-HMAC-SHA256 Credential=" + fmt.Sprintf(scope, "eu-west-1") + ", SignedHeaders=host, Signature=ab", "", "eu-west-1"},
		{"AWS4-HMAC-SHA256 SignedHeaders=host,Credential=" + fmt.Sprintf(scope, "eu-west-2") + ",Signature=ab", "", "eu-west-2"},
		{"", "?X-Amz-Credential=" + strings.ReplaceAll(fmt.Sprintf(scope, "ap-south-1"), "/", "%2F"), "ap-south-1"},
		{"Bearer Credential=a/20260101/eu-west-1/x", "", "us-east-1"},
		{"AWS4-HMAC-SHA256 Credential=AKID/20260101/EU:x/appmesh/aws4_request", "", "us-east-1"},
	} {
		got := s.ask("GET", "/v20190125/meshes/shop"+c.query, "", "Authorization", c.header).ok()
		if want := "arn:aws:appmesh:" + c.region + ":123456789012:mesh/shop"; member(got, "metadata", "arn") != want {
			t.Errorf("%+v: %v", c, member(got, "metadata", "arn"))
		}
	}
}

func TestSpecComesBackAsSent(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	check := func(port string) string {
		return `"healthCheck":{"healthyThreshold":2,"intervalMillis":5000,` + port + `"protocol":"http","timeoutMillis":2000,"unhealthyThreshold":2}`
	}
	discovery := `"serviceDiscovery":{"dns":{"hostname":"cart"}}`
	for _, c := range []struct{ name, sent, back string }{
		{"empty", `{}`, `{}`},
		{"empty list", `{"backends":[]}`, `{"backends":[]}`},
		{"null", `{"backends":null,"logging":null}`, `{}`},
		{"empty union", `{"logging":{"accessLog":{}}}`, `{"logging":{"accessLog":{}}}`},
		{"html", `{"logging":{"accessLog":{"file":{"path":"/a<b>&c"}}}}`, `{"logging":{"accessLog":{"file":{"path":"/a<b>&c"}}}}`},
		{"health check without port", `{` + discovery + `,"listeners":[{"portMapping":{"port":1,"protocol":"http"}},{"portMapping":{"port":8080,"protocol":"http"},` + check("") + `}]}`,
			`{` + discovery + `,"listeners":[{"portMapping":{"port":1,"protocol":"http"}},{"portMapping":{"port":8080,"protocol":"http"},` + check(`"port":8080,`) + `}]}`},
		{"health check with port", `{` + discovery + `,"listeners":[{"portMapping":{"port":8080,"protocol":"http"},` + check(`"port":9090,`) + `}]}`,
			`{` + discovery + `,"listeners":[{"portMapping":{"port":8080,"protocol":"http"},` + check(`"port":9090,`) + `}]}`},
	} {
		created := s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"cart","spec":`+c.sent+`}`)
		described := s.get("meshes/shop/virtualNodes/cart")
		updated := s.put("meshes/shop/virtualNodes/cart", `{"spec":`+c.sent+`}`)
		removed := s.delete("meshes/shop/virtualNodes/cart")
		for _, a := range []answer{created, described, updated, removed} {
			a.ok()
			var got struct{ Spec json.RawMessage }
			if err := json.Unmarshal(a.raw, &got); err != nil {
				t.Fatal(err)
			}
			if diff := diffJSON(got.Spec, []byte(c.back)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", c.name, a.what, diff)
			}
		}
		if bytes.Contains(described.raw, []byte(`\u003c`)) {
			t.Errorf("%s: escaped for HTML: %s", c.name, described.raw)
		}
	}
	got := s.put("meshes/shop/virtualGateways", `{"virtualGatewayName":"g","spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"},`+check("")+`}]}}`).raw
	if !bytes.Contains(got, []byte(`"port":80,"protocol":"http","timeoutMillis"`)) {
		t.Errorf("a gateway's health check has no port: %s", got)
	}
}

func TestBodiesAreBoundedAndChecked(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.put("meshes", `{"meshName":"`+strings.Repeat("a", maxBody)+`"}`).fails(badRequest, "the body must be at most 1048576 bytes")
	pad := strings.Repeat(" ", maxBody-len(`{"meshName":"shop2"}`))
	s.put("meshes", `{"meshName":"shop2"}`+pad).ok()

	before := s.generation("shop")
	for _, c := range []struct{ body, names string }{
		{`{"virtualNodeName":"a"}`, "spec"},
		{`{"spec":{}}`, "virtualNodeName"},
		{`{"virtualNodeName":"a","spec":{"listener":[]}}`, "spec.listener"},
		{`{"virtualNodeName":"a","spec":{`, "byte"},
		{`[]`, "body"},
	} {
		if message := s.put("meshes/shop/virtualNodes", c.body).failsWith(badRequest); !strings.Contains(message, c.names) {
			t.Errorf("%s: message %q does not name %s", c.body, message, c.names)
		}
	}
	// Everything that is wrong is told at once: in path, query and body.
	message := s.put("meshes/a%00/virtualNodes?meshOwner=1", `{"virtualNodeName":"","spec":1}`).failsWith(badRequest)
	for _, name := range []string{"meshName ", "meshOwner ", "virtualNodeName ", "spec "} {
		if !strings.Contains(message, name) {
			t.Errorf("message %q does not name %s", message, name)
		}
	}
	if after := s.generation("shop"); after != before {
		t.Errorf("refused requests moved the mesh from generation %d to %d", before, after)
	}
}

// panicking is a store that has a bug.
type panicking struct{ store.Store }

func (panicking) MeshByName(context.Context, string) (store.Mesh, error) { panic("secret detail") }

func TestFaultsShowNothingInside(t *testing.T) {
	s := newServer(t, withStore(func(inner store.Store) store.Store { return panicking{inner} }))
	a := s.get("meshes/shop")
	message := a.failsWith(internalError)
	if strings.Contains(message, "secret") || !strings.Contains(message, a.header.Get("x-amzn-RequestId")) {
		t.Errorf("message %q", message)
	}
	s.get("meshes").ok() // and the next request is served
}

// counting counts the writes that go out on each connection.
type counting struct {
	net.Listener
	mu     sync.Mutex
	writes [][]byte
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l}, err
}

type countingConn struct {
	net.Conn
	l *counting
}

func (c countingConn) Write(b []byte) (int, error) {
	c.l.mu.Lock()
	c.l.writes = append(c.l.writes, bytes.Clone(b))
	c.l.mu.Unlock()
	return c.Conn.Write(b)
}

func TestOneWritePerAnswer(t *testing.T) {
	s := newServer(t)
	shop(s)
	front := httptest.NewUnstartedServer(s.handler)
	listener := &counting{Listener: front.Listener}
	front.Listener = listener
	front.Start()
	defer front.Close()

	requests := []string{"/v20190125/meshes/shop", "/v20190125/meshes/none", "/v20190125/meshes", "/v20190125/meshes/shop/virtualNodes", "/nothing"}
	for _, path := range requests {
		res, err := http.Get(front.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if len(listener.writes) != len(requests) {
		t.Errorf("%d answers took %d writes", len(requests), len(listener.writes))
	}
	for _, w := range listener.writes {
		if !bytes.HasPrefix(w, []byte("HTTP/1.1 ")) || !bytes.HasSuffix(w, []byte("}")) {
			t.Errorf("a write is not a whole answer: %q", w)
		}
	}
}
