package servers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// floor is a server without logic: it has the bytes of each answer ready before anybody asks, keeps nothing of what a
// stream has or acknowledges, and pushes a change to all its streams. What it costs is what gRPC costs, with the very
// options that the relay uses: to decode what proxies say, and to have a sender a stream, without which one slow proxy
// would hold up all others.
type floor struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	shared map[string]mem.Buffer   // by kind: what every proxy gets
	own    []map[string]mem.Buffer // by proxy and kind: what it alone gets

	mu      sync.Mutex
	streams map[int]chan mem.BufferSlice // by proxy: what its sender is to send
}

func startFloor(c Config) (*served, error) {
	f := &floor{shared: map[string]mem.Buffer{}, own: make([]map[string]mem.Buffer, c.Shape), streams: map[int]chan mem.BufferSlice{}}
	messages := load.Shape{Proxies: c.Shape}.Messages()
	for _, kind := range load.Types() {
		f.shared[kind] = encode(&discoveryv3.DeltaDiscoveryResponse{
			TypeUrl: kind, Nonce: nonce, SystemVersionInfo: "1", Resources: wrap(kind, messages.Shared[kind]),
		})
	}
	for i := range f.own {
		f.own[i] = map[string]mem.Buffer{}
		for kind, own := range messages.Own[i] {
			// A message behind a message is one message.
			f.own[i][kind] = encode(&discoveryv3.DeltaDiscoveryResponse{Resources: wrap(kind, own)})
		}
	}
	codec := bufferCodec{encoding.GetCodecV2(proto.Name)}
	server := grpc.NewServer(append(relay.ServerOptions(), grpc.ForceServerCodecV2(codec))...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, f)
	addr, err := listen(server)
	return &served{xds: addr, change: f.change, stop: server.Stop}, err
}

const nonce = "12345"

// wrap puts resources into what a response has of them. Their versions are as long as the relay's.
func wrap(kind string, resources []pb.Message) []*discoveryv3.Resource {
	wrapped := make([]*discoveryv3.Resource, len(resources))
	for n, m := range resources {
		wrapped[n] = &discoveryv3.Resource{
			Name: cachev3.GetResourceName(m), Version: strings.Repeat("0", 32),
			Resource: &anypb.Any{TypeUrl: kind, Value: encode(m).ReadOnlyData()},
		}
	}
	return wrapped
}

// encode can't fail: the load is valid.
func encode(m pb.Message) mem.Buffer {
	body, err := pb.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal %T: %v", m, err))
	}
	return mem.SliceBuffer(body)
}

// DeltaAggregatedResources answers the first request of each kind, and throws away all others: they are
// acknowledgements.
func (f *floor) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	first, err := rpc.Recv()
	if err != nil {
		return err
	}
	id := first.Node.GetId()
	proxy, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil || proxy >= len(f.own) {
		return fmt.Errorf("no proxy %q", id)
	}
	send := make(chan mem.BufferSlice, len(load.Types()))
	f.mu.Lock()
	f.streams[proxy] = send
	f.mu.Unlock()
	go f.receive(rpc, proxy, first.TypeUrl, send)
	for message := range send {
		if err := rpc.SendMsg(message); err != nil {
			return err
		}
	}
	return nil
}

// receive reads until the stream ends.
func (f *floor) receive(rpc grpc.ServerStream, proxy int, kind string, send chan mem.BufferSlice) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.streams[proxy] == send {
			delete(f.streams, proxy)
		}
		close(send)
	}()
	for ack := false; ; {
		if !ack {
			answer := mem.BufferSlice{f.shared[kind]}
			if own, ok := f.own[proxy][kind]; ok {
				answer = append(answer, own)
			}
			send <- answer
		}
		request := new(discoveryv3.DeltaDiscoveryRequest)
		if err := rpc.RecvMsg(request); err != nil {
			return
		}
		kind, ack = request.TypeUrl, request.ResponseNonce != ""
	}
}

// change has a change pushed to everyone whom it concerns.
func (f *floor) change(_ context.Context, c load.Change) error {
	message := mem.BufferSlice{encode(&discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: load.EndpointType, Nonce: nonce, SystemVersionInfo: "1", Resources: wrap(load.EndpointType, []pb.Message{c.Message()}),
	})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Proxy != load.Everyone {
		f.streams[c.Proxy] <- message
		return nil
	}
	for _, send := range f.streams {
		send <- message
	}
	return nil
}

// bufferCodec passes on what is encoded already.
type bufferCodec struct{ encoding.CodecV2 }

func (c bufferCodec) Marshal(v any) (mem.BufferSlice, error) {
	if ready, ok := v.(mem.BufferSlice); ok {
		return ready, nil
	}
	return c.CodecV2.Marshal(v)
}
