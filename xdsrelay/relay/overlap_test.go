package relay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/artifact"
)

var secondPass = artifact.ID{Type: artifact.Route, Name: "rds_egress_http_15001"}

// hostsOf is a route configuration with virtual hosts; "cart@2" is host cart in another version. It needs their clusters.
func hostsOf(hosts ...string) artifact.Resource {
	r := &routev3.RouteConfiguration{Name: secondPass.Name}
	var needs []string
	for _, h := range hosts {
		name, _, _ := strings.Cut(h, "@")
		r.VirtualHosts = append(r.VirtualHosts, &routev3.VirtualHost{
			Name: name, Domains: []string{name + ".local"}, Routes: []*routev3.Route{{Name: h}},
		})
		needs = append(needs, "to_"+name)
	}
	body, err := deterministic.Marshal(r)
	if err != nil {
		panic(err)
	}
	return artifact.NewResource(secondPass, body, nil, "", needs).Overlapping()
}

// served is what a slot serves: hosts as hostsOf spells them, and the clusters that it needs.
func served(t *testing.T, s *slot) (hosts, needs []string) {
	t.Helper()
	var r routev3.RouteConfiguration
	if err := proto.Unmarshal(s.now.body.ReadOnlyData(), &r); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, h := range r.GetVirtualHosts() {
		hosts = append(hosts, h.GetRoutes()[0].GetName())
		for _, name := range append(h.GetDomains(), h.GetName()) {
			if names[name] {
				t.Fatalf("two hosts bear %q: Envoy refuses that", name)
			}
			names[name] = true
		}
	}
	slices.Sort(hosts)
	return hosts, s.now.needs
}

func newOverlapping() (*mesh, *slot) {
	m := &mesh{slots: map[artifact.ID]*slot{}, relay: &Relay{opts: Options{Overlap: time.Hour}}}
	return m, m.slot(secondPass)
}

// A virtual host that goes is served on until its time has come; a newer version of it counts at once.
func TestOverlap(t *testing.T) {
	m, s := newOverlapping()
	is := func(want string) {
		t.Helper()
		hosts, needs := served(t, s)
		if got := strings.Join(hosts, " "); got != want {
			t.Errorf("it serves %q, want %q", got, want)
		}
		for _, h := range hosts {
			name, _, _ := strings.Cut(h, "@")
			if !slices.Contains(needs, "to_"+name) || !slices.IsSorted(needs) {
				t.Errorf("it needs %q, and serves %s", needs, h)
			}
		}
	}
	m.setResource(hostsOf("cart", "stock"))
	is("cart stock")
	m.setResource(hostsOf("stock@2"))
	is("cart stock@2")
	gone := slices.Clone(s.now.leaving)
	m.setResource(hostsOf("order", "stock@2"))
	is("cart order stock@2")
	m.setResource(hostsOf("order"))
	is("cart order stock@2")
	m.letGo(s, gone)
	is("order stock@2")
	m.letGo(s, gone) // no more than that
	is("order stock@2")
	m.setResource(hostsOf("order@2", "stock@3"))
	is("order@2 stock@3")
	if s.now.hash != s.now.source.Hash || &s.now.body.ReadOnlyData()[0] != &s.now.source.Body[0] {
		t.Error("a version that nothing overlaps is not served as it was compiled")
	}
	m.removeResource(secondPass)
	m.letGo(s, gone)
}

// Only what asks for it overlaps, and what can't be read is served as it is.
func TestNoOverlap(t *testing.T) {
	m, s := newOverlapping()
	m.setResource(hostsOf("cart"))
	plain := hostsOf("stock")
	m.setResource(artifact.NewResource(secondPass, plain.Body, nil, "", plain.Needs))
	if hosts, _ := served(t, s); !slices.Equal(hosts, []string{"stock"}) {
		t.Errorf("without overlap it serves %q", hosts)
	}
	m.setResource(artifact.NewResource(secondPass, []byte{0x12, 0xff}, nil, "", nil).Overlapping())
	if got := s.now.body.ReadOnlyData(); len(got) != 2 {
		t.Errorf("a damaged body became %x", got)
	}
}

// Whatever comes and goes, what is served is the newest version, and nothing that the versions before did not have.
func TestOverlapProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	m, s := newOverlapping()
	version := 0
	for range 2000 {
		var hosts []string
		for n := range 5 {
			if random.IntN(2) == 0 {
				hosts = append(hosts, fmt.Sprintf("s%d@%d", n, version+random.IntN(2)))
			}
		}
		version += random.IntN(2)
		m.setResource(hostsOf(hosts...))
		if random.IntN(3) == 0 && len(s.now.leaving) > 0 {
			m.letGo(s, s.now.leaving[:1+random.IntN(len(s.now.leaving))])
		}
		got, _ := served(t, s)
		for _, h := range hosts {
			if !slices.Contains(got, h) {
				t.Fatalf("%s is missing in %q", h, got)
			}
		}
		if len(got) != len(hosts)+len(s.now.leaving) {
			t.Fatalf("%q are served: more than %q and %d that are leaving", got, hosts, len(s.now.leaving))
		}
	}
}
