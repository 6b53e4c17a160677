package envoy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcStreams is an application that answers each message of a stream with the same, in upper case, after a header, and
// ends with a trailer that says how many there were.
func grpcStreams(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(16<<20), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		if err := stream.SendHeader(metadata.Pairs("x-begin", "yes")); err != nil {
			return err
		}
		for n := 0; ; n++ {
			var in wrapperspb.StringValue
			if err := stream.RecvMsg(&in); errors.Is(err, io.EOF) {
				stream.SetTrailer(metadata.Pairs("x-messages", strings.Repeat("i", n)))
				return nil
			} else if err != nil {
				return err
			}
			if err := stream.SendMsg(wrapperspb.String(strings.ToUpper(in.Value))); err != nil {
				return err
			}
		}
	}))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer()) // healthy, whoever asks
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// Streams of gRPC pass both ways at once, with headers, trailers and messages of any size; through a gateway too.
func TestGRPCStreams(t *testing.T) {
	m := start(t, shop("grpc")+route("all", "grpcRoute: {match: {}, "+to("a")+"}")+`---
kind: VirtualGateway
virtualGatewayName: front
spec: {listeners: [{portMapping: {port: 80, protocol: grpc}}]}
---
kind: GatewayRoute
virtualGatewayName: front
gatewayRouteName: all
spec: {grpcRoute: {match: {}, action: {target: {virtualService: {virtualServiceName: cart.shop.local}}}}}
`)
	m.sidecar("virtualNode/a", at("application/8080", grpcStreams(t)))
	ui, front := m.sidecar("virtualNode/ui"), m.sidecar("virtualGateway/front")
	m.ready()
	for name, c := range map[string]*grpcCaller{"a node": ui.callsGRPC("cart.shop.local:8080"), "a gateway": front.customersGRPC(80)} {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/shop.Cart/Watch", grpc.MaxCallRecvMsgSize(16<<20))
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range []string{"one", "two", strings.Repeat("x", 5<<20)} {
			if err := stream.SendMsg(wrapperspb.String(text)); err != nil {
				t.Fatalf("%s: message %d: %v", name, i, err)
			}
			var got wrapperspb.StringValue // each comes before the next one is sent
			if err := stream.RecvMsg(&got); err != nil || got.Value != strings.ToUpper(text) {
				t.Fatalf("%s: message %d: got %.20q, %v", name, i, got.Value, err)
			}
		}
		if h, err := stream.Header(); err != nil || len(h.Get("x-begin")) != 1 {
			t.Errorf("%s: headers %v, %v", name, h, err)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: the end is %v", name, err)
		}
		if got := stream.Trailer().Get("x-messages"); len(got) != 1 || got[0] != "iii" {
			t.Errorf("%s: trailers %v", name, stream.Trailer())
		}
	}
}

// A side of a TCP connection that has said all it had to say still hears the other one.
func TestTCPHalfClose(t *testing.T) {
	m := start(t, shop("tcp")+route("all", "tcpRoute: {"+to("a")+"}"))
	m.sidecar("virtualNode/a", at("application/8080", tcpServer(t, func(c net.Conn) {
		all, err := io.ReadAll(c) // until the caller has closed its side
		if err == nil {
			_, _ = c.Write(bytes.ToUpper(all)) // who hung up misses it
		}
	})))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.connect("cart.shop.local:8080")
	c.send("all of it")
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c.r); err != nil || string(got) != "ALL OF IT" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A WebSocket passes a gateway as it passes a node.
func TestGatewayUpgrade(t *testing.T) {
	m := start(t, storefront+gatewayRoute("it", "prefix: /", "cart.shop.local", ""))
	m.sidecar("virtualNode/cart", at("application/8080", serve(t, http.HandlerFunc(upgrade))))
	front := m.sidecar("virtualGateway/front")
	m.ready()
	raw, err := front.dialPort(80)(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := newConnection(t, raw)
	c.send("GET /chat HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if line := c.line(); line != "HTTP/1.1 101 Switching Protocols\r\n" {
		t.Fatalf("the handshake was answered %q", line)
	}
	for c.line() != "\r\n" {
	}
	c.send("hello\n")
	if got := c.line(); got != "hello\n" {
		t.Errorf("got %q, want an echo", got)
	}
}
