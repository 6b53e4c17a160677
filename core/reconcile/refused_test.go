package reconcile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/task"
	"github.com/ownmesh/ownmesh/events"
)

func denied(call string) error {
	return fmt.Errorf("call: %w", &endpoint.RefusalError{Kind: endpoint.Denied, Code: "denied", Message: "may not " + call, Hint: "allow it"})
}

// refuse has calls of these kinds be refused; without any, all.
func (a *account) refuse(calls ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = func(call string) error {
		if len(calls) == 0 || slices.Contains(calls, call) {
			return denied(call)
		}
		return nil
	}
}

// found are the codes and messages of the mesh's findings of register.
func (w *world) found(mesh string) string {
	w.t.Helper()
	data, _, err := w.objects.Get(w.t.Context(), events.RegistrationPath(mesh))
	w.must(err)
	var report resource.Report
	w.must(json.Unmarshal(data, &report))
	var all []string
	for _, f := range report.Findings {
		all = append(all, f.Resource.String()+" "+f.Path+" "+f.Message)
	}
	return strings.Join(all, "; ")
}

// Whatever is refused ends that one thing: the log has what tasks do, no pass fails, and the sweep's findings say which
// call of which resource it was. When it is allowed again, the next sweep makes up for it.
func TestRefusals(t *testing.T) {
	const node, binding = "virtualNode/cart-vn spec.serviceDiscovery.awsCloudMap may not ", "taskBinding/cart spec may not "
	for _, c := range []struct{ call, found string }{
		{"Ensure", node + "Ensure"},
		{"Publish", node + "Publish"},
		{"Withdraw", node + "Withdraw"},
		{"Instances", node + "Instances"},
		{"Registries", binding + "Registries"},
		{"Running", binding + "Running"},
	} {
		t.Run(c.call, func(t *testing.T) {
			w, a := newWorld(t), newAccount()
			mesh := w.mesh("shop")
			w.node(mesh, "cart-vn", "cart")
			w.bind(mesh, "cart", "cart", "cart-vn", "")
			w.must(w.inAWS(a).Handle(t.Context(), changed(mesh)))
			w.must(w.inAWS(a).TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "t1")}))
			a.refuse(c.call)
			r := w.inAWS(a)
			w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.stop("cart", "t1"), a.run("cart", "t2")}))
			w.wantInstances(mesh, "cart: t2")
			for range 2 {
				w.must(r.Handle(t.Context(), changed(mesh)))
				w.wantInstances(mesh, "cart: t2")
				if found := w.found(mesh); found != c.found {
					t.Errorf("found %q, want %q", found, c.found)
				}
			}
			a.fault = nil
			w.must(r.Handle(t.Context(), changed(mesh)))
			w.wantInstances(mesh, "cart: t2")
			w.wantFindings(mesh)
			if _, ok := a.instances[endpoint.InstanceKey{ServiceKey: service("cart"), ID: "t2"}]; !ok || len(a.instances) != 1 {
				t.Errorf("Cloud Map has %v", a.instances)
			}
		})
	}
}

// Not to be allowed to ask what runs takes no task away, not even one that is asked for by its ARN.
func TestRefusalsTakeNothingAway(t *testing.T) {
	w, a := newWorld(t), newAccount()
	a.ecs("stock", service("stock"))
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.node(mesh, "stock-vn", "stock")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.TasksChanged(t.Context(), mesh, []task.Task{a.run("cart", "c1"), a.run("stock", "s1")}))
	a.refuse()
	for _, again := range []*reconcile.Registrar{r, w.inAWS(a)} {
		w.must(again.Handle(t.Context(), changed(mesh)))
		w.wantInstances(mesh, "cart: c1", "stock: s1")
	}
	_, at := w.instances(mesh) // a damaged log is made anew, with what was read of it
	w.objects.Put(events.FullPath(mesh, events.LogEndpoints, at.Epoch, 0), []byte("not what was written"))
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: c1", "stock: s1")
	a.fault = nil
	a.mu.Lock()
	delete(a.tasks, "arn:aws:ecs:us-east-1:123456789012:task/ecs/c1") // as if ECS had forgotten it
	a.mu.Unlock()
	a.refuse("Find")
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: c1", "stock: s1")
	a.fault = nil
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantInstances(mesh, "cart: ", "stock: s1")
}

// What nobody asks for any more and can't be taken back is a finding of the mesh, until it can; a deleted mesh's log ends.
func TestWhatCanNotBeTakenBack(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	r := w.inAWS(a)
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart-vn"})
	a.refuse("Release")
	for range 2 {
		w.must(r.Handle(t.Context(), changed(mesh)))
		w.wantFindings(mesh, "mesh/shop spec denied")
	}
	a.fault = nil
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.wantFindings(mesh)
	if len(a.services) > 0 {
		t.Errorf("Cloud Map has %v", a.services)
	}
	w.node(mesh, "cart-vn", "cart")
	w.must(r.Handle(t.Context(), changed(mesh)))
	w.remove(mesh, resource.Key{Kind: resource.KindVirtualNode, Name: "cart-vn"})
	w.remove(mesh, resource.Key{Kind: resource.KindMesh, Name: "shop"})
	a.refuse()
	w.must(r.Handle(t.Context(), changed(mesh)))
	if state, _ := w.instances(mesh); !state.Deleted {
		t.Error("the deleted mesh's log goes on")
	}
}

// A fault says which tasks it concerns, and whether the log has them.
func TestTasksError(t *testing.T) {
	w, a := newWorld(t), newAccount()
	mesh := w.mesh("shop")
	w.node(mesh, "cart-vn", "cart")
	w.bind(mesh, "cart", "cart", "cart-vn", "")
	r := w.inAWS(a)
	w.must(r.Handle(t.Context(), changed(mesh)))
	cart, other := a.run("cart", "t1"), a.run("other", "o1")
	check := func(logged bool, arns ...string) {
		t.Helper()
		err := r.TasksChanged(t.Context(), mesh, []task.Task{cart, other})
		of := &reconcile.TasksError{}
		if !errors.As(err, &of) || of.Logged != logged || len(of.Tasks) != len(arns) || slices.ContainsFunc(arns, func(arn string) bool { return !of.Tasks[arn] }) {
			t.Errorf("got %v of %v, logged %v; want %v, %v", err, of.Tasks, of.Logged, arns, logged)
		}
	}
	a.fault = func(call string) error {
		if call == "Publish" {
			return errThrottled
		}
		return nil
	}
	check(true, cart.ARN)
	a.fault = func(call string) error {
		if call == "Registries" {
			return errThrottled
		}
		return nil
	}
	check(false, cart.ARN, other.ARN)
	a.fault = nil
	w.objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: errThrottled, Lost: true} })
	cart = a.stop("cart", "t1")
	check(false, cart.ARN)
}

// TestRefusedMeshesDelayNoOther: with AWS as slow as it is, a task of one mesh is gone as soon with another mesh beside it
// that is refused everything as without.
func TestRefusedMeshesDelayNoOther(t *testing.T) {
	measure := func(t *testing.T, refused bool) (own, both time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			w, mine, theirs := newWorldIn(t, t.TempDir()), newAccount(), newAccount()
			one, other := w.mesh("one"), w.mesh("other")
			registrars := map[string]*reconcile.Registrar{}
			var stops []task.Task
			var start time.Time
			for mesh, a := range map[string]*account{one: mine, other: theirs} {
				w.node(mesh, "cart-vn", "cart")
				w.bind(mesh, "cart", "cart", "cart-vn", "")
				registrars[mesh] = reconcile.NewRegistrar(reconcile.RegistrarOptions{
					Store: slowStore{w.store}, Registry: endpoint.Overlay{Ledger: slowLedger{w.registry}, Foreign: a}, Directory: a, Tasks: a,
					Objects: slowObjects{w.objects}, Now: time.Now, Appended: func(e events.LogAppended) {
						if e.UID == one {
							own = time.Since(start)
						}
					},
				})
				for n := range 100 {
					a.run("cart", fmt.Sprintf("t%02d", n))
				}
				w.must(registrars[mesh].Handle(t.Context(), changed(mesh)))
			}
			for n := range 100 {
				stops = append(stops, mine.stop("cart", fmt.Sprintf("t%02d", n)))
				theirs.stop("cart", fmt.Sprintf("t%02d", n))
			}
			for _, a := range []*account{mine, theirs} {
				a.fault = func(call string) error {
					a.mu.Unlock()
					time.Sleep(othersTake)
					a.mu.Lock()
					if refused && a == theirs {
						return denied(call)
					}
					return nil
				}
			}
			start = time.Now()
			done := make(chan time.Duration, 2)
			for mesh, r := range registrars {
				go func() {
					w.must(r.TasksChanged(t.Context(), mesh, stops))
					done <- time.Since(start)
				}()
			}
			both = max(<-done, <-done)
			w.wantInstances(one, "cart: ")
			w.wantInstances(other, "cart: ")
		})
		return own, both
	}
	own, both := measure(t, false)
	with, held := measure(t, true)
	t.Logf("100 stops are in the log after %v, and after %v beside a refused mesh; the batch takes %v, and %v", own, with, both, held)
	if with > own || held > both {
		t.Errorf("100 stops took %v, and %v beside a refused mesh; the batch %v, and %v", own, with, both, held)
	}
}
