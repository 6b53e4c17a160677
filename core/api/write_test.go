package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
			f := &faulty{}
			s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
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
			if processes == 1 && f.commits != writers+1 {
				t.Errorf("%d writes took %d attempts: writers of one process take turns", writers+1, f.commits)
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

func TestPatienceEnds(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.handler.patience = 500 * time.Millisecond
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
