package envoy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/onemachine"
	"github.com/ownmesh/ownmesh/test/machine"
)

// mesh is a mesh on a machine of its own, and the sidecars that run for it.
type mesh struct {
	*machine.Machine
	t        *testing.T
	sidecars []*sidecar
}

// start runs a machine, in parallel with other tests', and applies documents.
func start(t *testing.T, documents string, options ...func(*onemachine.Options)) *mesh {
	t.Helper()
	t.Parallel()
	m := &mesh{Machine: machine.Start(t, options...), t: t}
	m.Apply(documents)
	return m
}

// ready waits until every sidecar has accepted the newest generation, listens, and knows the same instances as the
// registry.
func (m *mesh) ready() {
	m.t.Helper()
	for _, s := range m.sidecars {
		m.settled(s)
		machine.Eventually(m.t, s.name+" to listen", s.unready)
	}
	m.endpointsKnown()
}

// settled waits until a sidecar has accepted the newest generation.
func (m *mesh) settled(s *sidecar) {
	m.t.Helper()
	machine.Eventually(m.t, s.name+" to be current", func() string {
		if instead := s.exited(); instead != "" {
			m.t.Fatal(instead)
		}
		if p, ok := m.Proxy(s.resource, s.name); !ok || p.State != events.Current {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
}

// forget takes a sidecar that was killed off those that ready waits for.
func (m *mesh) forget(s *sidecar) {
	m.sidecars = slices.DeleteFunc(m.sidecars, func(other *sidecar) bool { return other == s })
}

// endpointsKnown waits until each sidecar's clusters hold just the instances that are registered.
func (m *mesh) endpointsKnown() {
	m.t.Helper()
	instances, err := m.Instances(m.t.Context(), endpoint.ServiceKey{})
	if err != nil {
		m.t.Fatal(err)
	}
	state := endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}}
	for _, i := range instances {
		key := endpoint.ServiceKey{Namespace: i.Namespace, Service: i.Service}
		if state.Services[key] == nil {
			state.Services[key] = map[string]endpoint.Instance{}
		}
		state.Services[key][i.ID] = i
	}
	want := map[string][]string{} // by cluster
	nodes, err := m.All(m.t.Context(), m.Mesh, resource.KindVirtualNode, "")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, n := range nodes {
		spec := m.nodeSpec(n.Name)
		if spec.ServiceDiscovery == nil || spec.ServiceDiscovery.AWSCloudMap == nil {
			continue
		}
		for _, l := range spec.Listeners {
			cluster := fmt.Sprintf("cds_egress_%s_%s_%s_%d", m.Mesh, n.Name, l.PortMapping.Protocol, l.PortMapping.Port)
			want[cluster] = []string{}
			join := selector(spec.ServiceDiscovery.AWSCloudMap, l.PortMapping.Port)
			if join.IPPreference == "" {
				join.IPPreference = m.ipPreference()
			}
			for _, e := range endpoint.Join(join, state) {
				if e.Healthy {
					want[cluster] = append(want[cluster], fmt.Sprintf("%s:%d", e.Address, e.Port))
				}
			}
		}
	}
	for _, s := range m.sidecars {
		machine.Eventually(m.t, s.name+" to know all instances", func() string {
			got := s.endpoints()
			for _, cluster := range slices.Sorted(maps.Keys(got)) {
				if hosts, ok := want[cluster]; ok {
					slices.Sort(hosts)
					if d := cmp.Diff(hosts, got[cluster]); d != "" {
						return cluster + " (-want +got):\n" + d
					}
				}
			}
			return ""
		})
	}
}

func selector(d *resource.AWSCloudMapServiceDiscovery, port int) endpoint.Selector {
	s := endpoint.Selector{
		ServiceKey: endpoint.ServiceKey{Namespace: d.NamespaceName, Service: d.ServiceName},
		Attributes: map[string]string{}, IPPreference: d.IPPreference, Port: port,
	}
	for _, a := range d.Attributes {
		s.Attributes[a.Key] = a.Value
	}
	return s
}

// ipPreference is the mesh's own.
func (m *mesh) ipPreference() string {
	m.t.Helper()
	o, err := m.Get(m.t.Context(), m.Ref("mesh/"+m.Mesh))
	if err != nil {
		m.t.Fatal(err)
	}
	spec, err := resource.Decode[resource.MeshSpec](o.Spec)
	if err != nil {
		m.t.Fatal(err)
	}
	if spec.ServiceDiscovery == nil {
		return ""
	}
	return spec.ServiceDiscovery.IPPreference
}

func (m *mesh) nodeSpec(name string) resource.VirtualNodeSpec {
	m.t.Helper()
	o, err := m.Get(m.t.Context(), m.Ref("virtualNode/"+name))
	if err != nil {
		m.t.Fatal(err)
	}
	spec, err := resource.Decode[resource.VirtualNodeSpec](o.Spec)
	if err != nil {
		m.t.Fatal(err)
	}
	return spec
}

// apply is Apply, and then waits until every sidecar has taken it in.
func (m *mesh) apply(documents string) {
	m.t.Helper()
	m.Apply(documents)
	m.ready()
}

// register says that a sidecar is an instance of its node, or updates what is said.
func (m *mesh) register(s *sidecar) {
	m.t.Helper()
	i, ok := m.instanceOf(s)
	if ok {
		m.put(i)
	}
}

// registerBare says that a bare application, without an Envoy before it, is an instance of a node made by exposed.
func (m *mesh) registerBare(node, id, application string) {
	m.t.Helper()
	spec := m.nodeSpec(node)
	i := endpoint.Instance{Namespace: "shop.local", Service: node, ID: id, IPv4: "127.0.0.1", Ports: map[int]int{}}
	for _, l := range spec.Listeners {
		i.Ports[l.PortMapping.Port] = portOf(m.t, application)
	}
	m.put(i)
}

// deregisterBare takes that back.
func (m *mesh) deregisterBare(node, id string) {
	m.t.Helper()
	key := endpoint.InstanceKey{ServiceKey: endpoint.ServiceKey{Namespace: "shop.local", Service: node}, ID: id}
	if err := m.Deregister(m.t.Context(), key); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mesh) put(i endpoint.Instance) {
	m.t.Helper()
	if _, err := m.Register(m.t.Context(), i); err != nil {
		m.t.Fatal(err)
	}
}

// deregister takes that back.
func (m *mesh) deregister(s *sidecar) {
	m.t.Helper()
	i, _ := m.instanceOf(s)
	key := endpoint.InstanceKey{ServiceKey: endpoint.ServiceKey{Namespace: i.Namespace, Service: i.Service}, ID: i.ID}
	if err := m.Deregister(m.t.Context(), key); err != nil {
		m.t.Fatal(err)
	}
}

// instanceOf is a sidecar as an instance, if its node has Cloud Map discovery.
func (m *mesh) instanceOf(s *sidecar) (endpoint.Instance, bool) {
	m.t.Helper()
	kind, name, _ := strings.Cut(s.resource, "/")
	if kind != string(resource.KindVirtualNode) {
		return endpoint.Instance{}, false
	}
	spec := m.nodeSpec(name)
	if spec.ServiceDiscovery == nil || spec.ServiceDiscovery.AWSCloudMap == nil {
		return endpoint.Instance{}, false
	}
	d := spec.ServiceDiscovery.AWSCloudMap
	i := endpoint.Instance{
		Namespace: d.NamespaceName, Service: d.ServiceName, ID: s.name, IPv4: s.where.ip,
		Ports: map[int]int{}, Attributes: s.attributes,
	}
	if s.where.transparent {
		return i, true
	}
	for _, l := range spec.Listeners {
		i.Ports[l.PortMapping.Port] = portOf(m.t, s.addresses[fmt.Sprintf("bind/%d", l.PortMapping.Port)])
	}
	return i, true
}
