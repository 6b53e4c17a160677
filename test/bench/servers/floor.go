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
	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// floor is a server that can't be beaten: it has the bytes of each answer ready before anybody asks, keeps nothing of
// what a stream has or acknowledges, and pushes a change to its streams in a loop. What it costs is what gRPC costs,
// with the very options that the relay uses.
type floor struct {
	shared map[string]mem.Buffer   // by kind: what every proxy gets
	own    []map[string]mem.Buffer // by proxy and kind: what it alone gets

	mu      sync.Mutex
	streams map[int]*floorStream // by proxy
}

// floorStream is a stream to which two may send: who answers it, and who pushes a change.
type floorStream struct {
	mu  sync.Mutex
	rpc grpc.ServerStream
}

func startFloor(c Config) (*served, error) {
	f := &floor{shared: map[string]mem.Buffer{}, own: make([]map[string]mem.Buffer, c.Shape), streams: map[int]*floorStream{}}
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
	server := grpc.NewServer(append(relay.ServerOptions(), grpc.ForceServerCodecV2(rawCodec{encoding.GetCodecV2(proto.Name)}))...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "envoy.service.discovery.v3.AggregatedDiscoveryService",
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "DeltaAggregatedResources", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, rpc grpc.ServerStream) error { return f.serve(rpc) },
		}},
	}, f)
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

// serve answers the first request of each kind, and throws away all others: they are acknowledgements.
func (f *floor) serve(rpc grpc.ServerStream) error {
	proxy := -1
	s := &floorStream{rpc: rpc}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.streams[proxy] == s {
			delete(f.streams, proxy)
		}
	}()
	for {
		var raw []byte
		if err := rpc.RecvMsg(&raw); err != nil {
			return nil //nolint:nilerr // the client is gone
		}
		if proxy < 0 {
			var err error
			if proxy, err = f.enter(s, raw); err != nil {
				return err
			}
		}
		kind, ack := peek(raw)
		if ack {
			continue
		}
		answer := mem.BufferSlice{f.shared[kind]}
		if own, ok := f.own[proxy][kind]; ok {
			answer = append(answer, own)
		}
		if err := s.send(answer); err != nil {
			return err
		}
	}
}

// enter finds out whose stream it is.
func (f *floor) enter(s *floorStream, raw []byte) (int, error) {
	var first discoveryv3.DeltaDiscoveryRequest
	if err := pb.Unmarshal(raw, &first); err != nil {
		return -1, err
	}
	id := first.Node.GetId()
	i, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil || i >= len(f.own) {
		return -1, fmt.Errorf("no proxy %q", id)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams[i] = s
	return i, nil
}

func (s *floorStream) send(m mem.BufferSlice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rpc.SendMsg(m)
}

// change pushes a change to everyone whom it concerns.
func (f *floor) change(_ context.Context, c load.Change) error {
	message := mem.BufferSlice{encode(&discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: load.EndpointType, Nonce: nonce, SystemVersionInfo: "1", Resources: wrap(load.EndpointType, []pb.Message{c.Message()}),
	})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Proxy != load.Everyone {
		return f.streams[c.Proxy].send(message)
	}
	for _, s := range f.streams {
		if err := s.send(message); err != nil {
			return err
		}
	}
	return nil
}

// peek reads of a request its kind, and whether it is an acknowledgement.
func peek(raw []byte) (kind string, ack bool) {
	for len(raw) > 0 {
		field, wire, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return "", true
		}
		raw = raw[n:]
		if n = protowire.ConsumeFieldValue(field, wire, raw); n < 0 {
			return "", true
		}
		switch field {
		case 2: // type_url
			value, _ := protowire.ConsumeBytes(raw)
			kind = string(value)
		case 6: // response_nonce
			ack = true
		}
		raw = raw[n:]
	}
	return kind, ack
}

// rawCodec passes bytes through.
type rawCodec struct{ encoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if raw, ok := v.(mem.BufferSlice); ok {
		return raw, nil
	}
	return c.CodecV2.Marshal(v)
}

func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if to, ok := v.(*[]byte); ok {
		*to = data.Materialize()
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
