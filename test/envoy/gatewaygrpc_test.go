package envoy

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// customersGRPC call a gateway's port from outside, at shop.example.com or another authority.
func (s *sidecar) customersGRPC(port int, authority ...string) *grpcCaller {
	t, dial := s.m.t, s.dialPort(port)
	t.Helper()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) })}
	for _, a := range authority {
		options = append(options, grpc.WithAuthority(a))
	}
	conn, err := grpc.NewClient("passthrough:///shop.example.com", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &grpcCaller{t, conn}
}

// grpcFront is a document for a gateway front that takes gRPC on ports 80 and 81.
const grpcFront = `---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: grpc}}, {portMapping: {port: 81, protocol: grpc}}]}
`

// grpcGatewayRoute is a document for a route of gateway front.
func grpcGatewayRoute(name, priority, match, service string) string {
	return "---\nkind: GatewayRoute\nvirtualGatewayName: front\ngatewayRouteName: " + name + "\nspec: {" + priority +
		"grpcRoute: {match: {" + match + "}, action: {target: {virtualService: {virtualServiceName: " + service + ".shop.local}}}}}\n"
}

// gRPC passes a gateway by service, host, metadata and port; what no route takes is unimplemented.
func TestGatewayGRPC(t *testing.T) {
	const plain = "{portMapping: {port: 8080, protocol: grpc}}"
	m := start(t, justMesh+exposed("a", plain)+exposed("b", plain)+grpcFront+grpcGatewayRoute("rest", "", "serviceName: shop.Cart", "a"))
	m.sidecar("virtualNode/a", at("application/8080", grpcEcho(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", grpcEcho(t, "b")))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	c, other := front.customersGRPC(80), front.customersGRPC(80, "stock.example.com:80")
	on81 := front.customersGRPC(81)
	c.reaches("a", "/shop.Cart/Add")
	c.reaches("Unimplemented", "/shop.Stock/Count")
	c.reaches("Unimplemented", "/shop.CartOfOld/Add")
	c.reaches("NotFound", "/shop.Cart/Add", "fail: 5") // the application's own statuses come through

	first := func(match string) {
		t.Helper()
		m.apply(grpcGatewayRoute("first", "priority: 1, ", match, "b"))
	}
	first("serviceName: shop.Stock")
	c.reaches("b", "/shop.Stock/Count")
	c.reaches("a", "/shop.Cart/Add")
	first("hostname: {exact: stock.example.com}")
	other.reaches("b", "/shop.Cart/Add")
	c.reaches("a", "/shop.Cart/Add")
	first("hostname: {suffix: .example.com}")
	c.reaches("b", "/shop.Any/Call")
	front.customersGRPC(80, "example.com").reaches("a", "/shop.Cart/Add")
	first("port: 81")
	on81.reaches("b", "/shop.Cart/Add")
	c.reaches("a", "/shop.Cart/Add")
	for _, one := range []struct{ match, hit, miss string }{
		{"match: {exact: v2}", "v2", "v22"},
		{"match: {prefix: v}", "v2", "2v"},
		{"match: {suffix: '2'}", "v2", "v3"},
		{"match: {regex: 'v[0-9]+'}", "v22", "v2a"},
		{"match: {range: {start: 10, end: 20}}", "10", "20"},
		{"invert: true, match: {exact: v2}", "v3", "v2"},
	} {
		first("metadata: [{name: version, " + one.match + "}]")
		c.reaches("b", "/shop.Cart/Add", "version: "+one.hit)
		c.reaches("a", "/shop.Cart/Add", "version: "+one.miss)
		c.reaches("a", "/shop.Cart/Add")
	}
}
