package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// certificates is a source that a test fills.
type certificates struct {
	mu    sync.Mutex
	known map[string]graph.Material
	err   error
	asked int
}

func (c *certificates) Find(_ context.Context, arn string) (graph.Material, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.known[arn], c.err
}

const (
	cartARN  = "arn:aws:acm:eu-west-1:000000000000:certificate/cart"
	listener = "lds_ingress_0.0.0.0_15000"
)

// secured commits a node whose listener has a certificate by ARN.
func (w *world) secured(mesh string) {
	w.put(mesh, resource.KindVirtualNode, "", "cart", `{"serviceDiscovery":{"dns":{"hostname":"cart.local"}},
"listeners":[{"portMapping":{"port":8080,"protocol":"http"},"tls":{"mode":"STRICT","certificate":{"acm":{"certificateArn":"`+cartARN+`"}}}}]}`)
}

// A certificate that appears, changes or goes is compiled in, without a commit; one that can't be looked up just now
// stays what it was.
func TestCertificatesAreFollowed(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	source := &certificates{}
	compiler := w.compilerWith(source)
	w.secured(mesh)
	sweep := func() { w.must(compiler.Handle(t.Context(), changed(mesh))) }
	check := func(what, want string) {
		t.Helper()
		config, _ := w.published(mesh)
		r, ok := config.Resources[artifact.ID{Type: artifact.Listener, Name: listener, Scope: "virtualNode/cart"}]
		if got := ok && strings.Contains(string(r.Body), want); got != (want != "") {
			t.Errorf("%s: the listener is there: %v, with %q: %v", what, ok, want, got)
		}
		if said := w.reported(mesh); (want == "") != strings.Contains(said, "certificate-absent") {
			t.Errorf("%s: findings %s", what, said)
		}
		if config.Generation != 2 {
			t.Errorf("%s: generation %d, want 2", what, config.Generation)
		}
	}
	sweep()
	check("absent", "")
	_, before := w.published(mesh)
	sweep()
	if _, at := w.published(mesh); at != before {
		t.Error("nothing has changed, yet something was appended")
	}
	source.known = map[string]graph.Material{cartARN: {Files: graph.CertificateFiles{Chain: "/c/1.pem", Key: "/c/1.key"}, Authorities: "ca"}}
	sweep()
	check("it appears", "/c/1.pem")
	source.err = errors.New("throttled")
	sweep()
	check("it can't be looked up", "/c/1.pem")
	source.err = nil
	source.known[cartARN] = graph.Material{Files: graph.CertificateFiles{Chain: "/c/2.pem", Key: "/c/2.key"}, Authorities: "ca"}
	sweep()
	check("it changes", "/c/2.pem")
	w.must(w.compilerWith(source).Handle(t.Context(), changed(mesh)))
	check("a cold compiler", "/c/2.pem")
	whole := source.known
	source.known = nil
	sweep()
	check("it is gone", "")
	source.known = whole
	sweep()
	check("it is back", "/c/2.pem")
	source.known = map[string]graph.Material{cartARN: {Problem: "expired long ago"}}
	sweep()
	check("it can't be used", "")
	if said := w.reported(mesh); !strings.Contains(said, "expired long ago") {
		t.Errorf("the findings don't say why: %s", said)
	}
}

// Only a sweep looks up again what is known.
func TestCertificatesAreLookedUpOnce(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	source := &certificates{}
	compiler := w.compilerWith(source)
	w.secured(mesh)
	for g := range int64(4) {
		w.must(compiler.Handle(t.Context(), events.MeshChanged{UID: mesh, Generation: g + 2}))
		w.secured(mesh)
	}
	if source.asked != 1 {
		t.Errorf("asked %d times", source.asked)
	}
	w.must(compiler.Handle(t.Context(), changed(mesh)))
	if source.asked != 2 {
		t.Errorf("after a sweep: asked %d times", source.asked)
	}
}

func (w *world) compilerWith(source *certificates) *reconcile.Compiler {
	return reconcile.NewCompiler(reconcile.CompilerOptions{
		Store: w.store, Objects: w.objects, Now: w.clock, Certificates: source,
		Compile: compile.Options{Interception: resource.Transparent},
	})
}

// reported is the findings of the mesh, as text.
func (w *world) reported(mesh string) string {
	w.t.Helper()
	data, _, err := w.objects.Get(w.t.Context(), events.ReportPath(mesh))
	w.must(err)
	var report resource.Report
	w.must(json.Unmarshal(data, &report))
	text, err := json.Marshal(report.Findings)
	w.must(err)
	return string(text)
}
