package xdstest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ownmesh/ownmesh/events"
)

// Type is a resource's type URL.
type Type string

// The types that a relay serves.
const (
	Secret   Type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
	Cluster  Type = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	Endpoint Type = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	Listener Type = "type.googleapis.com/envoy.config.listener.v3.Listener"
	Route    Type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// Wait is how long a Client waits for what must come. It is generous: a test that passes never waits so long.
const Wait = 30 * time.Second

// Node is whom a client says that it is.
type Node struct {
	ID       string // mesh/shop/virtualNode/cart
	Metadata events.NodeMetadata
}

// Client is one ADS stream. It is for one goroutine at a time.
type Client struct {
	tb     testing.TB
	node   *corev3.Node // sent with the first request
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	cancel context.CancelFunc

	responses chan *Response
	ended     chan error // buffered; what the stream ended with
}

// Response is one answer of the relay's.
type Response struct {
	*discoveryv3.DeltaDiscoveryResponse
	Type Type
}

// Names lists the resources in it, in their order.
func (r *Response) Names() []string {
	var names []string
	for _, resource := range r.Resources {
		names = append(names, resource.Name)
	}
	return names
}

// Connect opens a stream to a relay on loopback, on a connection of its own. It ends with the test.
func Connect(tb testing.TB, address string, n Node) *Client {
	tb.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = connection.Close() })
	return Open(tb, connection, n)
}

// Open opens a stream on a connection. It ends with the test.
func Open(tb testing.TB, connection grpc.ClientConnInterface, n Node) *Client {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	node, err := n.Proto()
	if err != nil {
		tb.Fatal(err)
	}
	c := &Client{tb: tb, node: node, stream: stream, cancel: cancel, responses: make(chan *Response, 1024), ended: make(chan error, 1)}
	go func() {
		for {
			response, err := stream.Recv()
			if err != nil {
				c.ended <- err
				return
			}
			c.responses <- &Response{response, Type(response.TypeUrl)}
		}
	}()
	return c
}

// Proto is the node as a first request has it.
func (n Node) Proto() (*corev3.Node, error) {
	text, err := json.Marshal(map[string]any{events.MetadataKey: n.Metadata})
	if err != nil {
		return nil, err
	}
	metadata := new(structpb.Struct)
	if err := metadata.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return &corev3.Node{Id: n.ID, Metadata: metadata}, nil
}

// Send sends a request as it is, but for the node, which the first one gets.
func (c *Client) Send(request *discoveryv3.DeltaDiscoveryRequest) {
	c.tb.Helper()
	request.Node, c.node = c.node, nil
	// A stream that the relay has ended can't be sent on; ExpectStatus says why it did.
	_ = c.stream.Send(request)
}

// SubscribeAll asks for everything of a type, as Envoy asks for clusters and listeners.
func (c *Client) SubscribeAll(t Type) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t)})
}

// Subscribe asks for resources by name.
func (c *Client) Subscribe(t Type, names ...string) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), ResourceNamesSubscribe: names})
}

// Unsubscribe takes that back.
func (c *Client) Unsubscribe(t Type, names ...string) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), ResourceNamesUnsubscribe: names})
}

// Resume is how a type is asked for first on a new stream by an Envoy that has versions of it. Without names it asks
// for everything.
func (c *Client) Resume(t Type, has map[string]string, names ...string) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(t), InitialResourceVersions: has, ResourceNamesSubscribe: names})
}

// Ack accepts a response.
func (c *Client) Ack(r *Response) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce})
}

// Nack refuses a response.
func (c *Client) Nack(r *Response, message string) {
	c.tb.Helper()
	c.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce,
		ErrorDetail: &statuspb.Status{Code: int32(codes.Internal), Message: message}})
}

// Next gives the next response.
func (c *Client) Next() *Response {
	c.tb.Helper()
	select {
	case r := <-c.responses:
		return r
	case err := <-c.ended:
		select {
		case r := <-c.responses: // that came before the end
			c.ended <- err
			return r
		default:
		}
		c.tb.Fatalf("the stream ended: %v", err)
	case <-time.After(Wait):
		c.tb.Fatal("no response came")
	}
	return nil
}

// Maybe gives the next response if it comes within d, else nil.
func (c *Client) Maybe(d time.Duration) *Response {
	c.tb.Helper()
	select {
	case r := <-c.responses:
		return r
	case err := <-c.ended:
		c.tb.Fatalf("the stream ended: %v", err)
	case <-time.After(d):
	}
	return nil
}

// Expect gives the next response, which must hold just these resources.
func (c *Client) Expect(t Type, names ...string) *Response {
	c.tb.Helper()
	r := c.Next()
	if r.Type != t || !slices.Equal(r.Names(), names) || len(r.RemovedResources) > 0 {
		c.tb.Fatalf("got %s, want %s %q", r, t, names)
	}
	return r
}

// ExpectRemoved gives the next response, which must only remove just these.
func (c *Client) ExpectRemoved(t Type, names ...string) *Response {
	c.tb.Helper()
	r := c.Next()
	if r.Type != t || !slices.Equal(r.RemovedResources, names) || len(r.Resources) > 0 {
		c.tb.Fatalf("got %s, want %s without %q", r, t, names)
	}
	return r
}

// Accept is Expect, and then Ack.
func (c *Client) Accept(t Type, names ...string) *Response {
	c.tb.Helper()
	r := c.Expect(t, names...)
	c.Ack(r)
	return r
}

// ExpectNothing fails if a response comes within d.
func (c *Client) ExpectNothing(d time.Duration) {
	c.tb.Helper()
	select {
	case r := <-c.responses:
		c.tb.Fatalf("got %s, want nothing", r)
	case err := <-c.ended:
		c.tb.Fatalf("the stream ended: %v", err)
	case <-time.After(d):
	}
}

// ExpectStatus waits for the stream to end, and gives its message. Responses before are dropped.
func (c *Client) ExpectStatus(code codes.Code) string {
	c.tb.Helper()
	timeout := time.After(Wait)
	for {
		select {
		case <-c.responses:
		case err := <-c.ended:
			if errors.Is(err, io.EOF) {
				err = nil // how gRPC tells of status 0
			}
			if got := status.Code(err); got != code {
				c.tb.Fatalf("the stream ended with %v (%v), want %v", got, err, code)
			}
			return status.Convert(err).Message()
		case <-timeout:
			c.tb.Fatal("the stream did not end")
		}
	}
}

// Sync waits until the relay has dealt with everything that was sent. There must be no responses left to expect.
func (c *Client) Sync() {
	c.tb.Helper()
	const name = "a name that nothing has"
	c.Subscribe(Endpoint, name)
	c.Expect(Endpoint, name)
	c.Unsubscribe(Endpoint, name)
}

// Close ends the stream from the client's side.
func (c *Client) Close() { c.cancel() }

// String is "Cluster +added -removed #nonce".
func (r *Response) String() string {
	text := string(r.Type[strings.LastIndexByte(string(r.Type), '.')+1:])
	for _, name := range r.Names() {
		text += " +" + name
	}
	for _, name := range r.RemovedResources {
		text += " -" + name
	}
	return text + " #" + r.Nonce
}

// Decode gives a response's resource of this name as the message that its type says.
func Decode[M proto.Message](tb testing.TB, r *Response, name string) M {
	tb.Helper()
	messages := map[Type]proto.Message{
		Secret: &tlsv3.Secret{}, Cluster: &clusterv3.Cluster{}, Endpoint: &endpointv3.ClusterLoadAssignment{},
		Listener: &listenerv3.Listener{}, Route: &routev3.RouteConfiguration{},
	}
	var none M
	for _, resource := range r.Resources {
		if resource.Name != name {
			continue
		}
		message, ok := messages[r.Type].(M)
		if !ok || resource.Resource.TypeUrl != string(r.Type) {
			tb.Fatalf("a %s is no %T", resource.Resource.TypeUrl, none)
		}
		if err := proto.Unmarshal(resource.Resource.Value, message); err != nil {
			tb.Fatal(err)
		}
		return message
	}
	tb.Fatalf("no %q in %s", name, r)
	return none
}

// Nonce makes a response of nothing but a nonce, for a test that answers what the relay never sent.
func Nonce(t Type, nonce string) *Response {
	return &Response{&discoveryv3.DeltaDiscoveryResponse{TypeUrl: string(t), Nonce: nonce}, t}
}
