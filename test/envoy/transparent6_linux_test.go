package envoy

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// nobody6 is an address of IPv6 that nobody has.
const nobody6 = "[fd00:200::77]"

// ip6 gives a host an address of IPv6 too, by its number.
func (n *network) ip6(h *host) string {
	n.t.Helper()
	address := "fd00:200::" + h.ip[strings.LastIndex(h.ip, ".")+1:]
	n.must("ip", "-n", h.name, "addr", "add", address+"/64", "dev", "eth0", "nodad")
	return address
}

// needIPv6 skips the test, or fails it as newNetwork does, where hosts can't have addresses of IPv6.
func (n *network) needIPv6() {
	n.t.Helper()
	problem := run("ip", "netns", "exec", n.hub, "ip6tables", "-t", "nat", "-S")
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		problem = errors.Join(problem, err)
	} else {
		l.Close()
	}
	if problem != nil {
		n.t.Skipf("transparent interception of IPv6 was NOT tested: %v", problem)
	}
}

// Under each IP preference connections of both families are redirected, callers take the family that it says, and an
// application is called on its own side of the loopback. The preference may change while everything runs.
func TestTransparentIPv6(t *testing.T) {
	n := newNetwork(t)
	n.needIPv6()
	ui, cart, front, outside := n.host("ui"), n.host("cart"), n.host("front"), n.host("outside")
	mesh := func(preference, egress string) string {
		return "kind: Mesh\nmeshName: shop\nspec: {egressFilter: {type: " + egress + "}" + preference + "}\n"
	}
	m := start(t, mesh("", "DROP_ALL")+`---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}, {portMapping: {port: 3306, protocol: tcp}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
`+gatewayRoute("cart", "prefix: /", "cart.shop.local", "")+callerOf("cart"))
	cart6, front6, outside6 := n.ip6(cart), n.ip6(front), n.ip6(outside)
	n.ip6(ui)
	for _, h := range []*host{ui, cart} {
		h.redirect("iptables", "8080,3306", away, "169.254.170.2")
		h.redirect("ip6tables", "8080,3306", away, "fd00:ec2::254")
	}
	for _, loopback := range []string{"127.0.0.1", "[::1]"} {
		serveOn(cart.listen(loopback+":8080"), answering("cart at "+loopback))
		greetOn(cart.listen(loopback+":3306"), "cart at "+loopback)
	}
	greetOn(outside.listen("[::]:9999"), "outside")

	m.sidecar("virtualNode/cart", on(m, cart), unregistered)
	m.sidecar("virtualGateway/front", on(m, front))
	uiEnvoy := m.sidecar("virtualNode/ui", on(m, ui))
	m.put(endpoint.Instance{Namespace: "shop.local", Service: "cart", ID: "1", IPv4: cart.ip, IPv6: cart6})
	for _, one := range []struct{ preference, endpoint, application string }{
		{"", cart.ip, "127.0.0.1"},
		{"IPv6_PREFERRED", cart6, "[::1]"},
		{"IPv4_PREFERRED", cart.ip, "127.0.0.1"},
		{"IPv6_ONLY", cart6, "[::1]"},
		{"IPv4_ONLY", cart.ip, "127.0.0.1"},
		{"", cart.ip, "127.0.0.1"},
	} {
		preference, from := "", []string{nobody}
		if one.preference != "" {
			preference, from = ", serviceDiscovery: {ipPreference: "+one.preference+"}", []string{nobody, nobody6}
		}
		for _, egress := range []string{"DROP_ALL", "ALLOW_ALL"} {
			m.apply(mesh(preference, egress))
			if got, want := uiEnvoy.endpoints()["cds_egress_shop_cart_http_8080"], fmt.Sprintf("%s:8080", one.endpoint); len(got) != 1 || got[0] != want {
				t.Errorf("%s: ui calls %q, want %s", one.preference, got, want)
			}
			for _, aim := range from {
				ui.caller(t, aim+":8080").reaches("cart at "+one.application, http.MethodGet, "http://cart.shop.local:8080/")
				if got := ui.connect(t, aim+":3306").line(); got != "welcome to cart at "+one.application+"\n" {
					t.Errorf("%s: the tcp backend at %s says %q", one.preference, aim, got)
				}
			}
			for _, aim := range []string{outside.ip, "[" + outside6 + "]"} {
				if one.preference == "" && aim != outside.ip {
					continue // nothing listens on IPv6
				}
				c := ui.connect(t, aim+":9999")
				if egress == "DROP_ALL" {
					if !c.closed() {
						t.Errorf("%s: a connection to the unknown destination %s gets through", one.preference, aim)
					}
				} else if got := c.line(); got != "welcome to outside\n" {
					t.Errorf("%s: %s says %q", one.preference, aim, got)
				}
			}
			// What comes from outside the mesh, by either family: to the node, and to the gateway.
			at := []string{cart.ip, front.ip}
			if one.preference != "" {
				at = append(at, "["+cart6+"]", "["+front6+"]")
			}
			for _, address := range at {
				outside.caller(t, address+":8080").reaches("cart at "+one.application, http.MethodGet, "http://anything/")
			}
			for _, address := range []string{front.ip, "[" + front6 + "]"} {
				if c, err := outside.dial(t.Context(), "tcp", address+":15001"); err == nil {
					c.Close()
					t.Errorf("%s: the gateway's second pass can be reached from outside at %s", one.preference, address)
				}
			}
		}
	}
}
