package envoy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// What lies in the network of TestTransparent besides its hosts.
const (
	nobody  = "10.200.0.77"  // an address that nobody has: who gets an answer from it was redirected
	ignored = "10.200.0.200" // outside's second address, which is among the EgressIgnoredIPs
	away    = "9998"         // a port among the EgressIgnoredPorts
)

// App Mesh's own way, as on ECS, EC2 and EKS: iptables sends an application's connections to its Envoy, which runs as
// another user, and what is meant for the application as well.
func TestTransparent(t *testing.T) {
	n := newNetwork(t)
	w := newWorld(t, n)
	t.Run("HTTP", w.http)
	t.Run("TCP", w.tcp)
	t.Run("gRPC", w.grpc)
	t.Run("from outside", w.fromOutside)
	t.Run("gateway", w.gateway)
	t.Run("DROP_ALL", w.dropAll)
	t.Run("ignored", w.ignores)
	t.Run("ignored users", w.ignoresUsers)
	t.Run("own ports", w.ownPorts)
	w.m.apply("kind: Mesh\nmeshName: shop\nspec: {egressFilter: {type: ALLOW_ALL}}")
	t.Run("ALLOW_ALL", w.allowAll)
	t.Run("forgotten backends", w.forgotten)
	t.Run("ignored under ALLOW_ALL", w.ignores)
	t.Run("own ports under ALLOW_ALL", w.ownPorts)
	t.Run("HTTP under ALLOW_ALL", w.http)
}

// world is a mesh of hosts: ui calls cart and db; front is a gateway; outside knows nothing of the mesh.
type world struct {
	m                            *mesh
	ui, cart, db, front, outside *host
	uiEnvoy, cartEnvoy, dbEnvoy  *sidecar
}

func newWorld(t *testing.T, n *network) *world {
	t.Helper()
	w := &world{
		ui: n.host("ui"), cart: n.host("cart"), db: n.host("db"), front: n.host("front"), outside: n.host("outside", ignored),
	}
	w.m = start(t, `
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: ui
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: ui}}
  backends:
    - {virtualService: {virtualServiceName: cart.shop.local}}
    - {virtualService: {virtualServiceName: db.shop.local}}
---
kind: VirtualNode
virtualNodeName: cart
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}, {portMapping: {port: 9090, protocol: grpc}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: cart}}
---
kind: VirtualNode
virtualNodeName: db
spec:
  listeners: [{portMapping: {port: 3306, protocol: tcp}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: db}}
---
kind: VirtualService
virtualServiceName: cart.shop.local
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualService
virtualServiceName: db.shop.local
spec: {provider: {virtualNode: {virtualNodeName: db}}}
---
kind: VirtualService
virtualServiceName: outside.example.com # nobody has it as a backend
spec: {provider: {virtualNode: {virtualNodeName: cart}}}
---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: cart
spec: {httpRoute: {match: {prefix: /cart}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
`)
	for _, h := range []*host{w.ui, w.cart} {
		h.redirect("iptables", "8080,9090", away, "169.254.170.2,169.254.169.254,"+ignored)
	}
	w.db.redirect("iptables", "3306", away, "169.254.170.2,169.254.169.254,"+ignored)

	serveOn(w.ui.listen("127.0.0.1:8080"), answering("ui"))
	serveOn(w.cart.listen("127.0.0.1:8080"), answering("cart"))
	grpcOn(t, w.cart.listen("127.0.0.1:9090"), "cart")
	serveOn(w.cart.listen(w.cart.ip+":9000"), answering("cart past its Envoy"))
	greetOn(w.db.listen("127.0.0.1:3306"), "db")
	serveOn(w.outside.listen(w.outside.ip+":8080"), answering("outside"))
	for _, address := range []string{w.outside.ip + ":9999", w.outside.ip + ":" + away, ignored + ":9999"} {
		greetOn(w.outside.listen(address), "outside")
	}
	secure := httptest.NewUnstartedServer(answering("outside"))
	secure.Listener = w.outside.listen(w.outside.ip + ":443")
	secure.StartTLS()
	t.Cleanup(secure.Close)

	w.uiEnvoy = w.m.sidecar("virtualNode/ui", on(w.m, w.ui))
	w.cartEnvoy = w.m.sidecar("virtualNode/cart", on(w.m, w.cart))
	w.dbEnvoy = w.m.sidecar("virtualNode/db", on(w.m, w.db))
	w.m.sidecar("virtualGateway/front", on(w.m, w.front))
	w.m.ready()
	return w
}

// on runs a sidecar on a host.
func on(m *mesh, h *host) func(*sidecar) {
	return func(s *sidecar) {
		s.where = place{ip: h.ip, transparent: true, xds: h.bridge(m.XDS), start: h.start, dial: h.dial}
	}
}

func serveOn(l net.Listener, handler http.Handler) { go http.Serve(l, handler) }

func greetOn(l net.Listener, name string) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := fmt.Fprintf(c, "welcome to %s\n", name); err == nil {
					echoLines(c, c)
				}
			}()
		}
	}()
}

// caller is an application on a host that connects to one address, whatever the URL says.
func (h *host) caller(t *testing.T, address string) *caller {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return h.dial(ctx, network, address)
	}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // whose certificate it is doesn't matter
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t, &http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: noRedirect}}
}

// connect opens a connection from a host.
func (h *host) connect(t *testing.T, address string) *connection {
	t.Helper()
	c, err := h.dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return newConnection(t, c)
}

// An application's request goes to its Envoy, from there to the other one's, and to the application there.
func (w *world) http(t *testing.T) {
	out, in := w.uiEnvoy.stat("http.egress.downstream_rq_2xx"), w.cartEnvoy.stat("http.ingress.http.8080.downstream_rq_2xx")
	got := w.ui.caller(t, nobody+":8080").reaches("cart", http.MethodGet, "http://cart.shop.local:8080/items/7")
	if got.Path != "/items/7" || got.Host != "cart.shop.local:8080" {
		t.Errorf("cart saw %+v", got.seen)
	}
	if n := w.uiEnvoy.stat("http.egress.downstream_rq_2xx") - out; n != 1 {
		t.Errorf("ui's Envoy counted %d requests, want 1", n)
	}
	if n := w.cartEnvoy.stat("http.ingress.http.8080.downstream_rq_2xx") - in; n != 1 {
		t.Errorf("cart's Envoy counted %d requests, want 1", n)
	}
}

// So does a TCP connection, by its port alone, and a server may speak first.
func (w *world) tcp(t *testing.T) {
	in := w.dbEnvoy.stat("tcp.ingress.downstream_cx_total")
	c := w.ui.connect(t, nobody+":3306")
	if got := c.line(); got != "welcome to db\n" {
		t.Fatalf("db says %q", got)
	}
	c.send("select\n")
	if got := c.line(); got != "select\n" {
		t.Errorf("db says %q", got)
	}
	if n := w.dbEnvoy.stat("tcp.ingress.downstream_cx_total") - in; n != 1 {
		t.Errorf("db's Envoy counted %d connections, want 1", n)
	}
}

// gRPC goes as HTTP does.
func (w *world) grpc(t *testing.T) {
	before := w.cartEnvoy.stat("http.ingress.grpc.9090.downstream_rq_total")
	w.ui.callsGRPC(t, nobody+":9090", "cart.shop.local:9090").reaches("cart", "/shop.Cart/Add")
	if n := w.cartEnvoy.stat("http.ingress.grpc.9090.downstream_rq_total") - before; n != 1 {
		t.Errorf("cart's Envoy counted %d calls, want 1", n)
	}
}

// callsGRPC is an application on a host that connects to one address, and names an authority.
func (h *host) callsGRPC(t *testing.T, address, authority string) *grpcCaller {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(authority),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return h.dial(ctx, "tcp", address) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &grpcCaller{t, conn}
}

// Who has no Envoy reaches an application through that one's Envoy all the same, on its AppPorts; other ports are the
// application's own.
func (w *world) fromOutside(t *testing.T) {
	in := w.cartEnvoy.stat("http.ingress.http.8080.downstream_rq_2xx")
	w.outside.caller(t, w.cart.ip+":8080").reaches("cart", http.MethodGet, "http://anything/")
	if n := w.cartEnvoy.stat("http.ingress.http.8080.downstream_rq_2xx") - in; n != 1 {
		t.Errorf("cart's Envoy counted %d requests, want 1", n)
	}
	w.outside.caller(t, w.cart.ip+":9000").reaches("cart past its Envoy", http.MethodGet, "http://anything/")
}

// A gateway needs no redirection. Nobody else reaches its second pass.
func (w *world) gateway(t *testing.T) {
	got := w.outside.caller(t, w.front.ip+":8080").reaches("cart", http.MethodGet, "http://shop.example.com/cart/items")
	if got.Path != "/items" || got.Host != "cart.shop.local" {
		t.Errorf("cart saw %+v", got.seen)
	}
	for _, port := range []string{"15000", "15001", "9901"} {
		if c, err := w.outside.dial(t.Context(), "tcp", w.front.ip+":"+port); err == nil {
			c.Close()
			t.Errorf("the gateway's port %s can be reached from outside", port)
		}
	}
}

// Under DROP_ALL an application reaches its backends and AWS's own services, and nothing else.
func (w *world) dropAll(t *testing.T) {
	w.ui.caller(t, w.outside.ip+":8080").reaches("404", http.MethodGet, "http://outside.example.com:8080/")
	if c := w.ui.connect(t, w.outside.ip+":9999"); !c.closed() {
		t.Error("a connection to an unknown destination gets through")
	}
	w.ui.caller(t, w.outside.ip+":443").reaches("outside", http.MethodGet, "https://s3.eu-west-1.amazonaws.com/")
	for _, name := range []string{"example.com", "amazonaws.com.evil.example"} {
		if a, err := w.ui.caller(t, w.outside.ip+":443").try(http.MethodGet, "https://"+name+"/"); err == nil {
			t.Errorf("%s on port 443 can be reached: %+v", name, a)
		}
	}
	// An application that is no sidecar's caller reaches what it likes: this is the hosts' network, not a firewall.
	w.outside.caller(t, w.outside.ip+":8080").reaches("outside", http.MethodGet, "http://outside.example.com:8080/")
}

// Under ALLOW_ALL everything else passes to where the application aimed, also on ports that backends have.
func (w *world) allowAll(t *testing.T) {
	got := w.ui.caller(t, w.outside.ip+":8080").reaches("outside", http.MethodGet, "http://outside.example.com:8080/any?q=1")
	if got.Path != "/any?q=1" || got.Host != "outside.example.com:8080" {
		t.Errorf("outside saw %+v", got.seen)
	}
	if got := w.ui.connect(t, w.outside.ip+":9999").line(); got != "welcome to outside\n" {
		t.Errorf("outside says %q", got)
	}
	for _, name := range []string{"s3.eu-west-1.amazonaws.com", "example.com"} {
		w.ui.caller(t, w.outside.ip+":443").reaches("outside", http.MethodGet, "https://"+name+"/")
	}
	if got := w.ui.connect(t, nobody+":3306").line(); got != "welcome to db\n" {
		t.Errorf("the backend on port 3306 says %q", got)
	}
}

// What is among the ignored ports and addresses never comes to the Envoy.
func (w *world) ignores(t *testing.T) {
	before := w.uiEnvoy.stat("listener.0.0.0.0_15001.downstream_cx_total")
	for _, address := range []string{w.outside.ip + ":" + away, ignored + ":9999"} {
		if got := w.ui.connect(t, address).line(); got != "welcome to outside\n" {
			t.Errorf("%s says %q", address, got)
		}
	}
	if n := w.uiEnvoy.stat("listener.0.0.0.0_15001.downstream_cx_total") - before; n != 0 {
		t.Errorf("ui's Envoy saw %d connections, want none", n)
	}
}

// Neither do connections of Envoy's user, nor of its group: App Mesh's IgnoredUID and IgnoredGID.
func (w *world) ignoresUsers(t *testing.T) {
	const anybody = 65534
	for _, one := range []struct {
		user, group uint32
		passes      bool
	}{{anybody, anybody, false}, {envoyUser, anybody, true}, {anybody, envoyUser, true}} {
		got, err := w.ui.connectAs(one.user, one.group, w.outside.ip, 9999)
		if passes := got == "welcome to outside\n"; passes != one.passes {
			t.Errorf("user %d of group %d: passes %v, want %v: %q %v", one.user, one.group, passes, one.passes, got, err)
		}
	}
}

// What passes as unknown although the mesh has a service of that name is counted by that name: somebody forgot a
// backend.
func (w *world) forgotten(t *testing.T) {
	const stat = "vhost.*.vcluster.outside.example.com.upstream_rq_200"
	before := w.uiEnvoy.stat(stat)
	for _, host := range []string{"outside.example.com", "Outside.example.com:8080", "other.example.com"} {
		w.ui.caller(t, w.outside.ip+":8080").reaches("outside", http.MethodGet, "http://"+host+"/")
	}
	if n := w.uiEnvoy.stat(stat) - before; n != 2 {
		t.Errorf("%s counted %d requests, want 2", stat, n)
	}
}

// Connections that aim at the Envoy's own ports end at once: they are not passed on to themselves.
func (w *world) ownPorts(t *testing.T) {
	count := func() (n int) {
		for _, listener := range []string{"15000", "15001"} {
			n += w.uiEnvoy.stat("listener.0.0.0.0_" + listener + ".downstream_cx_total")
		}
		return n
	}
	for _, one := range []struct {
		from    *host
		address string
	}{
		{w.ui, "127.0.0.1:15000"}, {w.ui, "127.0.0.1:15001"},
		{w.ui, w.ui.ip + ":15000"}, {w.ui, w.ui.ip + ":15001"},
		{w.ui, nobody + ":15001"},
		{w.outside, w.ui.ip + ":15000"}, {w.outside, w.ui.ip + ":15001"},
	} {
		before := count()
		c := one.from.connect(t, one.address)
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nHost: cart.shop.local\r\n\r\n")) // it may be closed already
		if !c.closed() {
			t.Errorf("a connection from %s to %s is not closed", one.from.name, one.address)
		}
		time.Sleep(50 * time.Millisecond) // a loop would have run through hundreds by now
		if n := count() - before; n != 1 {
			t.Errorf("a connection from %s to %s became %d", one.from.name, one.address, n)
		}
	}
	if active := w.uiEnvoy.stat("listener.0.0.0.0_15001.downstream_cx_active"); active > 10 {
		t.Errorf("%d connections are left", active)
	}
}
