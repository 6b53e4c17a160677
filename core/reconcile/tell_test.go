package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/notice"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// outside remembers what it was told, in short.
type outside struct {
	t    *testing.T
	told []string
	err  error
}

func (o *outside) Publish(_ context.Context, all ...events.Event) error {
	for _, e := range all {
		about, ok := e.About()
		if !ok || about.Mesh != "shop" || about.MeshUID == "" || about.Time.IsZero() || strings.Join(e.Resources, " ") != "arn:aws:appmesh:eu-west-1:000000000000:mesh/shop" {
			o.t.Errorf("told %+v", e)
		}
		switch d := e.Detail.(type) {
		case events.ConfigurationPublished:
			o.told = append(o.told, fmt.Sprintf("%d: changed %v, removed %v, proxies %d, findings %d, deleted %v", d.Generation, d.Changed > 0, d.Removed > 0, d.Proxies, d.Findings, d.Deleted))
		case events.EndpointsChanged:
			for _, s := range d.Services {
				o.told = append(o.told, fmt.Sprintf("%d: %s/%s %d +%d ~%d -%d", d.Generation, s.Namespace, s.Service, s.Instances, s.Added, s.Changed, s.Removed))
			}
		}
	}
	return o.err
}

// heard compares what was told since it last did.
func (o *outside) heard(want ...string) {
	o.t.Helper()
	if !slices.Equal(o.told, want) {
		o.t.Errorf("told\n%s\nwant\n%s", strings.Join(o.told, "\n"), strings.Join(want, "\n"))
	}
	o.told = nil
}

var place = notice.Place{Partition: "aws", Region: "eu-west-1"}

func TestTheOutsideHearsOfWhatIsPublished(t *testing.T) {
	w := newWorld(t)
	o := &outside{t: t}
	compiler := func() *reconcile.Compiler {
		return reconcile.NewCompiler(reconcile.CompilerOptions{
			Store: w.store, Objects: w.objects, Now: w.clock, Events: o, Place: place,
			Compile: compile.Options{Interception: resource.Transparent},
		})
	}
	mesh := w.mesh("shop")
	c := compiler()
	handle := func(c *reconcile.Compiler, e events.MeshChanged) {
		t.Helper()
		w.must(c.Handle(t.Context(), e))
	}
	handle(c, changed(mesh))
	o.heard("1: changed false, removed false, proxies 0, findings 0, deleted false")
	w.node(mesh, "cart", "cart")
	handle(c, events.MeshChanged{UID: mesh, Generation: 2})
	handle(c, events.MeshChanged{UID: mesh, Generation: 2})
	handle(c, changed(mesh))
	handle(compiler(), changed(mesh))
	o.heard("2: changed true, removed false, proxies 1, findings 0, deleted false")
	w.put(mesh, resource.KindVirtualService, "", "cart.shop.local", `{"provider":{"virtualNode":{"virtualNodeName":"missing"}}}`)
	w.put(mesh, resource.KindVirtualRouter, "", "unused", `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}]}`)
	o.err = errors.New("the bus is gone")
	handle(compiler(), changed(mesh))
	if len(o.told) != 1 || !strings.HasPrefix(o.told[0], "4: ") || strings.Contains(o.told[0], "findings 0") {
		t.Errorf("two changes at once were told as %q", o.told)
	}
	o.told, o.err = nil, nil
	w.remove(mesh, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	handle(compiler(), changed(mesh))
	o.heard("5: changed false, removed false, proxies 0, findings 0, deleted true")
}

func TestTheOutsideHearsOfInstances(t *testing.T) {
	w := newWorld(t)
	o := &outside{t: t}
	r := reconcile.NewRegistrar(reconcile.RegistrarOptions{
		Store: w.store, Registry: w.registry, Objects: w.objects, Now: w.clock, Events: o, Place: place,
	})
	mesh := w.mesh("shop")
	look := func() {
		t.Helper()
		w.must(r.Handle(t.Context(), changed(mesh)))
	}
	look()
	w.node(mesh, "cart", "cart")
	w.node(mesh, "ui", "ui")
	look()
	o.heard() // services without instances are no news
	w.register("cart", "a", "10.0.0.1")
	w.register("cart", "b", "10.0.0.2")
	w.register("ui", "a", "10.0.0.3")
	look()
	look()
	o.heard("3: shop.local/cart 2 +2 ~0 -0", "3: shop.local/ui 1 +1 ~0 -0")
	w.register("cart", "a", "10.0.0.1") // the same again, at another time
	w.register("cart", "b", "10.0.0.9")
	w.must(w.registry.Deregister(t.Context(), service("ui"), "a"))
	o.err = errors.New("the bus is gone")
	look()
	o.heard("3: shop.local/cart 2 +0 ~1 -0", "3: shop.local/ui 0 +0 ~0 -1")
	o.err = nil
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart"})
	look()
	o.heard("4: shop.local/cart 0 +0 ~0 -2")
	look()
	w.objects.Lose(events.LogPrefix(mesh, events.LogEndpoints)) // healed: nothing is other than it was told
	look()
	o.heard()
}
