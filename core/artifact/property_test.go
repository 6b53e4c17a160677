package artifact_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

// machine runs writers, readers, the collector and misfortune over one log, in any order.
type machine struct {
	*world
	writers []*actor
	readers []*reader
	places  []artifact.Position // where each reader was last
	acked   map[artifact.Position]*artifact.Config
	harmed  bool
}

// actor is a writer with a reader of its own, as the registrar is.
type actor struct {
	r    *reader
	w    *writer
	late bool // has slept for days: then it reads first, as a writer must in each invocation
}

func newMachine(t *rapid.T) *machine {
	m := &machine{world: newWorldIn(t), acked: map[artifact.Position]*artifact.Config{}}
	m.acked[m.at] = artifacttest.Clone(m.cfg)
	for range 2 {
		m.writers = append(m.writers, &actor{r: m.reader(), w: m.writer()})
	}
	for range 3 {
		m.readers = append(m.readers, m.reader())
	}
	m.places = make([]artifact.Position, len(m.readers))
	return m
}

// append makes one attempt of one writer, which may have read last long ago.
func (m *machine) append(t *rapid.T) {
	a := rapid.SampledFrom(m.writers).Draw(t, "writer")
	if !a.r.Exists() || a.late || rapid.Bool().Draw(t, "reads first") {
		m.read(t, a)
	}
	if !a.r.Exists() {
		return
	}
	state := artifacttest.Clone(a.r.State())
	c := artifacttest.Touch(state, rapid.IntRange(0, 3).Draw(t, "node"))
	if err := state.Apply(c); err != nil {
		t.Fatal(err)
	}
	at, err := a.w.Append(m.ctx, a.r.Position(), c, func() *artifact.Config { return state })
	switch {
	case err == nil:
		// The very same change at the very same place, a repetition, is no other one.
		if other, ok := m.acked[at]; ok && artifacttest.Difference(other, state) != "" {
			t.Fatalf("two changes lead to %s: generations %d and %d", at, other.Generation, state.Generation)
		}
		m.acked[at] = state
	case !errors.Is(err, artifact.ErrLost):
		t.Fatal(err)
	}
}

// read brings a writer's reader up to date; where the log is damaged it begins a new epoch with what it has read.
func (m *machine) read(t *rapid.T, a *actor) {
	a.late = false
	for range 10 {
		steps, err := a.r.Poll(m.ctx)
		if errors.Is(err, artifact.ErrDamaged) && m.harmed {
			m.heal(t, a)
		} else if err != nil {
			t.Fatal(err)
		} else if len(steps) == 0 {
			return
		}
	}
}

func (m *machine) heal(t *rapid.T, a *actor) {
	// As a compiler does, from what it was asked to publish, and not from what of it can still be read.
	newest := m.newest()
	m.time = m.time.Add(time.Millisecond)
	at, err := a.w.NewEpoch(m.ctx, a.r.Position(), newest)
	switch {
	case err == nil:
		m.acked[at] = artifacttest.Clone(newest)
	case !errors.Is(err, artifact.ErrLost):
		t.Fatal(err)
	}
}

// newest is the acknowledged state of the highest generation.
func (m *machine) newest() *artifact.Config {
	states := slices.Collect(maps.Values(m.acked))
	return slices.MaxFunc(states, func(a, b *artifact.Config) int { return int(a.Generation - b.Generation) })
}

func (m *machine) rebuildAll(t *rapid.T) {
	a := rapid.SampledFrom(m.writers).Draw(t, "writer")
	m.read(t, a)
	if a.r.Exists() && a.r.State().Generation == m.newest().Generation {
		m.heal(t, a)
	}
}

// poll moves a reader: it never goes back, and never shows what was not acknowledged.
func (m *machine) poll(t *rapid.T, i int) {
	r := m.readers[i]
	_, err := r.Poll(m.ctx)
	if err != nil && !(m.harmed && errors.Is(err, artifact.ErrDamaged)) {
		t.Fatal(err)
	}
	if r.Position().Compare(m.places[i]) < 0 {
		t.Fatalf("reader %d went back from %s to %s", i, m.places[i], r.Position())
	}
	m.places[i] = r.Position()
	if want, ok := m.acked[r.Position()]; r.Exists() && !ok {
		t.Fatalf("reader %d is at %+v, where nobody wrote", i, r.Position())
	} else if r.Exists() {
		if diff := artifacttest.Difference(want, r.State()); diff != "" {
			t.Fatalf("reader %d at %s (-want +got):\n%s", i, r.Position(), diff)
		}
	}
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"append": m.append, "append again": m.append, "append once more": m.append,
		"new epoch": m.rebuildAll,
		"poll":      func(t *rapid.T) { m.poll(t, rapid.IntRange(0, len(m.readers)-1).Draw(t, "reader")) },
		"wait":      func(t *rapid.T) { m.time = m.time.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "s")) * time.Second) },
		"collect": func(t *rapid.T) {
			for _, a := range m.writers {
				a.late = true
			}
			m.time = m.time.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "days")) * day)
			m.collect(artifact.CollectorOptions{MaxDeletes: rapid.IntRange(1, 50).Draw(t, "most")})
		},
	}
}

// end lets everybody come to rest, and wants all readers at the newest state.
func (m *machine) end(t *rapid.T) {
	for round := range 6 {
		m.time = m.time.Add(time.Minute)
		for _, a := range m.writers {
			m.read(t, a)
			if err := a.w.Check(m.ctx); errors.Is(err, artifact.ErrDamaged) && m.harmed {
				m.heal(t, a)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		for i := range m.readers {
			m.poll(t, i)
		}
		if round == 3 { // and the log can still be written
			m.append(t)
		}
	}
	newest := m.newest()
	for i, r := range append(m.readers, m.reader()) {
		if _, err := r.Poll(m.ctx); err != nil {
			t.Fatalf("reader %d: %v", i, err)
		}
		if diff := artifacttest.Difference(newest, r.State()); diff != "" {
			t.Fatalf("reader %d ends at %s, generation %d, not at generation %d", i, r.Position(), r.State().Generation, newest.Generation)
		}
	}
}

func TestNothingIsLostWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(m.actions())
		m.end(t)
	})
}

// The same with objects that are destroyed. Nothing but what was acknowledged is ever read, and in the end everybody
// has the newest state.
func TestDamageIsHealedWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		actions := m.actions()
		actions["damage"] = func(t *rapid.T) {
			keys := m.store.Keys("")
			key := rapid.SampledFrom(keys).Draw(t, "key")
			m.store.Put(key, fmt.Append(nil, "destroyed: ", len(keys)))
			m.harmed = true
		}
		t.Repeat(actions)
		m.end(t)
	})
}
