package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// beside is another API process over the same store: it shares no locks with s.
func beside(s *server) *server {
	s.t.Helper()
	other := &server{t: s.t, store: s.store, handler: newHandler(s.handler.Options)}
	front := httptest.NewServer(other.handler)
	other.url = front.URL
	s.t.Cleanup(front.Close)
	return other
}

// journal reads all of a mesh's journal and wants it to have no gap.
func (s *server) journal(uid string) []store.Entry {
	s.t.Helper()
	var all []store.Entry
	for {
		page, err := s.store.Journal(context.Background(), uid, int64(len(all)), 100)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			if all = append(all, e); e.Generation != int64(len(all)) {
				s.t.Fatalf("entry %d of the journal is generation %d", len(all), e.Generation)
			}
		}
	}
}

func (s *server) uid(mesh string) string {
	s.t.Helper()
	m, err := s.store.MeshByName(context.Background(), mesh)
	if err != nil {
		s.t.Fatal(err)
	}
	return m.UID
}

func TestManyWritersOfOneMesh(t *testing.T) {
	for _, processes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			s := newServer(t)
			s.put("meshes", `{"meshName":"shop"}`).ok()
			servers := []*server{s}
			for len(servers) < processes {
				servers = append(servers, beside(s))
			}
			const writers = 40
			answers := make([]answer, writers)
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					a, err := servers[i%processes].tryAsk("PUT", "/v20190125/meshes/shop/virtualNodes", nodeBody(fmt.Sprintf("n%d", i)))
					if err != nil {
						t.Error(err)
					}
					answers[i] = a
				})
			}
			wg.Wait()
			for _, a := range answers {
				a.ok()
			}
			entries := s.journal(s.uid("shop"))
			if len(entries) != writers+1 {
				t.Fatalf("%d entries in the journal, want %d", len(entries), writers+1)
			}
			requests := map[string]bool{}
			for _, e := range entries[1:] {
				requests[e.RequestID] = true
			}
			for _, a := range answers {
				if !requests[a.header.Get("x-amzn-RequestId")] {
					t.Errorf("no entry of request %s", a.header.Get("x-amzn-RequestId"))
				}
			}
			var announced []int64
			for _, m := range s.announce {
				announced = append(announced, m.Generation)
			}
			slices.Sort(announced)
			if processes == 1 && (len(slices.Compact(announced)) != writers+1 || announced[writers] != writers+1) {
				t.Errorf("announced generations %v", announced)
			}
		})
	}
}

func TestOneOfManyCreatesWins(t *testing.T) {
	s := newServer(t)
	other := beside(s)
	for _, c := range [][2]string{{"meshes", `{"meshName":"shop"}`}, {"meshes/shop/virtualNodes", nodeBody("n")}} {
		var wg sync.WaitGroup
		statuses := make([]int, 16)
		for i := range statuses {
			wg.Go(func() {
				a, err := []*server{s, other}[i%2].tryAsk("PUT", "/v20190125/"+c[0], c[1])
				if err != nil {
					t.Error(err)
				}
				statuses[i] = a.status
			})
		}
		wg.Wait()
		slices.Sort(statuses)
		if statuses[0] != http.StatusOK || statuses[1] != http.StatusConflict || statuses[len(statuses)-1] != http.StatusConflict {
			t.Errorf("%s: %v", c[0], statuses)
		}
	}
}

// Whoever wins: a reference never points at nothing.
func TestDeletionsRaceWithReferences(t *testing.T) {
	s := newServer(t)
	shop(s)
	other := beside(s)
	for i := range 30 {
		node, service := fmt.Sprintf("n%d", i), fmt.Sprintf("s%d", i)
		s.put("meshes/shop/virtualNodes", nodeBody(node)).ok()
		s.put("meshes/shop/virtualServices", fmt.Sprintf(`{"virtualServiceName":%q,"spec":{}}`, service)).ok()
		var wg sync.WaitGroup
		race := func(on *server, method, path, body string) {
			wg.Go(func() {
				if a, err := on.tryAsk(method, "/v20190125/meshes/shop/"+path, body); err != nil || a.status >= 500 || a.status == http.StatusTooManyRequests {
					t.Errorf("%s %s: %v %d %s", method, path, err, a.status, a.raw)
				}
			})
		}
		race(s, "DELETE", "virtualNodes/"+node, "")
		race(other, "PUT", "virtualRouter/cart-vr/routes", routeBody("to-"+node, node, 0))
		race(s, "DELETE", "virtualServices/"+service, "")
		race(other, "PUT", "virtualGateway/front/gatewayRoutes", gatewayRouteBody("to-"+service, service))
		wg.Wait()
		for _, pair := range [][2]string{
			{"virtualRouter/cart-vr/routes/to-" + node, "virtualNodes/" + node},
			{"virtualGateway/front/gatewayRoutes/to-" + service, "virtualServices/" + service},
		} {
			referrer, target := s.get("meshes/shop/"+pair[0]).status, s.get("meshes/shop/"+pair[1]).status
			if referrer != target { // either the deletion was refused, or the reference was
				t.Errorf("%s: %d, but %s: %d", pair[0], referrer, pair[1], target)
			}
		}
	}
}

func TestMeshDeletionRacesWithCreation(t *testing.T) {
	s := newServer(t)
	other := beside(s)
	for range 15 {
		s.put("meshes", `{"meshName":"shop"}`).ok()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = s.tryAsk("DELETE", "/v20190125/meshes/shop", "") })
		wg.Go(func() { _, _ = other.tryAsk("PUT", "/v20190125/meshes/shop/virtualNodes", nodeBody("n")) })
		wg.Wait()
		mesh, node := s.get("meshes/shop").status, s.get("meshes/shop/virtualNodes/n").status
		if mesh != node {
			t.Fatalf("mesh %d, node %d", mesh, node)
		}
		if mesh == http.StatusOK {
			s.delete("meshes/shop/virtualNodes/n").ok()
			s.delete("meshes/shop").ok()
		}
	}
}

var errWire = errors.New("connection reset")

// faulty is a store behind a bad wire: each write does what the next fault says, and works when there is none left.
type faulty struct {
	store.Store
	mu      sync.Mutex
	faults  []fault
	late    func() // a write that is still under way
	commits int
}

type fault int

const (
	notDone fault = iota // fails, and nothing happens
	lost                 // happens, and fails
	late                 // fails, and happens after the journal was read in vain
	raced                // somebody else was faster
)

func (f *faulty) write(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
	if len(f.faults) == 0 {
		return do()
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	switch next {
	case lost:
		if err := do(); err != nil {
			return err
		}
	case late:
		f.late = func() { _ = do() }
	case raced:
		return fmt.Errorf("commit: %w", store.ErrConflict)
	}
	return errWire
}

func (f *faulty) arrive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late != nil {
		f.late()
		f.late = nil
	}
}

func (f *faulty) Commit(ctx context.Context, c store.Commit) error {
	return f.write(func() error { return f.Store.Commit(ctx, c) })
}

func (f *faulty) CreateMesh(ctx context.Context, m store.Mesh, tags map[string]string, request, caller string) error {
	return f.write(func() error { return f.Store.CreateMesh(ctx, m, tags, request, caller) })
}

func (f *faulty) Journal(ctx context.Context, uid string, after int64, limit int) ([]store.Entry, error) {
	entries, err := f.Store.Journal(ctx, uid, after, limit)
	f.arrive()
	return entries, err
}

func (f *faulty) MeshByUID(ctx context.Context, uid string) (store.Mesh, error) {
	m, err := f.Store.MeshByUID(ctx, uid)
	f.arrive()
	return m, err
}

func TestLostAnswers(t *testing.T) {
	for name, faults := range map[string][]fault{
		"happened":                  {lost},
		"did not happen":            {notDone},
		"twice not":                 {notDone, notDone},
		"not, then happened":        {notDone, lost},
		"arrives late":              {late},
		"after a lost race":         {raced, lost},
		"not, then races, then did": {notDone, raced, raced, lost},
	} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{}
			s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
			again := func() { f.faults = slices.Clone(faults) }
			again()
			s.put("meshes", `{"meshName":"shop"}`).ok()
			uid := s.uid("shop")
			// One commit each, whatever is lost: a second one would show in generation and version.
			again()
			s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
			again()
			updated := s.put("meshes/shop/virtualNodes/n", `{"spec":{"backends":[]}}`)
			if got := fmt.Sprint(member(updated.ok(), "metadata", "version")); got != "2" {
				t.Errorf("version %s", got)
			}
			s.get("meshes/shop/virtualNodes/n").equal(string(updated.raw))
			again()
			s.put("meshes/shop", `{"spec":{}}`).ok()
			again()
			s.delete("meshes/shop/virtualNodes/n").ok()
			again()
			s.delete("meshes/shop").ok()
			s.get("meshes/shop").failsWith(notFound)

			if entries := s.journal(uid); len(entries) != 6 {
				t.Errorf("%d generations, want 6", len(entries))
			}
			var announced []int64
			for _, m := range s.announce {
				announced = append(announced, m.Generation)
			}
			if !slices.Equal(announced, []int64{1, 2, 3, 4, 5, 6}) {
				t.Errorf("announced %v", announced)
			}
		})
	}
}

// overtaken is a store in which somebody else's commit comes right after each that fails.
type overtaken struct {
	*faulty
	n int
}

func (o *overtaken) Commit(ctx context.Context, c store.Commit) error {
	err := o.faulty.Commit(ctx, c)
	if errors.Is(err, errWire) {
		o.n++
		r := store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindVirtualNode, Name: fmt.Sprintf("other%d", o.n)}, UID: "u", Version: 1, Spec: []byte("{}")}}
		for _, g := range []int64{c.IfGeneration, c.IfGeneration + 1} { // whichever the mesh is at
			_ = o.Store.Commit(ctx, store.Commit{MeshUID: c.MeshUID, IfGeneration: g, RequestID: fmt.Sprintf("other%d-%d", o.n, g), Put: &r})
		}
	}
	return err
}

func TestLostAnswerAndSomebodyFaster(t *testing.T) {
	for name, c := range map[string]struct {
		fault fault
		want  []string
	}{
		"ours had happened":     {lost, []string{"shop", "n", "other1"}},
		"ours had not happened": {notDone, []string{"shop", "other1", "other1", "n"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &overtaken{faulty: &faulty{}}
			s := newServer(t, withStore(func(inner store.Store) store.Store { o.Store = inner; return o }))
			s.put("meshes", `{"meshName":"shop"}`).ok()
			o.faults = []fault{c.fault}
			s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
			var got []string
			for _, e := range s.journal(s.uid("shop")) {
				got = append(got, e.Key.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("journal %v, want %v", got, c.want)
			}
		})
	}
}

func TestStoreThatKeepsFailing(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	f.faults, f.commits = slices.Repeat([]fault{notDone}, 10), 0
	message := s.put("meshes/shop/virtualNodes", nodeBody("n")).failsWith(internalError)
	if strings.Contains(message, errWire.Error()) {
		t.Errorf("message shows internals: %s", message)
	}
	if f.commits != maxFaults {
		t.Errorf("%d attempts, want %d", f.commits, maxFaults)
	}
	f.faults = nil
	s.get("meshes/shop/virtualNodes/n").failsWith(notFound)
}

func TestPatienceEnds(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.handler.patience = 50 * time.Millisecond
	f.faults = slices.Repeat([]fault{raced}, 10_000)
	s.put("meshes/shop/virtualNodes", nodeBody("n")).fails(tooManyRequests, "too many changes of mesh shop at once: try again")
	if f.commits < 3 {
		t.Errorf("only %d attempts", f.commits)
	}
	f.faults = nil

	release, err := s.handler.writers.acquire(t.Context(), "shop") // somebody who takes too long
	if err != nil {
		t.Fatal(err)
	}
	s.put("meshes/shop/virtualNodes", nodeBody("n")).failsWith(tooManyRequests)
	s.put("meshes", `{"meshName":"other"}`).ok() // other meshes don't wait
	release()
	s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
	if left := len(s.handler.writers.byName); left != 0 {
		t.Errorf("%d locks are left behind", left)
	}
}

// slow is a store whose commits wait to be let go.
type slow struct {
	store.Store
	arrived, leave chan struct{}
}

func (s *slow) Commit(ctx context.Context, c store.Commit) error {
	s.arrived <- struct{}{}
	<-s.leave
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Store.Commit(ctx, c)
}

func TestClientThatHangsUpCutsNothingShort(t *testing.T) {
	announced := make(chan events.MeshChanged, 10)
	slowly := &slow{arrived: make(chan struct{}), leave: make(chan struct{})}
	s := newServer(t, withStore(func(inner store.Store) store.Store { slowly.Store = inner; return slowly }),
		func(_ *server, o *Options) { o.Committed = func(m events.MeshChanged) { announced <- m } })
	s.put("meshes", `{"meshName":"shop"}`).ok()
	<-announced
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "PUT", s.url+"/v20190125/meshes/shop/virtualNodes", strings.NewReader(nodeBody("n")))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			t.Error("the request was answered")
		}
	}()
	<-slowly.arrived
	hangUp()
	<-done
	close(slowly.leave)
	if m := <-announced; m.Generation != 2 {
		t.Errorf("announced %+v", m)
	}
	s.get("meshes/shop/virtualNodes/n").ok()
}
