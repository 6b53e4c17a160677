package compile

import (
	"fmt"
	"reflect"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
)

// passNo is a pass's place in the list of passes. A unit reads units of earlier passes only: so one sweep over the
// passes brings everything up to date.
type passNo int

// unitID names a unit: its pass, and what it is about.
type unitID struct {
	pass passNo
	a, b string
	port int
}

// unit is a piece of work and what came out of it.
type unit struct {
	id    unitID
	value any // compared to find out whether those that read it must run again

	findings []resource.Finding
	emitted  []artifact.Resource
	proxy    *artifact.Proxy // of the pass that makes proxies

	reads  map[*unit]struct{}
	users  map[*unit]struct{} // units that read this one
	root   bool               // wanted for itself
	queued bool
}

// Work counts what compiling cost.
type Work struct {
	Units      int // units that ran
	Marshalled int // resources that were built and marshalled
}

// memo keeps units and brings them up to date.
type memo struct {
	setting
	passes []pass
	inputs map[unitID]any
	units  map[unitID]*unit
	queue  [][]*unit // by pass: units to run again
	loose  []*unit   // units that may have lost their last user
	work   Work
	out    *output
}

// setting is what never changes.
type setting struct {
	Options
	mesh resource.Key
}

func newMemo(s setting, out *output) *memo {
	return &memo{
		setting: s, passes: passes(), inputs: map[unitID]any{}, units: map[unitID]*unit{},
		queue: make([][]*unit, passCount), out: out,
	}
}

// setInput changes an input; nil removes it. The unit that shows it runs again at the next update.
func (m *memo) setInput(id unitID, value any) {
	if value == nil {
		delete(m.inputs, id)
	} else {
		m.inputs[id] = value
	}
	if u, ok := m.units[id]; ok {
		m.enqueue(u)
	}
}

// want makes a unit wanted for itself; it runs if it is new.
func (m *memo) want(id unitID) {
	u, ok := m.units[id]
	if !ok {
		u = m.create(id)
	}
	u.root = true
}

// unwant ends want.
func (m *memo) unwant(id unitID) {
	if u, ok := m.units[id]; ok {
		u.root = false
		m.loose = append(m.loose, u)
	}
}

// update runs what is queued, pass by pass.
func (m *memo) update() {
	for p := range m.queue {
		for len(m.queue[p]) > 0 {
			last := len(m.queue[p]) - 1
			u := m.queue[p][last]
			m.queue[p] = m.queue[p][:last]
			u.queued = false
			before := u.value
			m.run(u)
			if !reflect.DeepEqual(before, u.value) {
				for user := range u.users {
					m.enqueue(user)
				}
			}
		}
	}
}

func (m *memo) enqueue(u *unit) {
	if !u.queued {
		u.queued = true
		m.queue[u.id.pass] = append(m.queue[u.id.pass], u)
	}
}

func (m *memo) create(id unitID) *unit {
	u := &unit{id: id}
	m.units[id] = u
	m.run(u)
	return u
}

// run computes a unit anew, and puts what it emits in the place of what it emitted before.
func (m *memo) run(u *unit) {
	m.work.Units++
	before := u.reads
	j := &job{memo: m, unit: u}
	u.reads = nil
	u.findings = nil
	u.value = m.passes[u.id.pass].run(j, u.id)
	for r := range before {
		if _, still := u.reads[r]; !still {
			delete(r.users, u)
			m.loose = append(m.loose, r)
		}
	}
	m.out.replace(u, u.emitted, j.emitted)
	u.emitted = j.emitted
	m.out.setProxy(u, j.proxy)
	m.out.setFindings(u)
}

// collect drops units without users, and then those that only these used.
func (m *memo) collect() {
	for len(m.loose) > 0 {
		u := m.loose[len(m.loose)-1]
		m.loose = m.loose[:len(m.loose)-1]
		if u.root || len(u.users) > 0 || m.units[u.id] != u {
			continue
		}
		delete(m.units, u.id)
		for r := range u.reads {
			delete(r.users, u)
			m.loose = append(m.loose, r)
		}
		u.findings = nil
		m.out.replace(u, u.emitted, nil)
		m.out.setProxy(u, nil)
		m.out.setFindings(u)
	}
}

// job is a unit at work: what it reads, notes and emits goes through here.
type job struct {
	memo    *memo
	unit    *unit
	emitted []artifact.Resource
	proxy   *artifact.Proxy
}

// read gives the value of another unit, of an earlier pass, and notes that it was read.
func (j *job) read(id unitID) any {
	if id.pass >= j.unit.id.pass {
		panic(fmt.Sprintf("compile: pass %d reads pass %d, which is not before it", j.unit.id.pass, id.pass))
	}
	u, ok := j.memo.units[id]
	if !ok {
		u = j.memo.create(id)
	}
	if j.unit.reads == nil {
		j.unit.reads = map[*unit]struct{}{}
	}
	j.unit.reads[u] = struct{}{}
	if u.users == nil {
		u.users = map[*unit]struct{}{}
	}
	u.users[j.unit] = struct{}{}
	return u.value
}

// note keeps findings with the unit.
func (j *job) note(found []resource.Finding) { j.unit.findings = append(j.unit.findings, found...) }

// emit adds a resource to the mesh's configuration.
func (j *job) emit(r artifact.Resource) artifact.ID {
	j.memo.work.Marshalled++
	j.emitted = append(j.emitted, r)
	return r.ID
}
