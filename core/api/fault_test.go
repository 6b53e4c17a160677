package api

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

var errWire = errors.New("connection reset")

// faulty is a store behind a bad wire: each write does what the next fault says, and works when there is none left.
type faulty struct {
	store.Store
	mu      sync.Mutex
	faults  []fault
	late    func() // a write that is still under way
	commits int
	blind   int // how many readings of the journal fail
}

type fault int

const (
	notDone   fault = iota // fails, and nothing happens
	lost                   // happens, and fails
	late                   // fails, and happens after the journal was read in vain
	raced                  // somebody else was faster
	throttled              // the store is too busy
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
	case throttled:
		return fmt.Errorf("commit: %w", store.ErrBusy)
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
	if f.blind > 0 {
		f.blind--
		return nil, errWire
	}
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
		"throttled":                 {throttled, throttled, throttled, throttled},
		"throttled after it was":    {lost, throttled},
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

func TestLostAnswerAndUnreadableJournal(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	// The node is there by our own doing: that must not be told as a conflict.
	f.faults, f.blind = []fault{lost}, 1
	s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
	f.faults, f.blind = []fault{lost}, 1
	s.delete("meshes/shop/virtualNodes/n").ok()
	f.faults, f.blind = []fault{lost}, 1000
	s.put("meshes/shop/virtualNodes", nodeBody("n")).failsWith(internalError)
	f.blind = 0
	if entries := s.journal(s.uid("shop")); len(entries) != 4 {
		t.Errorf("%d generations, want 4", len(entries))
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

// remade is a store in which, at the first failing commit, somebody makes the mesh anew under its name.
type remade struct {
	*faulty
	t    *testing.T
	done bool
}

func (r *remade) Commit(ctx context.Context, c store.Commit) error {
	err := r.faulty.Commit(ctx, c)
	if !errors.Is(err, errWire) || r.done {
		return err
	}
	r.done = true
	m, meshErr := r.Store.MeshByUID(ctx, c.MeshUID)
	deleteErr := r.Store.Commit(ctx, store.Commit{MeshUID: m.UID, IfGeneration: m.Generation, RequestID: "delete", Delete: &m.Key})
	m.UID = "again"
	if err := errors.Join(meshErr, deleteErr, r.Store.CreateMesh(ctx, m, nil, "create", "")); err != nil {
		r.t.Error(err)
	}
	return err
}

// A write that may still happen in a mesh that is gone is not waited for: the mesh of that name now gets it, though it
// is at the same generation.
func TestLostAnswerAndMeshMadeAgain(t *testing.T) {
	r := &remade{faulty: &faulty{}, t: t}
	s := newServer(t, withStore(func(inner store.Store) store.Store { r.Store = inner; return r }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	old := s.uid("shop")
	r.faults = []fault{notDone}
	start := time.Now()
	s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %s", took)
	}
	if uid := s.uid("shop"); uid == old || len(s.journal(uid)) != 2 {
		t.Errorf("the write is not in the journal of the new mesh: %+v", s.journal(uid))
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

func TestStoreThatStaysBusy(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return f }))
	s.put("meshes", `{"meshName":"shop"}`).ok()
	f.faults, s.handler.patience = slices.Repeat([]fault{throttled}, 1000), 500*time.Millisecond
	s.put("meshes/shop/virtualNodes", nodeBody("n")).failsWith(tooManyRequests)
	f.faults, s.handler.patience = nil, patience
	s.put("meshes/shop/virtualNodes", nodeBody("n")).ok()
}

// TestDeadlineOfTheCaller: who gives a request so much time gets an answer in it, whatever the store does.
func TestDeadlineOfTheCaller(t *testing.T) {
	f := &faulty{}
	s := newServer(t, withStore(func(inner store.Store) store.Store { f.Store = inner; return hanging{f} }))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "PUT", "/v20190125/meshes", strings.NewReader(`{"meshName":"shop"}`)))
	if w.Code != 500 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// hanging is a store whose writes end with their context alone.
type hanging struct{ *faulty }

func (hanging) CreateMesh(ctx context.Context, _ store.Mesh, _ map[string]string, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}
