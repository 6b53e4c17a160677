package envoy

import (
	"strings"
	"testing"
)

// Each matcher that routes have works in gateway routes too, http and http2 ones: a matcher of its own is all that
// differs between the two routes. Only the scheme is none of theirs.
func TestGatewayTakesAllMatches(t *testing.T) {
	t.Run("http", func(t *testing.T) { gatewayTakes(t, "http", (*sidecar).customers) })
	t.Run("http2", func(t *testing.T) {
		gatewayTakes(t, "http2", func(s *sidecar, port int) *caller { return s.customersBy(byHTTP2, port) })
	})
}

func gatewayTakes(t *testing.T, protocol string, customers func(*sidecar, int) *caller) {
	inProtocol := strings.NewReplacer("port: 80, protocol: http", "port: 80, protocol: "+protocol, "httpRoute", protocol+"Route")
	m := start(t, inProtocol.Replace(storefront+gatewayRoute("rest", "prefix: /", "cart.shop.local", "")))
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	m.sidecar("virtualNode/stock", at("application/8080", echo(t, "stock")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	c := customers(front, 80)
	for _, one := range matches {
		if strings.Contains(one.match, "scheme") {
			continue
		}
		m.apply(inProtocol.Replace(gatewayPriority("it", strings.Replace(one.match, "port: 8080", "port: 80", 1))))
		t.Run(one.match, func(t *testing.T) {
			c := *c
			c.t = t
			c.takes("stock", "cart", "http://shop.example.com", one.hits, one.miss)
		})
	}
}
