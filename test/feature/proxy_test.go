package feature

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

const (
	quiet    = 150 * time.Millisecond // how long a test listens for what must not come
	settling = 30 * time.Millisecond  // the same where the status has already said that all is well
)

// proxy does what an Envoy does on its stream: it asks for all clusters and listeners, for the endpoints of each EDS
// cluster, for the routes that its listeners name, and accepts everything. It does so only while a test waits for it
// (settled, gets): between, it is an Envoy that is slow.
type proxy struct {
	t        *testing.T
	machine  *machine.Machine
	resource string // virtualNode/cart
	client   *xdstest.Client

	addresses map[string]string              // of explicit interception, or nil
	refuse    func(*xdstest.Response) string // Envoy's message, "" to accept; may be nil

	has      map[xdstest.Type]map[string][]byte // what it has: by name, as marshalled
	versions map[xdstest.Type]map[string]string // of that
	log      []string                           // what came since the last look, one line a response: "route rds_a rds_b"
}

var typeNames = map[xdstest.Type]string{
	xdstest.Cluster: "cluster", xdstest.Endpoint: "endpoint", xdstest.Listener: "listener", xdstest.Route: "route", xdstest.Secret: "secret",
}

// connect starts a proxy for a virtual node or gateway, and waits until it has everything.
func connect(t *testing.T, m *machine.Machine, resource string) *proxy {
	t.Helper()
	p := open(t, m, resource, nil)
	p.settled()
	return p
}

// open starts a proxy and takes nothing yet. With addresses, it is one for explicit interception.
func open(t *testing.T, m *machine.Machine, resource string, addresses map[string]string) *proxy {
	t.Helper()
	p := &proxy{t: t, machine: m, resource: resource, addresses: addresses, has: map[xdstest.Type]map[string][]byte{}, versions: map[xdstest.Type]map[string]string{}}
	for t := range typeNames {
		p.has[t], p.versions[t] = map[string][]byte{}, map[string]string{}
	}
	p.dial()
	return p
}

// dial opens a stream and asks for everything, saying what the proxy has already, as Envoy does when its stream was
// cut.
func (p *proxy) dial() {
	p.t.Helper()
	p.client = xdstest.Connect(p.t, p.machine.XDS, xdstest.Node{
		ID:       "mesh/" + p.machine.Mesh + "/" + p.resource,
		Metadata: events.NodeMetadata{Instance: "it", Explicit: p.addresses},
	})
	wants := p.wants()
	for _, t := range []xdstest.Type{xdstest.Cluster, xdstest.Endpoint, xdstest.Listener, xdstest.Route} {
		if byName := t == xdstest.Endpoint || t == xdstest.Route; !byName || len(wants[t]) > 0 {
			p.client.Resume(t, p.versions[t], wants[t]...)
		}
	}
}

// take deals with one response.
func (p *proxy) take(r *xdstest.Response) {
	p.t.Helper()
	if p.refuse != nil {
		if message := p.refuse(r); message != "" {
			p.log = append(p.log, line("refused "+typeNames[r.Type], r.Names()))
			p.client.Nack(r, message)
			return
		}
	}
	if len(r.Resources) > 0 {
		p.log = append(p.log, line(typeNames[r.Type], r.Names()))
	}
	if len(r.RemovedResources) > 0 {
		p.log = append(p.log, line("no "+typeNames[r.Type], r.RemovedResources))
	}
	before := p.wants()
	for _, name := range r.RemovedResources {
		p.drop(r.Type, name)
	}
	for _, resource := range r.Resources {
		p.has[r.Type][resource.Name], p.versions[r.Type][resource.Name] = resource.Resource.GetValue(), resource.Version
	}
	wants := p.wants()
	for _, t := range []xdstest.Type{xdstest.Endpoint, xdstest.Route} {
		if added := missing(wants[t], before[t]); len(added) > 0 {
			p.client.Subscribe(t, added...)
		}
		if gone := missing(before[t], wants[t]); len(gone) > 0 {
			p.client.Unsubscribe(t, gone...)
			for _, name := range gone {
				p.drop(t, name)
			}
		}
	}
	p.client.Ack(r)
}

func (p *proxy) drop(t xdstest.Type, name string) {
	delete(p.has[t], name)
	delete(p.versions[t], name)
}

// wants is what an Envoy with these clusters and listeners asks for by name.
func (p *proxy) wants() map[xdstest.Type][]string {
	p.t.Helper()
	wants := map[xdstest.Type][]string{}
	for name := range p.has[xdstest.Cluster] {
		if decode[clusterv3.Cluster](p, xdstest.Cluster, name).GetType() == clusterv3.Cluster_EDS {
			wants[xdstest.Endpoint] = append(wants[xdstest.Endpoint], name)
		}
	}
	for name := range p.has[xdstest.Listener] {
		for _, chain := range decode[listenerv3.Listener](p, xdstest.Listener, name).FilterChains {
			for _, filter := range chain.Filters {
				var manager hcmv3.HttpConnectionManager
				if filter.GetTypedConfig().MessageIs(&manager) && filter.GetTypedConfig().UnmarshalTo(&manager) == nil {
					wants[xdstest.Route] = append(wants[xdstest.Route], manager.GetRds().GetRouteConfigName())
				}
			}
		}
	}
	for t := range wants {
		slices.Sort(wants[t])
		wants[t] = slices.Compact(wants[t])
	}
	return wants
}

// settled takes what comes until the relay's status says that the proxy has accepted all that is published, and forgets
// what came.
func (p *proxy) settled() {
	p.t.Helper()
	p.settle()
	p.log = nil
}

func (p *proxy) settle() {
	p.t.Helper()
	machine.Eventually(p.t, p.resource+" to be current", func() string {
		if r := p.client.Try(time.Millisecond); r != nil {
			p.take(r)
			return "it was still taking in " + typeNames[r.Type] + "s"
		}
		s, ok := p.machine.Proxy(p.resource, "it")
		if !ok || s.State != events.Current {
			return fmt.Sprintf("%+v", s)
		}
		// What is sent again for Envoy's sake alone is waited for by no generation.
		if r := p.client.Try(settling); r != nil {
			p.take(r)
			return "it was still taking in " + typeNames[r.Type] + "s"
		}
		return ""
	})
}

// gets says what the proxy must have been sent since the last look, in this order, and nothing else: by then it is
// current. A line is a response: "cluster a b", or "no cluster a" for what was removed.
func (p *proxy) gets(want ...string) {
	p.t.Helper()
	p.settle()
	p.compare(want)
}

// getsLater says what must come without any status that waits for it.
func (p *proxy) getsLater(want ...string) {
	p.t.Helper()
	machine.Eventually(p.t, "later news", func() string {
		if r := p.client.Try(time.Millisecond); r != nil {
			p.take(r)
		}
		if len(p.log) < len(want) {
			return "too little came"
		}
		return ""
	})
	p.compare(want)
}

// getsNothing says that no change reaches the proxy.
func (p *proxy) getsNothing() {
	p.t.Helper()
	p.settle()
	if r := p.client.Try(quiet); r != nil {
		p.take(r)
	}
	p.compare(nil)
}

// getsEndpoints says that the proxy must get this one update of endpoints: no generation tells when it has come.
func (p *proxy) getsEndpoints(name string, addresses ...string) {
	p.t.Helper()
	machine.Eventually(p.t, "endpoints", func() string {
		if r := p.client.Try(time.Millisecond); r != nil {
			p.take(r)
			return ""
		}
		return "nothing came"
	})
	if r := p.client.Try(quiet); r != nil {
		p.take(r)
	}
	p.compare([]string{"endpoint " + name})
	p.reaches(name, addresses...)
}

// settles waits until the endpoints under a name are these, whatever comes on the way.
func (p *proxy) settles(name string, want ...string) {
	p.t.Helper()
	machine.Eventually(p.t, fmt.Sprintf("%s to reach %q by %s", p.resource, want, name), func() string {
		if r := p.client.Try(time.Millisecond); r != nil {
			p.take(r)
		}
		return cmp.Diff(append([]string{}, want...), p.endpoints(name))
	})
	p.settled()
}

func (p *proxy) compare(want []string) {
	p.t.Helper()
	if d := cmp.Diff(want, p.log); d != "" {
		p.t.Fatalf("%s got (-want +got):\n%s", p.resource, d)
	}
	p.log = nil
}

// list is everything that the proxy has, in the relay's order: "cluster a b".
func (p *proxy) list() []string {
	var lines []string
	for _, t := range []xdstest.Type{xdstest.Cluster, xdstest.Endpoint, xdstest.Listener, xdstest.Route} {
		if names := slices.Sorted(maps.Keys(p.has[t])); len(names) > 0 {
			lines = append(lines, line(typeNames[t], names))
		}
	}
	return lines
}

// hasAll says what the proxy must have, all of it.
func (p *proxy) hasAll(want ...string) {
	p.t.Helper()
	if d := cmp.Diff(want, p.list()); d != "" {
		p.t.Fatalf("%s has (-want +got):\n%s", p.resource, d)
	}
}

// decode gives what the proxy has under a name.
func decode[M any, P interface {
	*M
	proto.Message
}](p *proxy, t xdstest.Type, name string) P {
	p.t.Helper()
	body, ok := p.has[t][name]
	if !ok {
		p.t.Fatalf("%s has no %s %s", p.resource, typeNames[t], name)
	}
	message := P(new(M))
	if err := proto.Unmarshal(body, message); err != nil {
		p.t.Fatal(err)
	}
	return message
}

// reaches says which addresses the endpoints under a name must be.
func (p *proxy) reaches(name string, want ...string) {
	p.t.Helper()
	if d := cmp.Diff(append([]string{}, want...), p.endpoints(name)); d != "" {
		p.t.Fatalf("%s reaches by %s (-want +got):\n%s", p.resource, name, d)
	}
}

func (p *proxy) endpoints(name string) []string {
	p.t.Helper()
	got := []string{}
	for _, group := range decode[endpointv3.ClusterLoadAssignment](p, xdstest.Endpoint, name).Endpoints {
		for _, e := range group.LbEndpoints {
			a := e.GetEndpoint().GetAddress().GetSocketAddress()
			got = append(got, fmt.Sprintf("%s:%d", a.Address, a.GetPortValue()))
		}
	}
	return got
}

// missing lists what is in one sorted list and not in the other.
func missing(in, other []string) []string {
	return slices.DeleteFunc(slices.Clone(in), func(s string) bool { return slices.Contains(other, s) })
}

func line(what string, names []string) string { return what + " " + strings.Join(names, " ") }
