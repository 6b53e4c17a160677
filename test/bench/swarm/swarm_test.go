package swarm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/ownmesh/ownmesh/test/bench/swarm"
)

// server is a small xDS server that notes what clients say.
type server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	addr   string
	refuse error
	body   []byte // of each kind's only resource

	mu      sync.Mutex
	said    map[string][]string // by node id: what the client sent
	streams map[string]discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
}

func start(t *testing.T, s *server) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr, s.said = l.Addr().String(), map[string][]string{}
	s.streams = map[string]discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer{}
	g := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return s
}

func (s *server) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	if s.refuse != nil {
		return s.refuse
	}
	id := ""
	for n := 0; ; n++ {
		request, err := rpc.Recv()
		if errors.Is(err, io.EOF) || err != nil {
			return nil
		}
		if n == 0 {
			id = request.Node.GetId()
		}
		s.mu.Lock()
		s.streams[id] = rpc
		s.said[id] = append(s.said[id], fmt.Sprintf("%s %v %s", request.TypeUrl, request.ResourceNamesSubscribe, request.ResponseNonce))
		s.mu.Unlock()
		if request.ResponseNonce == "" {
			if err := rpc.Send(response(request.TypeUrl, "nonce-"+request.TypeUrl, s.body)); err != nil {
				return err
			}
		}
	}
}

func response(kind, nonce string, body []byte) *discoveryv3.DeltaDiscoveryResponse {
	return &discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: kind, Nonce: nonce, Resources: []*discoveryv3.Resource{{Name: "x", Resource: &anypb.Any{TypeUrl: kind, Value: body}}},
	}
}

func options(s *server, streams int) swarm.Options {
	return swarm.Options{
		Addr: s.addr, Streams: streams, Types: []string{"a", "b"},
		Node: func(i int) *corev3.Node { return &corev3.Node{Id: fmt.Sprintf("node-%d", i)} },
		Names: func(i int, kind string, before swarm.Response) ([]string, error) {
			if kind == "a" {
				return nil, nil
			}
			bodies, err := before.Bodies()
			return []string{fmt.Sprintf("%d-%d", i, len(bodies[0]))}, err
		},
	}
}

// TestClients: they ask for one kind after the other and acknowledge everything, also what comes in many frames.
func TestClients(t *testing.T) {
	for _, size := range []int{1, 100, 1 << 20} {
		s := start(t, &server{body: make([]byte, size)})
		clients, err := swarm.Connect(t.Context(), options(s, 3))
		if err != nil {
			t.Fatal(err)
		}
		wait := clients.Expect([]byte("news"), swarm.Everyone)
		for id := range s.snapshot() {
			s.send(t, id, "a", "late", []byte("news"))
		}
		took, err := wait.Done(within(t))
		if err != nil || len(took) != 3 {
			t.Fatalf("news came to %d clients: %v", len(took), err)
		}
		bytes, messages := clients.Received()
		if messages != 9 || bytes < int64(6*size) {
			t.Errorf("they count %d messages of %d bytes", messages, bytes)
		}
		for i := range 3 {
			want := []string{"a [] ", "a [] nonce-a", fmt.Sprintf("b [%d-%d] ", i, size), "b [] nonce-b", "a [] late"}
			s.awaits(t, fmt.Sprintf("node-%d", i), want)
		}
		clients.Close()
	}
}

// TestOne: a change for one client, and what others get, is told apart.
func TestOne(t *testing.T) {
	s := start(t, &server{body: []byte("x")})
	clients, err := swarm.Connect(t.Context(), options(s, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	wait := clients.Expect([]byte("news"), 1)
	s.send(t, "node-0", "a", "1", []byte("news"))
	s.send(t, "node-1", "a", "2", []byte("other"))
	s.awaits(t, "node-0", []string{"a [] ", "a [] nonce-a", "b [0-1] ", "b [] nonce-b", "a [] 1"})
	s.awaits(t, "node-1", []string{"a [] ", "a [] nonce-a", "b [1-1] ", "b [] nonce-b", "a [] 2"})
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := wait.Done(soon); err == nil {
		t.Error("what came to another client, or is other news, was taken for it")
	}
	wait = clients.Expect([]byte("news"), 1)
	s.send(t, "node-1", "a", "3", []byte("news"))
	if took, err := wait.Done(within(t)); err != nil || len(took) != 1 {
		t.Errorf("news came to %d clients: %v", len(took), err)
	}
}

func TestRefused(t *testing.T) {
	s := start(t, &server{refuse: status.Error(codes.InvalidArgument, "no such node")})
	if _, err := swarm.Connect(t.Context(), options(s, 2)); err == nil || !strings.Contains(err.Error(), "no such node") {
		t.Errorf("the error is %v, want what the server says", err)
	}
	o := options(s, 1)
	o.Addr = "127.0.0.1:1"
	if _, err := swarm.Connect(t.Context(), o); err == nil {
		t.Error("connected to nothing")
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (s *server) snapshot() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	for id, said := range s.said {
		all[id] = slices.Clone(said)
	}
	return all
}

func (s *server) send(t *testing.T, id, kind, nonce string, body []byte) {
	t.Helper()
	s.mu.Lock()
	rpc := s.streams[id]
	s.mu.Unlock()
	if err := rpc.Send(response(kind, nonce, body)); err != nil {
		t.Fatal(err)
	}
}

// awaits waits until a client has said just this.
func (s *server) awaits(t *testing.T, id string, want []string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !slices.Equal(s.snapshot()[id], want) {
		if time.Now().After(deadline) {
			t.Fatalf("%s says %q, want %q", id, s.snapshot()[id], want)
		}
		time.Sleep(time.Millisecond)
	}
}
