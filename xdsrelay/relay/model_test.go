package relay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// model is an Envoy in small: it applies what comes, asks for what it then needs, and now and then answers late,
// refuses, or loses its stream. What must hold is checked at each step.
type model struct {
	t       *testing.T
	random  *rand.Rand
	client  *xdstest.Client
	has     map[xdstest.Type]map[string]string // versions
	uses    map[string]string                  // route config -> the cluster it names
	late    []*xdstest.Response                // not answered yet
	history []string
	refuses bool
}

func (m *model) note(format string, about ...any) {
	m.history = append(m.history, fmt.Sprintf(format, about...))
}

// fail says what is wrong, and what led to it.
func (m *model) fail(format string, about ...any) {
	m.t.Helper()
	m.t.Errorf("%s, after:\n%s", fmt.Sprintf(format, about...), strings.Join(m.history, "\n"))
}

func (m *model) connect(w *world) {
	m.note("connects with %v", m.has)
	m.client = w.connect()
	m.late = nil
	m.client.Resume(xdstest.Cluster, maps.Clone(m.has[xdstest.Cluster]))
	for _, name := range sorted(m.has[xdstest.Cluster]) {
		m.client.Subscribe(xdstest.Endpoint, name)
	}
	m.client.Resume(xdstest.Listener, maps.Clone(m.has[xdstest.Listener]))
	if names := m.wantsRoutes(); len(names) > 0 {
		versions := maps.Clone(m.has[xdstest.Route])
		m.client.Resume(xdstest.Route, versions, names...)
	}
}

// wantsRoutes is one route config for each listener: l1 has r1.
func (m *model) wantsRoutes() (names []string) {
	for _, name := range sorted(m.has[xdstest.Listener]) {
		names = append(names, "r"+name[1:])
	}
	return names
}

// take applies a response and answers it, or leaves the answer for later.
func (m *model) take(r *xdstest.Response) {
	m.note("gets %s", r)
	if m.refuses && r.Type != xdstest.Endpoint && len(r.Resources) > 0 && m.random.IntN(6) == 0 {
		m.note("refuses it")
		m.client.Nack(r, "at random")
		return
	}
	for _, resource := range r.Resources {
		if user, ok := m.user(r.Type, resource.Name); !ok {
			m.note("%s comes for nobody: %s is gone", resource.Name, user)
			continue // it crossed with the unsubscription
		}
		_, known := m.has[r.Type][resource.Name]
		m.has[r.Type][resource.Name] = resource.Version
		switch {
		case r.Type == xdstest.Cluster && !known:
			m.client.Subscribe(xdstest.Endpoint, resource.Name)
		case r.Type == xdstest.Listener && !known:
			m.client.Subscribe(xdstest.Route, "r"+resource.Name[1:])
		case r.Type == xdstest.Route:
			c := xdstest.Decode[*routev3.RouteConfiguration](m.t, r, resource.Name).VirtualHosts[0].Routes[0].GetRoute().GetCluster()
			if _, ok := m.has[xdstest.Cluster][c]; !ok && !m.refuses {
				m.fail("route %s came before its cluster %s", resource.Name, c)
			}
			m.uses[resource.Name] = c
		}
	}
	for _, name := range r.RemovedResources {
		delete(m.has[r.Type], name)
		switch r.Type {
		case xdstest.Cluster:
			m.client.Unsubscribe(xdstest.Endpoint, name)
			for route, c := range m.uses {
				if _, active := m.has[xdstest.Listener]["l"+route[1:]]; active && c == name {
					m.fail("cluster %s was removed while route %s used it", name, route)
				}
			}
			delete(m.has[xdstest.Endpoint], name)
		case xdstest.Listener:
			m.client.Unsubscribe(xdstest.Route, "r"+name[1:])
			delete(m.has[xdstest.Route], "r"+name[1:])
			delete(m.uses, "r"+name[1:])
		case xdstest.Route:
			delete(m.uses, name)
		}
	}
	m.late = append(m.late, r)
	if m.random.IntN(3) > 0 {
		m.answer()
	}
}

// user is whose endpoints or routes these are, and whether the model has that.
func (m *model) user(t xdstest.Type, name string) (user string, ok bool) {
	switch t {
	case xdstest.Endpoint:
		_, ok = m.has[xdstest.Cluster][name]
		return name, ok
	case xdstest.Route:
		_, ok = m.has[xdstest.Listener]["l"+name[1:]]
		return "l" + name[1:], ok
	}
	return "", true
}

func (m *model) answer() {
	for _, r := range m.late {
		m.note("accepts %s", r.Nonce)
		m.client.Ack(r)
	}
	m.late = nil
}

func sorted(of map[string]string) []string {
	var names []string
	for n := range 10 {
		for _, prefix := range []string{"c", "l", "r"} {
			if name := fmt.Sprint(prefix, n); of[name] != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestAnyOrderOfEventsEndsWell has a mesh change at random while an Envoy answers at random.
func TestAnyOrderOfEventsEndsWell(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, func(o *relay.Options) { o.Hold = time.Hour; o.Linger = time.Hour })
			m := &model{t: t, random: random, uses: map[string]string{}, refuses: seed%3 == 2, has: map[xdstest.Type]map[string]string{}}
			for _, kind := range []xdstest.Type{xdstest.Cluster, xdstest.Endpoint, xdstest.Listener, xdstest.Route} {
				m.has[kind] = map[string]string{}
			}
			want := randomMesh(w, random, 0)
			m.connect(w)
			for step := 1; step < 80; step++ {
				switch random.IntN(8) {
				case 0, 1:
					want = randomMesh(w, random, step)
					m.note("generation %d wants %v", step, want)
				case 2:
					w.Register(instance(fmt.Sprint(random.IntN(3)), fmt.Sprintf("10.0.0.%d", step)))
				case 3:
					if random.IntN(3) == 0 {
						m.client.Close()
						m.connect(w)
					}
				default:
					if r := m.client.Maybe(3 * time.Millisecond); r != nil {
						m.take(r)
					}
				}
			}
			m.finish(w, want)
		})
	}
}

// finish answers everything, and wants to have everything in the end.
func (m *model) finish(w *world, want map[xdstest.Type]map[string]string) {
	if m.refuses {
		m.refuses = false
		m.client.Close() // what was refused on a stream stays so there
		m.connect(w)
	}
	done := false
	defer func() {
		if !done {
			s, _ := w.relay.Status(meshUID)
			m.fail("has %v, wants %v, stands %+v", m.has, want, s)
		}
	}()
	eventually(m.t, "the proxy has everything", func() bool {
		m.answer()
		for r := m.client.Maybe(5 * time.Millisecond); r != nil; r = m.client.Maybe(5 * time.Millisecond) {
			m.take(r)
			m.answer()
		}
		for kind, versions := range want {
			if !maps.Equal(m.has[kind], versions) {
				return false
			}
		}
		s, _ := w.relay.Status(meshUID)
		last := len(s.Proxies) - 1
		return last >= 0 && s.Proxies[last].State == events.Current && s.Proxies[last].Generation == s.Generation && len(m.has[xdstest.Endpoint]) == len(want[xdstest.Cluster])
	})
	done = true
}

// randomMesh publishes some clusters, listeners and their routes, and says which versions there are.
func randomMesh(w *world, random *rand.Rand, version int) map[xdstest.Type]map[string]string {
	var resources []artifact.Resource
	clusters := random.Perm(5)[:1+random.IntN(4)]
	for _, n := range clusters {
		resources = append(resources, cluster(fmt.Sprint("c", n), version*random.IntN(2)))
	}
	for _, n := range random.Perm(3)[:random.IntN(4)] {
		resources = append(resources, listener(fmt.Sprint("l", n), fmt.Sprint("r", n), random.IntN(2)),
			route(fmt.Sprint("r", n), fmt.Sprint("c", clusters[random.IntN(len(clusters))]), random.IntN(2)))
	}
	w.Edit(func(c *artifact.Config) { clear(c.Resources) })
	w.Proxy(cart, resources...)
	w.Publish()
	want := map[xdstest.Type]map[string]string{xdstest.Cluster: {}, xdstest.Listener: {}, xdstest.Route: {}}
	for _, r := range resources {
		kind := map[artifact.Type]xdstest.Type{artifact.Cluster: xdstest.Cluster, artifact.Listener: xdstest.Listener, artifact.Route: xdstest.Route}[r.Type]
		want[kind][r.Name] = r.Hash
	}
	return want
}
