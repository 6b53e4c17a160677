package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

func (w *world) wantPublished(mesh string) artifact.Position {
	w.t.Helper()
	got, at := w.published(mesh)
	if diff := cmp.Diff(w.whole(mesh), got); diff != "" {
		w.t.Fatalf("what is published is not what the store says (-store +log):\n%s", diff)
	}
	return at
}

func TestCompilerFollowsTheStore(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	warm := w.compiler()
	for i := range 5 {
		w.must(warm.Handle(t.Context(), changed(mesh)))
		at := w.wantPublished(mesh)
		if at.Seq != int64(i) {
			t.Errorf("after %d changes the log is at %s: each generation is one change", i, at)
		}
		w.node(mesh, fmt.Sprint("node", i), "cart")
	}
	w.must(w.compiler().Handle(t.Context(), changed(mesh))) // a cold one goes on where the warm one was
	w.wantPublished(mesh)
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "node0"})
	w.must(warm.Handle(t.Context(), changed(mesh))) // and finds that it was overtaken
	w.wantPublished(mesh)
}

func TestCompilerDoesNothingTwice(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.node(mesh, "cart", "cart")
	warm := w.compiler()
	w.must(warm.Handle(t.Context(), changed(mesh)))
	before := w.wantPublished(mesh)
	w.objects.Counts() // forget what it cost so far
	for range 3 {
		w.must(warm.Handle(t.Context(), changed(mesh)))
		w.must(warm.Handle(t.Context(), changed("a mesh that never was")))
	}
	if n := w.objects.Counts().Written; n != 0 {
		t.Errorf("doubled messages wrote %d bytes", n)
	}
	if at := w.wantPublished(mesh); at != before {
		t.Errorf("doubled messages moved the log from %s to %s", before, at)
	}
	w.must(w.compiler().Handle(t.Context(), changed(mesh)))
	if at := w.wantPublished(mesh); at != before {
		t.Errorf("a cold start with nothing new moved the log from %s to %s", before, at)
	}
}

func TestCompilersRace(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	compilers := []interface {
		Handle(ctx context.Context, e events.MeshChanged) error
	}{w.compiler(), w.compiler(), w.compiler()}
	var wg sync.WaitGroup
	for i := range 20 {
		w.node(mesh, fmt.Sprint("node", i), "cart")
		for _, c := range compilers {
			wg.Go(func() {
				if err := persist(func() error { return c.Handle(t.Context(), changed(mesh)) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	w.wantPublished(mesh)
}

func TestCompilerHealsItsLog(t *testing.T) {
	harm := map[string]func(w *world, mesh string){
		"everything is gone": func(w *world, _ string) { w.objects.Lose("") },
		"the newest change is damaged": func(w *world, mesh string) {
			_, at := w.published(mesh)
			w.objects.Put(events.EntryPath(mesh, events.LogConfig, at.Epoch, at.Seq-1), []byte("not what was written"))
		},
		"the full state is damaged": func(w *world, mesh string) {
			_, at := w.published(mesh)
			w.objects.Put(events.FullPath(mesh, events.LogConfig, at.Epoch, 0), []byte("not what was written"))
		},
		"the checkpoint is gone": func(w *world, mesh string) {
			w.must(w.objects.Delete(w.t.Context(), events.CheckpointPath(mesh, events.LogConfig)))
		},
	}
	for name, do := range harm {
		for _, kind := range []string{"warm", "cold"} {
			t.Run(name+", handler "+kind, func(t *testing.T) {
				w := newWorld(t)
				mesh := w.mesh("shop")
				c := w.compiler()
				w.must(c.Handle(t.Context(), changed(mesh)))
				w.node(mesh, "cart", "cart")
				w.must(c.Handle(t.Context(), changed(mesh)))
				do(w, mesh)
				if kind == "cold" {
					c = w.compiler()
				}
				w.node(mesh, "order", "order")
				w.must(c.Handle(t.Context(), changed(mesh)))
				w.must(w.compiler().Handle(t.Context(), changed(mesh))) // a sweep, later
				w.wantPublished(mesh)
			})
		}
	}
}

func TestCompilerReportsFaultsAndRecovers(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	c := w.compiler()
	down := errors.New("the artifact store is down")
	for _, op := range []artifacttest.Op{artifacttest.OpGet, artifacttest.OpCreate, artifacttest.OpReplace} {
		for _, lost := range []bool{false, true} {
			w.node(mesh, fmt.Sprint(op, lost), "cart")
			w.objects.Inject(func(call artifacttest.Call) artifacttest.Fault {
				if call.Op == op {
					return artifacttest.Fault{Err: down, Lost: lost}
				}
				return artifacttest.Fault{}
			})
			_ = c.Handle(t.Context(), changed(mesh)) // whether this fault is met depends on what is warm
			w.objects.Inject(nil)
			w.must(c.Handle(t.Context(), changed(mesh)))
			w.wantPublished(mesh)
		}
	}
	w.node(mesh, "last", "cart")
	w.objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: down} })
	if err := c.Handle(t.Context(), changed(mesh)); !errors.Is(err, down) {
		t.Errorf("with the store down the handler said: %v", err)
	}
}

// A panic over one mesh is a fault of that mesh's message: the process goes on, and nothing half done is kept.
func TestPanicsAreFaults(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	c, r := w.compiler(), w.registrar()
	for i := range 2 { // cold, then warm
		w.node(mesh, fmt.Sprint("n", i), fmt.Sprint("s", i))
		w.register(fmt.Sprint("s", i), "a", "10.0.0.1")
		w.objects.Inject(func(call artifacttest.Call) artifacttest.Fault {
			if call.Op == artifacttest.OpCreate { // the new state is made by then
				panic("a bug")
			}
			return artifacttest.Fault{}
		})
		for name, handle := range map[string]func() error{
			"compiler": func() error { return c.Handle(t.Context(), changed(mesh)) }, "registrar": func() error { return r.Handle(t.Context(), changed(mesh)) },
		} {
			if err := handle(); err == nil || !strings.Contains(err.Error(), "panic: a bug") || !strings.Contains(err.Error(), mesh) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.objects.Inject(nil)
		w.must(c.Handle(t.Context(), changed(mesh)))
		w.must(r.Handle(t.Context(), changed(mesh)))
		w.wantPublished(mesh)
	}
	w.wantInstances(mesh, "s0: a", "s1: a")
}

func TestDeletedMeshEndsAndItsNameMovesOn(t *testing.T) {
	w := newWorld(t)
	old := w.mesh("shop")
	c, late := w.compiler(), w.compiler()
	w.must(c.Handle(t.Context(), changed(old)))
	w.must(late.Handle(t.Context(), changed(old)))
	w.remove(old, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	again := w.mesh("shop")
	w.must(c.Handle(t.Context(), changed(again)))
	w.must(c.Handle(t.Context(), changed(old)))
	w.must(late.Handle(t.Context(), changed(old)))
	w.objects.Counts() // and from here on
	w.must(w.compiler().Handle(t.Context(), changed(old)))
	if n := w.objects.Counts().Written; n != 0 {
		t.Errorf("%d bytes are written at each look at a deleted mesh", n)
	}
	if state, _ := w.published(old); !state.Deleted {
		t.Error("the deleted mesh's log has no tombstone")
	}
	uid, _, err := w.objects.Get(t.Context(), events.NamePath("shop"))
	w.must(err)
	if string(uid) != again {
		t.Errorf("the name means %s, want the new mesh %s", uid, again)
	}
	w.wantPublished(again)
}

func TestMeshDeletedBeforeItWasPublishedLeavesNothing(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.remove(mesh, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	w.must(w.compiler().Handle(t.Context(), changed(mesh)))
	if n := w.objects.Counts().Written; n != 0 {
		t.Errorf("%d bytes were published of a mesh that nobody ever saw", n)
	}
}

func TestReportFollowsThePublishedGeneration(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	c := w.compiler()
	w.put(mesh, resource.KindVirtualNode, "", "cart", `{"backends":[{"virtualService":{"virtualServiceName":"nobody"}}]}`)
	w.must(c.Handle(t.Context(), changed(mesh)))
	read := func() (r resource.Report) {
		data, _, err := w.objects.Get(t.Context(), events.ReportPath(mesh))
		w.must(err)
		w.must(json.Unmarshal(data, &r))
		return r
	}
	r := read()
	if r.Generation != 2 || len(r.Findings) == 0 || !strings.Contains(r.Findings[0].Message, "nobody") {
		t.Errorf("the report is %+v, want generation 2 and a finding about nobody", r)
	}
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart"})
	w.must(c.Handle(t.Context(), changed(mesh)))
	if r = read(); r.Generation != 3 || len(r.Findings) != 0 {
		t.Errorf("the report is %+v, want generation 3 without findings", r)
	}
}

// A handler that slept must not put its report over a newer one.
func TestReportMovesOnlyForward(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	newer, err := json.Marshal(resource.Report{MeshUID: mesh, Generation: 1000, Findings: []resource.Finding{}})
	w.must(err)
	w.objects.Put(events.ReportPath(mesh), newer)
	w.must(w.compiler().Handle(t.Context(), changed(mesh)))
	if got := w.objects.Bytes(events.ReportPath(mesh)); string(got) != string(newer) {
		t.Errorf("the report of generation 1000 became %s", got)
	}
}

// What a newer compiler published, an older one leaves alone, and says so.
func TestCompilerLeavesANewerOnesLogAlone(t *testing.T) {
	w := newWorld(t)
	mesh := w.mesh("shop")
	w.must(w.compiler().Handle(t.Context(), changed(mesh)))
	cfg, at := w.published(mesh)
	cfg.Compiler = compile.Version + 1
	log := artifact.NewWriter(w.objects, mesh, artifact.ConfigLog, artifact.WriterOptions{Now: w.clock})
	at, err := log.Append(t.Context(), at, artifact.ConfigChange{Generation: cfg.Generation, Compiler: cfg.Compiler}, func() *artifact.Config { return cfg })
	w.must(err)
	w.node(mesh, "cart", "cart")
	if err := w.compiler().Handle(t.Context(), changed(mesh)); err == nil || !strings.Contains(err.Error(), "upgrade this one") {
		t.Errorf("the older compiler says %v", err)
	}
	if _, now := w.published(mesh); now != at {
		t.Errorf("the older compiler moved the log from %s to %s", at, now)
	}

	// Who means to stay with the older one takes the log away, as docs/aws/deploy.md says: the log begins anew, and
	// relays that have read the newer one's follow.
	relay := artifact.NewReader(w.objects, mesh, artifact.ConfigLog, artifact.ReaderOptions{Now: w.clock, CheckpointInterval: time.Nanosecond})
	_, err = relay.Poll(t.Context())
	w.must(err)
	for _, key := range w.objects.Keys(events.LogPrefix(mesh, events.LogConfig)) {
		w.objects.Lose(key)
	}
	w.must(w.compiler().Handle(t.Context(), changed(mesh)))
	_, err = relay.Poll(t.Context())
	w.must(err)
	if cfg := relay.State(); cfg.Compiler != compile.Version || cfg.Generation != 2 || relay.Position().Epoch <= at.Epoch {
		t.Errorf("a relay stands at %s with generation %d of compiler %d", relay.Position(), cfg.Generation, cfg.Compiler)
	}
}
