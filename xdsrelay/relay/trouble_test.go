package relay_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// A store that hangs is waited for once, not by each Envoy in its turn.
func TestAStoreThatHangsHoldsUpNoRowOfEnvoys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.simple()
	w.Publish()
	settle(w.connect())
	never := make(chan struct{})
	w.objects.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Wait: never} })
	time.Sleep(2 * polling) // the meaning of the name is of yesterday
	started := time.Now()
	clients := make([]*xdstest.Client, 10)
	for i := range clients {
		clients[i] = w.connect()
		clients[i].SubscribeAll(xdstest.Cluster)
	}
	for _, c := range clients {
		c.Accept(xdstest.Cluster, "c1")
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("ten Envoys waited for %v", took)
	}
}

// A mesh whose log is damaged holds up no other of the same relay, which says which it is, and gets well once it is healed.
func TestADamagedMeshHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *relay.Options) { o.Patience = time.Second })
	w.simple()
	w.Publish()
	const uid = "5e9d"
	bank := xdstest.NewPublisher(t, w.objects, "bank", uid)
	bank.Proxy(cart, cluster("b1"))
	bank.Publish()
	checkpoint := events.CheckpointPath(uid, events.LogConfig)
	whole := w.objects.Bytes(checkpoint)
	w.objects.Put(checkpoint, []byte("damaged"))

	damaged := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/bank/virtualNode/cart"})
	damaged.SubscribeAll(xdstest.Cluster)
	eventually(t, "the damaged mesh is looked at", func() bool { return len(w.relay.State().Unread) == 1 })
	if err := w.relay.Ready(); err == nil || !strings.Contains(err.Error(), uid) {
		t.Errorf("it doesn't say which mesh it can't read: %v", err)
	}
	c := w.connect()
	settle(c)
	w.Put(cluster("c1", 1))
	w.Publish()
	c.Accept(xdstest.Cluster, "c1")

	w.objects.Put(checkpoint, whole)
	damaged.Accept(xdstest.Cluster, "b1") // it has waited for that
	eventually(t, "the relay is ready", func() bool { return w.relay.Ready() == nil })

	w.objects.Put(events.NamePath("till"), []byte("no uid!")) // a name that was not asked for a moment ago
	again := xdstest.Connect(t, w.address, xdstest.Node{ID: "mesh/till/virtualNode/cart"})
	again.SubscribeAll(xdstest.Cluster)
	if said := again.ExpectStatus(codes.Unavailable); !strings.Contains(said, "holds no uid") {
		t.Errorf("it says %q", said)
	}
}
