package reconcile_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

// wantFindings compares what register found with lines like "taskBinding/cart spec task-binding-needless".
func (w *world) wantFindings(mesh string, want ...string) {
	w.t.Helper()
	data, _, err := w.objects.Get(w.t.Context(), events.RegistrationPath(mesh))
	var got []string
	if err == nil {
		var report resource.Report
		w.must(json.Unmarshal(data, &report))
		for _, f := range report.Findings {
			if f.Message == "" || f.Hint == "" {
				w.t.Errorf("%+v says too little", f)
			}
			got = append(got, f.Resource.String()+" "+f.Path+" "+f.Code)
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("found %q, want %q", got, want)
	}
}

// Bindings that change, and nodes that do, take their tasks along; what nobody asks for any more is taken back.
func TestBindingsChange(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "b", "cart", "cart-vn", "")
	r := w.inAWS(a)
	a.run("cart", "t1")
	a.run("stock", "s1")
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: t1")
	key := resource.Key{Kind: resource.KindTaskBinding, Name: "b"}

	handle := func(want ...string) {
		t.Helper()
		w.must(r.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: 9}))
		w.wantInstances(mesh, want...)
	}
	w.bind(mesh, "b", "stock", "cart-vn", "") // other tasks
	handle("cart: s1")
	w.bind(mesh, "b", "cart", "cart-vn", "") // and back: the same task, as old as it was
	handle("cart: t1")
	w.node(mesh, "cart-vn", "basket") // the node's service changes
	handle("basket: t1")
	if _, there := a.services[service("cart")]; there || a.services[service("basket")] != mesh {
		t.Errorf("Cloud Map has the services %v", a.services)
	}
	w.remove(mesh, key)
	handle("basket: ")
	w.bind(mesh, "b", "cart", "cart-vn", "")
	handle("basket: t1")
	if len(a.instances) != 1 {
		t.Errorf("Cloud Map has %v", a.instances)
	}

	w.remove(mesh, key)
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart-vn"})
	w.remove(mesh, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	if state, _ := w.instances(mesh); !state.Deleted || len(a.instances)+len(a.services) > 0 {
		t.Errorf("of the deleted mesh, Cloud Map has %v and %v", a.services, a.instances)
	}
}

// A sweep finds what no event told: tasks that run, tasks that are gone, and those that ECS forgot.
func TestSweepFindsTasks(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	for _, id := range []string{"t1", "t2", "t3"} {
		a.run("cart", id)
	}
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: t1 t2 t3")
	_, at := w.instances(mesh)
	publications := a.calls["Publish"]
	w.put(mesh, resource.KindVirtualRouter, "", "r", `{"listeners":[]}`) // another generation says nothing about tasks
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	if _, now := w.instances(mesh); now != at || a.calls["Publish"] != publications {
		t.Errorf("nothing changed, yet the log moved from %s to %s, and Cloud Map was told %d times", at, now, a.calls["Publish"]-publications)
	}
	a.stop("cart", "t1")
	stopped := a.stop("cart", "t2")
	delete(a.tasks, stopped.ARN) // an hour later
	a.run("cart", "t4")
	w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: t3 t4")
	if ids := len(a.instances); ids != 2 {
		t.Errorf("Cloud Map has %v", a.instances)
	}
}

func TestFindingsOfRegister(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.put(mesh, resource.KindVirtualNode, "", "dns-vn", `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"a"}}}`)
	w.put(mesh, resource.KindVirtualNode, "", "lost-vn", `{"serviceDiscovery":{"awsCloudMap":{"namespaceName":"nowhere","serviceName":"a"}}}`)
	w.put(mesh, resource.KindVirtualNode, "", "two-vn", `{"listeners":[{"portMapping":{"port":80,"protocol":"http"}},{"portMapping":{"port":81,"protocol":"http"}}],
		"serviceDiscovery":{"awsCloudMap":{"namespaceName":"shop.local","serviceName":"two"}}}`)
	w.bind(mesh, "a", "cart", "cart-vn", "")
	w.bind(mesh, "b", "cart", "cart-vn", "")
	w.bind(mesh, "dns", "cart", "dns-vn", "")
	w.bind(mesh, "two", "two", "two-vn", `,"port":82`)
	w.bind(mesh, "bridge", "bridge", "cart-vn", "")
	w.bind(mesh, "blind", "blind", "cart-vn", `,"container":"app"`)
	a.run("blind", "t2")
	w.put(mesh, resource.KindTaskBinding, "", "cluster", `{"cluster":"none","service":"x","virtualNode":{"virtualNodeName":"cart-vn"}}`)
	w.put(mesh, resource.KindResolvableName, "", "a", `{"namespaceName":"shop.local"}`)
	w.put(mesh, resource.KindResolvableName, "", "b", `{"namespaceName":"shop.local"}`)
	w.put(mesh, resource.KindResolvableName, "", "c", `{"namespaceName":"nowhere"}`)
	a.change("bridge", "t1", func(t *task.Task) { t.Running, t.IPv4 = true, "" })
	r := w.inAWS(a)
	all := []string{
		"resolvableName/b spec.namespaceName resolvable-name-duplicate",
		"resolvableName/c spec.namespaceName namespace-missing",
		"taskBinding/b spec task-binding-duplicate",
		"taskBinding/blind spec.container task-binding-container",
		"taskBinding/bridge spec.service task-without-address",
		"taskBinding/cluster spec cluster-missing",
		"taskBinding/dns spec.virtualNode task-binding-without-cloud-map",
		"taskBinding/two spec.port task-binding-port",
		"virtualNode/lost-vn spec.serviceDiscovery.awsCloudMap namespace-missing",
	}
	for range 2 {
		w.must(r.Handle(t.Context(), changed(mesh)))
		w.wantFindings(mesh, all...)
	}
	for _, name := range []string{"b", "dns", "two", "blind", "bridge", "cluster"} {
		w.remove(mesh, resource.Key{Kind: resource.KindTaskBinding, Name: name})
	}
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh, all[0], all[1], all[8])
}

// On one machine nothing knows ECS or Cloud Map: what asks for them says so.
func TestFindingsOnOneMachine(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	r := w.registrar()
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh)
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	w.put(mesh, resource.KindResolvableName, "", "shop", `{"namespaceName":"shop.local"}`)
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh, "resolvableName/shop spec.namespaceName resolvable-name-needs-cloud-map", "taskBinding/cart spec.cluster task-binding-needs-ecs")
	w.remove(mesh, resource.Key{Kind: resource.KindTaskBinding, Name: "cart"})
	w.remove(mesh, resource.Key{Kind: resource.KindResolvableName, Name: "shop"})
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh)
}

func TestResolvableNames(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	for _, name := range []string{"cart.shop.local", "stock.shop.local", "elsewhere.com", "shop.local"} {
		w.put(mesh, resource.KindVirtualService, "", name, `{}`)
	}
	r := w.inAWS(a)
	w.must(r.Handle(t.Context(), changed(mesh)))
	names := func(want map[string]string) {
		t.Helper()
		w.must(r.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: 99}))
		if !maps.Equal(a.names, want) {
			t.Errorf("names %v, want %v", a.names, want)
		}
	}
	names(map[string]string{})
	w.put(mesh, resource.KindResolvableName, "", "n", `{"namespaceName":"shop.local"}`)
	names(map[string]string{"stock.shop.local": resource.DefaultNameAddress}) // cart is a node's service
	w.put(mesh, resource.KindVirtualService, "", "web.shop.local", `{}`)
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualService, Name: "stock.shop.local"})
	names(map[string]string{"web.shop.local": resource.DefaultNameAddress})
	w.put(mesh, resource.KindResolvableName, "", "n", `{"namespaceName":"shop.local","address":"10.1.1.1"}`)
	names(map[string]string{"web.shop.local": "10.1.1.1"})
	w.remove(mesh, resource.Key{Kind: resource.KindResolvableName, Name: "n"})
	r = w.inAWS(a) // one that never saw it
	a.lingering = true
	names(map[string]string{"web.shop.local": "10.1.1.1"}) // it could not go yet
	w.must(r.Handle(t.Context(), changed(mesh)))           // the next sweep
	names(map[string]string{})
}
