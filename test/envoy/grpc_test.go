package envoy

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcEcho is an application that answers every method of every service with its name, or with the status that the
// call's metadata asks for by fail.
func grpcEcho(t testing.TB, name string) string {
	t.Helper()
	return grpcServer(t, func(stream grpc.ServerStream) error {
		md, _ := metadata.FromIncomingContext(stream.Context())
		if fail := md.Get("fail"); len(fail) > 0 {
			code, err := strconv.Atoi(fail[0])
			if err != nil {
				return err
			}
			return status.Error(codes.Code(code), "as asked")
		}
		return stream.SendMsg(wrapperspb.String(name))
	})
}

// grpcServer answers every call, whose message it reads first.
func grpcServer(t testing.TB, answer func(grpc.ServerStream) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	grpcServerOn(t, l, answer)
	return l.Addr().String()
}

// grpcOn is grpcEcho's shortest form, on a listener.
func grpcOn(t testing.TB, l net.Listener, name string) {
	grpcServerOn(t, l, func(stream grpc.ServerStream) error { return stream.SendMsg(wrapperspb.String(name)) })
}

func grpcServerOn(t testing.TB, l net.Listener, answer func(grpc.ServerStream) error) {
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(new(emptypb.Empty)); err != nil {
			return err
		}
		return answer(stream)
	}))
	go server.Serve(l)
	t.Cleanup(server.Stop)
}

// grpcCaller is an application that calls gRPC services through its sidecar.
type grpcCaller struct {
	t    testing.TB
	conn *grpc.ClientConn
}

func (s *sidecar) callsGRPC(service string) *grpcCaller {
	t := s.m.t
	t.Helper()
	c, err := s.dialGRPC(service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// dialGRPC is the same, for who closes the connection himself.
func (s *sidecar) dialGRPC(service string) (*grpcCaller, error) {
	conn, err := grpc.NewClient("passthrough:///"+service, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return s.dial(ctx, "tcp", address) }))
	return &grpcCaller{s.m.t, conn}, err
}

// call calls a method (/shop.Cart/Add) with metadata "name: value", and says who answered, or the status.
func (c *grpcCaller) call(method string, md ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	for _, one := range md {
		name, value, _ := strings.Cut(one, ": ")
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	var answer wrapperspb.StringValue
	if err := c.conn.Invoke(ctx, method, &emptypb.Empty{}, &answer); err != nil {
		return status.Code(err).String()
	}
	return answer.Value
}

func (c *grpcCaller) reaches(app, method string, md ...string) {
	c.t.Helper()
	if got := c.call(method, md...); got != app {
		c.t.Errorf("%s %q reached %s, want %s", method, md, got, app)
	}
}

// gRPC calls go by service, method and metadata; what no route takes is unimplemented, as Envoy says 404 to gRPC.
func TestGRPC(t *testing.T) {
	m := start(t, shop("grpc")+
		route("service", "grpcRoute: {match: {serviceName: shop.Cart}, "+to("a")+"}")+
		route("method", "grpcRoute: {match: {serviceName: shop.Cart, methodName: Clear}, "+to("b")+"}")+
		route("metadata", "priority: 1, grpcRoute: {match: {metadata: [{name: canary, match: {exact: 'yes'}}]}, "+to("b")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", grpcEcho(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", grpcEcho(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	c.reaches("a", "/shop.Cart/Add")
	c.reaches("b", "/shop.Cart/Clear")
	c.reaches("a", "/shop.Cart/ClearAll")
	c.reaches("b", "/shop.Cart/Add", "canary: yes")
	c.reaches("b", "/shop.Stock/Count", "canary: yes")
	c.reaches("a", "/shop.Cart/Add", "canary: no")
	c.reaches("Unimplemented", "/shop.Stock/Count")
	c.reaches("Unimplemented", "/shop.CartOfOld/Add")
	c.reaches("NotFound", "/shop.Cart/Add", "fail: 5") // the application's own statuses come through

	// A route that matches nothing in particular takes every method.
	m.apply(route("service", "grpcRoute: {match: {}, "+to("a")+"}"))
	c.reaches("a", "/shop.Stock/Count")
}

// Metadata is matched as headers are.
func TestGRPCMetadata(t *testing.T) {
	m := start(t, shop("grpc")+route("rest", "grpcRoute: {match: {}, "+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", grpcEcho(t, "a")))
	m.sidecar("virtualNode/b", at("application/8080", grpcEcho(t, "b")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.callsGRPC("cart.shop.local:8080")
	for _, one := range []struct{ match, hit, miss string }{
		{"match: {exact: v2}", "v2", "v22"},
		{"match: {prefix: v}", "v2", "2v"},
		{"match: {suffix: '2'}", "v2", "v3"},
		{"match: {regex: 'v[0-9]+'}", "v22", "v2a"},
		{"match: {range: {start: 10, end: 20}}", "19", "20"},
		{"invert: true, match: {exact: v2}", "v3", "v2"},
		{"invert: true, match: {prefix: v}", "2v", "v2"},
		{"invert: true, match: {suffix: '2'}", "v3", "v2"},
		{"invert: true, match: {regex: 'v[0-9]+'}", "v2a", "v2"},
		{"invert: true, match: {range: {start: 10, end: 20}}", "20", "10"},
	} {
		m.apply(route("some", "priority: 1, grpcRoute: {match: {metadata: [{name: version, "+one.match+"}]}, "+to("b")+"}"))
		c.reaches("b", "/shop.Cart/Add", "version: "+one.hit)
		c.reaches("a", "/shop.Cart/Add", "version: "+one.miss)
		c.reaches("a", "/shop.Cart/Add")
	}
	m.apply(route("some", "priority: 1, grpcRoute: {match: {metadata: [{name: version}]}, "+to("b")+"}"))
	c.reaches("b", "/shop.Cart/Add", "version: 1")
	c.reaches("a", "/shop.Cart/Add")
	m.apply(route("some", "priority: 1, grpcRoute: {match: {metadata: [{name: version, invert: true}]}, "+to("b")+"}"))
	c.reaches("b", "/shop.Cart/Add")
	c.reaches("a", "/shop.Cart/Add", "version: 1")
}
