package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
)

type fakeTokens struct{ fault error }

func (f *fakeTokens) Issue(_ context.Context, uid, proxy string) (string, time.Time, error) {
	return "token of " + proxy + " in " + uid, time.Unix(1_800_000_000, 0), f.fault
}

func TestStreamTokens(t *testing.T) {
	objects, tokens := artifact.Objects(artifacttest.NewMemory()), &fakeTokens{}
	s := newServer(t, func(_ *server, o *Options) {
		o.Objects, o.Tokens, o.Relay = objects, tokens, "relay.shop.internal:15010"
	})
	s.put("meshes", `{"meshName":"shop"}`)
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"a/b","spec":{}}`)
	s.put("meshes/shop/virtualGateways", `{"virtualGatewayName":"edge","spec":{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}}`)
	const path = "/v1/meshes/shop/proxies/virtualNode/a%2Fb/token"

	a := s.ask("POST", path, "")
	a.fails(serviceUnavailable, "no relay has started here yet: it makes relay/ca.pem, which sidecars need to know it by; ask again")
	if _, err := objects.Create(t.Context(), events.RelayCAPath, []byte("PEM")); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(s.ask("POST", path, "").raw, &got); err != nil {
		t.Fatal(err)
	}
	m, err := s.store.MeshByName(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"token": "token of virtualNode/a/b in " + m.UID, "expiresAt": "2027-01-15T08:00:00Z", "relay": "relay.shop.internal:15010", "ca": "PEM",
	}
	for member, value := range want {
		if got[member] != value {
			t.Errorf("%s is %q, want %q", member, got[member], value)
		}
	}
	if raw := s.ask("POST", "/v1/meshes/shop/proxies/virtualGateway/edge/token", "").raw; !strings.Contains(string(raw), "virtualGateway/edge") {
		t.Errorf("a gateway got %s", raw)
	}
	s.ask("POST", "/v1/meshes/shop/proxies/virtualNode/none/token", "").failsWith(notFound)
	s.ask("POST", "/v1/meshes/none/proxies/virtualNode/ui/token", "").failsWith(notFound)
	s.ask("POST", "/v1/meshes/shop/proxies/virtualRouter/r/token", "").failsWith(unknownOperation)
	s.ask("GET", path, "").failsWith(unknownOperation)
	tokens.fault = errors.New("the key is gone")
	if a := s.ask("POST", path, ""); a.status != 500 || strings.Contains(string(a.raw), "key") {
		t.Errorf("a fault is answered %d %s", a.status, a.raw)
	}
}

// Another authority is known to sidecars a minute later, and until then, or while the artifacts can't be reached, the last.
func TestTheAuthorityIsReadAgain(t *testing.T) {
	objects := artifacttest.NewMemory()
	objects.Put(events.RelayCAPath, []byte("old"))
	s := newServer(t, func(_ *server, o *Options) {
		o.Objects, o.Tokens, o.Relay = objects, &fakeTokens{}, "relay.shop.internal:15010"
	})
	s.put("meshes", `{"meshName":"shop"}`)
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"ui","spec":{}}`)
	has := func(want string) {
		t.Helper()
		var got struct{ CA string }
		if err := json.Unmarshal(s.ask("POST", "/v1/meshes/shop/proxies/virtualNode/ui/token", "").raw, &got); err != nil || got.CA != want {
			t.Errorf("sidecars are told %q, %v; want %q", got.CA, err, want)
		}
	}
	later := func() { s.now.Add(authorityAge.Milliseconds()) }
	has("old")
	later()
	objects.Lose(events.RelayCAPath) // the first step of replacing it
	has("old")
	objects.Put(events.RelayCAPath, []byte("new"))
	later()
	has("new")
	later()
	objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Wait: make(chan struct{})} })
	has("new")
	objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: errors.New("no store")} })
	later()
	has("new")
}

// Where no tokens are made the relay is on loopback, and its address is all there is to know.
func TestNoStreamTokens(t *testing.T) {
	s := newServer(t, func(_ *server, o *Options) { o.Relay = "127.0.0.1:15010" })
	s.put("meshes", `{"meshName":"shop"}`)
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"ui","spec":{}}`)
	s.ask("POST", "/v1/meshes/shop/proxies/virtualNode/ui/token", "").equal(`{"relay":"127.0.0.1:15010"}`)

	s = newServer(t)
	s.put("meshes", `{"meshName":"shop"}`)
	s.put("meshes/shop/virtualNodes", `{"virtualNodeName":"ui","spec":{}}`)
	s.ask("POST", "/v1/meshes/shop/proxies/virtualNode/ui/token", "").failsWith(serviceUnavailable)
}
