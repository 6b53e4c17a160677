package relay

import (
	"bytes"
	"fmt"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// TestCodec: a response is what protobuf makes of it, in its own buffers or joined; a large one is never copied.
func TestCodec(t *testing.T) {
	for _, c := range []struct {
		resources, size int
		joined          bool
	}{{0, 0, false}, {1, 100, false}, {2, 100, true}, {4, 100, true}, {100, 100, true}, {4, 10_000, false}} {
		r := newResponse(newHead(route, 7, "relay-1"), 1)
		want := &discoveryv3.DeltaDiscoveryResponse{
			SystemVersionInfo: "7", TypeUrl: typeURLs[route], Nonce: "42", RemovedResources: []string{"gone", "too"},
		}
		for n := range c.resources {
			body := bytes.Repeat([]byte{byte(n)}, c.size)
			r.add(part{entry: newEntry(route, fmt.Sprintf("r%d", n), "hash", body, nil)})
		}
		for _, name := range want.RemovedResources {
			r.add(part{name: name})
		}
		r.finish(42)
		buffers, err := newCodec().Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if joined := len(buffers) == 1; joined != c.joined {
			t.Errorf("%d resources of %d bytes are in %d buffers", c.resources, c.size, len(buffers))
		}
		encoded := buffers.Materialize()
		if len(encoded) != r.size {
			t.Errorf("%d resources: a size of %d is given for %d bytes", c.resources, r.size, len(encoded))
		}
		got := new(discoveryv3.DeltaDiscoveryResponse)
		if err := proto.Unmarshal(encoded, got); err != nil {
			t.Fatal(err)
		}
		for n, resource := range got.Resources {
			if resource.Name != fmt.Sprintf("r%d", n) || len(resource.Resource.Value) != c.size {
				t.Errorf("resource %d is %s with %d bytes", n, resource.Name, len(resource.Resource.Value))
			}
		}
		if len(got.Resources) != c.resources || got.ControlPlane.GetIdentifier() != "relay-1" {
			t.Errorf("%d resources come as %d, from %v", c.resources, len(got.Resources), got.ControlPlane)
		}
		got.Resources, got.ControlPlane = nil, nil
		if !proto.Equal(got, want) {
			t.Errorf("%d resources come with %v, want %v", c.resources, got, want)
		}
		buffers.Free()
	}
}
