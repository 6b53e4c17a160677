package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
	"github.com/ownmesh/ownmesh/test/machine"
)

// shop is a mesh in which front calls back, which is blue or green.
const shop = `
kind: Interception
interceptionName: all
spec: {mode: explicit}
---
kind: VirtualNode
virtualNodeName: blue
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: NAMESPACE, serviceName: blue}}
---
kind: VirtualNode
virtualNodeName: green
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: NAMESPACE, serviceName: green}}
---
kind: VirtualRouter
virtualRouterName: back
spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}
---
kind: Route
routeName: all
virtualRouterName: back
spec: {httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNode: blue, weight: 1}]}}}
---
kind: VirtualService
virtualServiceName: back.NAMESPACE
spec: {provider: {virtualRouter: {virtualRouterName: back}}}
---
kind: VirtualNode
virtualNodeName: front
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: NAMESPACE, serviceName: front}}
  backends: [{virtualService: {virtualServiceName: back.NAMESPACE}}]
`

// A change by Go's SDK goes through table, stream, Lambdas, bucket and relay into an Envoy, whose next request shows it.
func TestChangeReachesRequests(t *testing.T) {
	t.Parallel()
	m := newShop(t)
	sdk := m.AppMesh(m.operator)
	for _, to := range []string{"green", "blue", "green"} {
		began := time.Now()
		_, err := sdk.UpdateRoute(t.Context(), &appmesh.UpdateRouteInput{
			MeshName: &m.Mesh, VirtualRouterName: aws.String("back"), RouteName: aws.String("all"),
			Spec: &types.RouteSpec{HttpRoute: &types.HttpRoute{
				Match:  &types.HttpRouteMatch{Prefix: aws.String("/")},
				Action: &types.HttpRouteAction{WeightedTargets: []types.WeightedTarget{{VirtualNode: &to, Weight: 1}}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		answered := time.Since(began)
		m.front.Gets(m.back, "200 "+to)
		t.Logf("the API answered after %v; a request goes to %s after %v", answered.Round(time.Millisecond), to, time.Since(began).Round(time.Millisecond))
	}
}

// running is shop with its tasks.
type running struct {
	*installation.Installation
	*machine.User
	operator           installation.Identity
	front, blue, green *installation.Node
	back               string // as front calls it
}

// newShop makes a shop of the test's own, and waits until front gets an answer of blue.
func newShop(t *testing.T) *running {
	t.Helper()
	i := installation.Get(t)
	i.ShowFaults(t)
	m := &running{Installation: i, operator: i.User(t, "Operators")}
	m.User = i.As(t, m.operator)
	m.Mesh = emulator.Name(t)
	namespace := m.Mesh + ".local"
	m.back = "back." + namespace + ":8080"
	m.Apply("{kind: Mesh, meshName: " + m.Mesh + "}\n---" + strings.ReplaceAll(shop, "NAMESPACE", namespace))
	m.blue, m.green = i.NodeOf(m.User, t, "blue"), i.NodeOf(m.User, t, "green")
	m.front = i.NodeOf(m.User, t, "front", m.back)
	for _, n := range []*installation.Node{m.blue, m.green, m.front} {
		n.Register(m.User, namespace)
	}
	for _, n := range []*installation.Node{m.blue, m.green, m.front} {
		n.Healthy()
	}
	m.front.Gets(m.back, "200 blue")
	return m
}
