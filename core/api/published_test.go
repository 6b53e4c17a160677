package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// gone is a store that can't be read; hangs lets it take as long as it may.
type gone struct {
	store.Store
	hangs bool
}

func (g gone) MeshByName(ctx context.Context, _ string) (store.Mesh, error) {
	if g.hangs {
		<-ctx.Done()
		return store.Mesh{}, ctx.Err()
	}
	return store.Mesh{}, errWire
}

// A proxy that starts while the store is gone is answered from what is published; what isn't there is a fault then, not a
// refusal, since the store may know it.
func TestProxiesStartWithoutTheStore(t *testing.T) {
	objects := artifacttest.NewMemory()
	ids := []artifact.ID{{Type: "listener", Name: "in"}, {Type: "listener", Name: "out"}, {Type: "cluster", Name: "app"}}
	config := &artifact.Config{Mesh: "shop", UID: "0b8b6c6e-6f3e-4f0e-9f1e-0d3a2b1c4d5e", Generation: 3, Compiler: 1, Resources: map[artifact.ID]artifact.Resource{}}
	for n, fill := range []artifact.Fill{"bind/8080", "proxy", "bind/8080"} {
		config.Resources[ids[n]] = artifact.NewResource(ids[n], []byte("body"), nil, fill, nil)
	}
	slices.SortFunc(ids, func(a, b artifact.ID) int { return strings.Compare(string(a.Type)+a.Name, string(b.Type)+b.Name) })
	config.Proxies = map[artifact.ProxyKey]artifact.Proxy{"virtualNode/cart": {UID: "u", Transparent: []artifact.ID{}, Explicit: ids}}
	w := artifact.NewWriter(objects, config.UID, artifact.ConfigLog, artifact.WriterOptions{Now: time.Now})
	if _, err := w.NewEpoch(t.Context(), artifact.Position{}, config); err != nil {
		t.Fatal(err)
	}
	objects.Put(events.NamePath("shop"), []byte(config.UID))
	objects.Put(events.RelayCAPath, []byte("PEM"))
	for _, hangs := range []bool{false, true} {
		s := newServer(t, withStore(func(below store.Store) store.Store { return gone{below, hangs} }), func(_ *server, o *Options) {
			o.Objects, o.Tokens, o.Relay = objects, &fakeTokens{}, "relay.shop.internal:15010"
		})
		var token struct{ Token string }
		if err := json.Unmarshal(s.ask("POST", "/v1/meshes/shop/proxies/virtualNode/cart/token", "").raw, &token); err != nil || token.Token != "token of virtualNode/cart in "+config.UID {
			t.Errorf("the token is %q, %v", token.Token, err)
		}
		if hangs {
			break // each call takes its time
		}
		var needed struct{ Addresses []string }
		if err := json.Unmarshal(s.ask("GET", "/v1/meshes/shop/proxies/virtualNode/cart/addresses", "").raw, &needed); err != nil || !slices.Equal(needed.Addresses, []string{"bind/8080", "proxy"}) {
			t.Errorf("the addresses are %q, %v", needed.Addresses, err)
		}
		for _, path := range []string{"shop/proxies/virtualNode/none", "none/proxies/virtualNode/cart"} {
			s.ask("POST", "/v1/meshes/"+path+"/token", "").failsWith(internalError)
		}
	}
}
