package envoy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/test/machine"
)

// dnsServer answers from a table that a test changes.
type dnsServer struct {
	port int

	mu    sync.Mutex
	names map[string][]netip.Addr // with the dot behind
}

func newDNS(t *testing.T) *dnsServer {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := &dnsServer{port: c.LocalAddr().(*net.UDPAddr).Port, names: map[string][]netip.Addr{}}
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer, err := d.answer(packet[:n]); err == nil {
				_, _ = c.WriteTo(answer, from) // who lost it asks again
			}
		}
	}()
	return d
}

func (d *dnsServer) set(name string, addresses ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name] = nil
	for _, a := range addresses {
		d.names[name] = append(d.names[name], netip.MustParseAddr(a))
	}
}

func (d *dnsServer) answer(packet []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("no question: %w", err)
	}
	q := m.Questions[0]
	d.mu.Lock()
	addresses, known := d.names[q.Name.String()]
	d.mu.Unlock()
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 1}
	for _, a := range addresses {
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

// asks makes a sidecar's Envoy ask this server.
func (d *dnsServer) asks(s *sidecar) {
	s.settings.Fragments = append(s.settings.Fragments, bootstrap.Fragment{Name: "dns.yaml", YAML: fmt.Appendf(nil, `
typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{socket_address: {address: 127.0.0.1, port_value: %d}}]
`, d.port)})
}

// serveAt runs an application on these addresses, all on the same port.
func serveAt(t *testing.T, port int, apps map[string]string) {
	t.Helper()
	for address, name := range apps {
		l, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(port)))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: answering(name)}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
}

// viaDNS is a mesh in which ui calls each node n0, n1 … as n0.example, n1.example …, with these kinds of discovery.
func viaDNS(port int, discovery ...string) string {
	documents, backends := "kind: Mesh\nmeshName: shop\n", ""
	for i, d := range discovery {
		documents += fmt.Sprintf(`---
kind: VirtualNode
virtualNodeName: n%[1]d
spec: {listeners: [{portMapping: {port: %[2]d, protocol: http}}], serviceDiscovery: {dns: {hostname: cart.shop.test%[3]s}}}
---
kind: VirtualService
virtualServiceName: n%[1]d.example
spec: {provider: {virtualNode: {virtualNodeName: n%[1]d}}}
`, i, port, d)
		backends += fmt.Sprintf("{virtualService: {virtualServiceName: n%d.example}}, ", i)
	}
	return documents + "---\nkind: VirtualNode\nvirtualNodeName: ui\nspec: {backends: [" + backends + "]}\n"
}

// A name that is looked up: by LOADBALANCER its first address takes everything, by ENDPOINTS each takes its share. When
// the name's addresses change, requests follow, without a failed one.
func TestDNSServer(t *testing.T) {
	dns := newDNS(t)
	port := freePort(t)
	serveAt(t, port, map[string]string{"127.0.0.2": "two", "127.0.0.3": "three", "127.0.0.4": "four"})
	dns.set("cart.shop.test.", "127.0.0.2", "127.0.0.3")
	m := start(t, viaDNS(port, ", ipPreference: IPv4_ONLY", ", responseType: ENDPOINTS, ipPreference: IPv4_ONLY"))
	ui := m.sidecar("virtualNode/ui", dns.asks)
	m.ready()
	c := ui.calls()
	one, each := fmt.Sprintf("http://n0.example:%d/", port), fmt.Sprintf("http://n1.example:%d/", port)
	if got := c.count(10, one); len(got) != 1 || got["two"]+got["three"] != 10 {
		t.Errorf("LOADBALANCER: %v, want all at one address", got)
	}
	if got := c.count(10, each); got["two"] != 5 || got["three"] != 5 {
		t.Errorf("ENDPOINTS: %v, want half at each of two addresses", got)
	}
	dns.set("cart.shop.test.", "127.0.0.4")
	machine.Eventually(t, "requests to follow the name", func() string {
		now := [2]map[string]int{c.count(2, one), c.count(2, each)}
		if now[0]["four"] != 2 || now[1]["four"] != 2 {
			for _, got := range now {
				if n := got["two"] + got["three"] + got["four"]; n != 2 {
					t.Fatalf("requests failed: %v", now)
				}
			}
			return fmt.Sprint(now)
		}
		return ""
	})
}

// A node's, or the mesh's, IP preference decides which of a name's addresses is called.
func TestIPPreference(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("IP preferences were NOT tested: this machine has no IPv6: %v", err)
	} else {
		l.Close()
	}
	dns := newDNS(t)
	port := freePort(t)
	serveAt(t, port, map[string]string{"127.0.0.1": "IPv4", "::1": "IPv6"})
	dns.set("cart.shop.test.", "127.0.0.1", "::1")
	wants := []struct{ preference, app string }{
		{"", "IPv6"}, {", ipPreference: IPv6_PREFERRED", "IPv6"}, {", ipPreference: IPv4_PREFERRED", "IPv4"},
		{", ipPreference: IPv6_ONLY", "IPv6"}, {", ipPreference: IPv4_ONLY", "IPv4"},
	}
	var discovery []string
	for _, w := range wants {
		discovery = append(discovery, w.preference)
	}
	m := start(t, viaDNS(port, discovery...))
	ui := m.sidecar("virtualNode/ui", dns.asks)
	m.ready()
	for i, w := range wants {
		ui.calls().reaches(w.app, "GET", fmt.Sprintf("http://n%d.example:%d/", i, port))
	}
	m.apply("kind: Mesh\nmeshName: shop\nspec: {serviceDiscovery: {ipPreference: IPv4_ONLY}}")
	ui.calls().reaches("IPv4", "GET", fmt.Sprintf("http://n0.example:%d/", port)) // follows the mesh now
	ui.calls().reaches("IPv6", "GET", fmt.Sprintf("http://n3.example:%d/", port)) // has its own
}
