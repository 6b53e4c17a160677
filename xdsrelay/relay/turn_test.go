package relay_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

var tlsSocket = &corev3.TransportSocket{Name: "envoy.transport_sockets.tls"}

// inTLS is a cluster that speaks TLS, or a listener with a chain more that does.
func inTLS(t testing.TB, r artifact.Resource) artifact.Resource {
	t.Helper()
	var message proto.Message
	if r.Type == artifact.Cluster {
		message = &clusterv3.Cluster{TransportSocket: tlsSocket}
	} else {
		message = &listenerv3.Listener{FilterChains: []*listenerv3.FilterChain{{Name: "tls", TransportSocket: tlsSocket}}}
	}
	more, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return artifact.NewResource(r.ID, slices.Concat(r.Body, more), r.Endpoints, r.Fill, r.Needs)
}

// A listener that takes both begins with TLS before its callers do, and ends with it after them: who comes second waits,
// and nobody else.
func TestTurnsToTLS(t *testing.T) {
	const overlap = time.Second
	plain, tls := cluster("c1"), inTLS(t, cluster("c1"))
	alone, both := listener("l1", "r1"), inTLS(t, listener("l1", "r1")).Permitting()
	for name, c := range map[string]struct {
		from, to artifact.Resource
		waits    string
	}{
		"a caller to TLS":             {plain, tls.Permitting(), "cluster c1 waits with TLS for the listener that it leads to"},
		"a caller to TLS alone":       {plain, tls, ""},
		"a caller from TLS":           {tls.Permitting(), plain, ""},
		"a caller from TLS alone":     {tls, tls.Permitting(), ""},
		"a listener to TLS too":       {alone, both, ""},
		"a listener to TLS alone":     {both, inTLS(t, alone), ""},
		"a listener from TLS":         {both, alone, "listener l1 keeps TLS until callers have turned away from it"},
		"a listener from TLS at once": {inTLS(t, alone), alone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *relay.Options) {
				o.Overlap = time.Hour // who must not wait would not come
				if c.waits != "" {
					o.Overlap = overlap
				}
			})
			first := map[artifact.Type]artifact.Resource{artifact.Cluster: plain, artifact.Listener: alone}
			first[c.from.Type] = c.from
			w.Proxy(cart, first[artifact.Cluster], first[artifact.Listener], route("r1", "c1"))
			w.Publish()
			client := w.connect()
			settle(client)
			eventually(t, "the first is accepted", func() bool { return w.proxy().State == events.Current })

			began := time.Now()
			w.Put(c.to)
			generation := w.Publish()
			if c.waits != "" {
				eventually(t, "it waits", func() bool { return strings.Join(w.proxy().Waiting, "; ") == c.waits })
			}
			kind := map[artifact.Type]xdstest.Type{artifact.Cluster: xdstest.Cluster, artifact.Listener: xdstest.Listener}[c.to.Type]
			client.Accept(kind, c.to.Name)
			if took := time.Since(began); c.waits != "" && took < overlap {
				t.Errorf("it waited for %v only", took)
			}
			eventually(t, "the last is accepted", func() bool { return w.proxy().Generation == generation })
		})
	}
}
