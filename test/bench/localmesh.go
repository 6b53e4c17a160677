package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/test/bench/load"
	"github.com/ownmesh/ownmesh/test/bench/swarm"
)

const (
	localMesh    = "bench"
	sharedRouter = "shared"
)

func nodeName(i int) string { return fmt.Sprintf("node-%03d", i) }

func routeTo(node int, prefix string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(
		`{"httpRoute":{"match":{"prefix":%q},"action":{"weightedTargets":[{"virtualNode":%q,"weight":100}]}}}`, prefix, nodeName(node)))
}

// buildMesh makes a mesh in which every node calls the service behind one shared router, and the three services of the
// nodes after it.
func buildMesh(ctx context.Context, api *client.Client) error {
	type object struct {
		key  resource.Key
		spec json.RawMessage
	}
	const others = 3
	objects := []object{
		{resource.Key{Kind: resource.KindMesh, Name: localMesh}, json.RawMessage(`{}`)},
		{resource.Key{Kind: resource.KindVirtualRouter, Name: sharedRouter}, json.RawMessage(`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}]}`)},
	}
	service := func(name, provider string) object {
		return object{resource.Key{Kind: resource.KindVirtualService, Name: name}, json.RawMessage(`{"provider":{` + provider + `}}`)}
	}
	for i := range localNodes {
		backends := []string{sharedRouter + ".bench.local"}
		for b := 1; b <= others; b++ {
			backends = append(backends, nodeName((i+b)%localNodes)+".bench.local")
		}
		for n, name := range backends {
			backends[n] = fmt.Sprintf(`{"virtualService":{"virtualServiceName":%q}}`, name)
		}
		objects = append(objects,
			object{resource.Key{Kind: resource.KindVirtualNode, Name: nodeName(i)}, json.RawMessage(fmt.Sprintf(
				`{"listeners":[{"portMapping":{"port":8080,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"%s.internal"}},"backends":[%s]}`,
				nodeName(i), strings.Join(backends, ",")))},
			service(nodeName(i)+".bench.local", fmt.Sprintf(`"virtualNode":{"virtualNodeName":%q}`, nodeName(i))))
	}
	objects = append(objects,
		object{resource.Key{Kind: resource.KindRoute, Parent: sharedRouter, Name: "all"}, routeTo(0, "/")},
		service(sharedRouter+".bench.local", fmt.Sprintf(`"virtualRouter":{"virtualRouterName":%q}`, sharedRouter)))
	for _, o := range objects {
		if _, err := api.Create(ctx, client.Ref{Mesh: localMesh, Key: o.key}, o.spec, nil); err != nil {
			return fmt.Errorf("create %s: %w", o.key, err)
		}
	}
	return awaitPublished(ctx, api, int64(len(objects)))
}

// awaitPublished waits until the relay can serve a generation.
func awaitPublished(ctx context.Context, api *client.Client, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		status, err := api.Status(ctx, localMesh)
		if err == nil && status.Published >= generation {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait until generation %d is published: %w", generation, ctx.Err()), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// bootstraps is what each node's proxy says of itself: that it intercepts explicitly, and at which addresses.
func bootstraps(ctx context.Context, api *client.Client) ([]*corev3.Node, error) {
	nodes := make([]*corev3.Node, localNodes)
	for i := range nodes {
		places, err := api.Addresses(ctx, localMesh, "virtualNode", nodeName(i))
		if err != nil {
			return nil, fmt.Errorf("read what node %d needs addresses for: %w", i, err)
		}
		addresses := &structpb.Struct{Fields: map[string]*structpb.Value{}}
		for n, place := range places {
			addresses.Fields[place] = structpb.NewStringValue(fmt.Sprintf("127.0.0.1:%d", 20_000+n)) // nobody listens there
		}
		nodes[i] = &corev3.Node{
			Id: "mesh/" + localMesh + "/virtualNode/" + nodeName(i),
			Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{
				events.MetadataKey: structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
					"explicit": structpb.NewStructValue(addresses),
				}}),
			}},
		}
	}
	return nodes, nil
}

// namesOf is what a proxy asks for: everything, but of routes those that its listeners name.
func namesOf(_ int, kind string, before swarm.Response) ([]string, error) {
	if kind != load.RouteType {
		return nil, nil
	}
	bodies, err := before.Bodies()
	if err != nil {
		return nil, err
	}
	listeners := map[string]types.ResourceWithTTL{}
	for _, body := range bodies {
		var l listenerv3.Listener
		if err := proto.Unmarshal(body, &l); err != nil {
			return nil, fmt.Errorf("read a listener: %w", err)
		}
		listeners[l.Name] = types.ResourceWithTTL{Resource: &l}
	}
	return slices.Sorted(maps.Keys(cachev3.GetResourceReferences(listeners)[kind])), nil
}
