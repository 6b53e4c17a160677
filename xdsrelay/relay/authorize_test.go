package relay_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/core/token"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

// anyones takes a token as what it says: MESH:PROXY.
type anyones struct{}

func (anyones) Verify(text string) (token.Claims, error) {
	mesh, proxy, _ := strings.Cut(text, ":")
	now := time.Now()
	return token.Claims{MeshUID: mesh, Proxy: proxy, Issued: now, Expires: now.Add(time.Hour)}, nil
}

// A token is for one mesh and one node, letter by letter: not for one whose name begins alike, nor for another kind.
func TestTokensAreForOneNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *relay.Options) { o.Tokens, o.Patience = anyones{}, 50*time.Millisecond })
	w.simple()
	w.Publish()
	node := string(cart)
	for _, text := range []string{
		meshUID + ":" + node + "s", meshUID + ":" + node[:len(node)-1], meshUID + ":" + strings.ToUpper(node), meshUID + ":" + node + "/", meshUID + ":",
		meshUID + ":" + strings.Replace(node, "virtualNode/", "virtualGateway/", 1),
		meshUID + "0:" + node, meshUID[:len(meshUID)-1] + ":" + node, ":" + node,
	} {
		c := w.connectWith(text)
		c.SubscribeAll(xdstest.Cluster)
		if said := c.ExpectStatus(codes.PermissionDenied); !strings.Contains(said, "the stream's token is for") {
			t.Errorf("%s: it says %q", text, said)
		}
	}
	c := w.connectWith(meshUID + ":" + node)
	c.SubscribeAll(xdstest.Cluster)
	c.Accept(xdstest.Cluster, "c1")
}

// Two tokens are none: which of them counts would be for whoever adds the second to say.
func TestTwoTokensAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *relay.Options) { o.Tokens = anyones{} })
	w.simple()
	w.Publish()
	good := meshUID + ":" + string(cart)
	c := w.connectWith(good, good)
	c.SubscribeAll(xdstest.Cluster)
	c.ExpectStatus(codes.Unauthenticated)
}

// Who tries tokens of others is sent away for a while, as who has none is.
func TestTokensOfOthersAreFailedAttempts(t *testing.T) {
	t.Parallel()
	started := time.Now()
	w := newWorld(t, func(o *relay.Options) {
		o.Tokens, o.Limits = anyones{}, relay.Limits{PeerFailures: 3}
		o.Now = func() time.Time { return started } // none is forgiven meanwhile
	})
	w.simple()
	w.Publish()
	for range 3 {
		c := w.connectWith(meshUID + ":virtualNode/other")
		c.SubscribeAll(xdstest.Cluster)
		c.ExpectStatus(codes.PermissionDenied)
	}
	c := w.connectWith(meshUID + ":" + string(cart))
	c.SubscribeAll(xdstest.Cluster)
	c.ExpectStatus(codes.ResourceExhausted)
}

// A stream gets what is its own node's, and of another's not even that it is there, whether it asks for it by name or says
// that it has it already.
func TestNothingOfAnotherNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *relay.Options) { o.Tokens = anyones{} })
	w.simple()
	w.Proxy("virtualNode/pay", cluster("p1"), listener("pl", "pr"), route("pr", "p1"))
	w.Register(instance("1", "10.0.0.1"))
	w.Publish()
	c := w.connectWith(meshUID + ":" + string(cart))
	for kind, name := range map[xdstest.Type]string{xdstest.Cluster: "p1", xdstest.Listener: "pl", xdstest.Route: "pr"} {
		c.Subscribe(kind, name)
		c.Ack(c.ExpectRemoved(kind, name))
	}
	c.Subscribe(xdstest.Endpoint, "p1")
	if all := addresses(t, c.Accept(xdstest.Endpoint, "p1"), "p1"); len(all) != 0 {
		t.Errorf("endpoints are %q", all)
	}
	w.Put(cluster("p1"), route("pr", "p1"))
	w.Register(instance("2", "10.0.0.2"))
	w.Publish()
	c.ExpectNothing(quiet)
}
