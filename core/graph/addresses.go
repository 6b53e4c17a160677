package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
)

// Addresses lists what a proxy's bootstrap must give local addresses for under explicit interception, sorted; whether
// it is on is not asked. get looks one resource up: a node's own, its backends' services and their providers are all
// that is ever asked for. A proxy that does not exist needs none.
func Addresses(get func(resource.Key) (resource.Resource, bool), proxy artifact.ProxyKey) []artifact.Fill {
	kind, name, _ := strings.Cut(string(proxy), "/")
	r, ok := get(resource.Key{Kind: resource.Kind(kind), Name: name})
	if !ok {
		return nil
	}
	var fills []artifact.Fill
	switch resource.Kind(kind) {
	case resource.KindVirtualNode:
		node, _ := ReadNode(r)
		for _, l := range node.Listeners {
			fills = append(fills, BindFill(l.Port.Port), ApplicationFill(l.Port.Port))
		}
		world := lookups{get}
		for _, b := range node.Backends {
			for _, p := range ServicePorts(world, b.Service) {
				fills = append(fills, ServiceFill(b.Service, p.Port))
			}
		}
		fills = append(fills, ProxyFill)
	case resource.KindVirtualGateway:
		gateway, _ := ReadGateway(r)
		for _, l := range gateway.Listeners {
			fills = append(fills, BindFill(l.Port.Port))
		}
		fills = append(fills, SelfFill)
	}
	slices.Sort(fills)
	return fills
}

// The places that explicit interception leaves open: see artifact.Fill.
const (
	ProxyFill artifact.Fill = "proxy"
	SelfFill  artifact.Fill = "self"
)

// BindFill is where a proxy accepts what is meant for a port.
func BindFill(port int) artifact.Fill { return artifact.Fill(fmt.Sprintf("bind/%d", port)) }

// ApplicationFill is where the application listens for a port.
func ApplicationFill(port int) artifact.Fill {
	return artifact.Fill(fmt.Sprintf("application/%d", port))
}

// ServiceFill is the local address that means a backend's port.
func ServiceFill(service string, port int) artifact.Fill {
	return artifact.Fill(fmt.Sprintf("service/%s:%d", service, port))
}

// lookups is the World of a single question.
type lookups struct {
	get func(resource.Key) (resource.Resource, bool)
}

func (l lookups) Service(name string) *Service {
	r, ok := l.get(resource.Key{Kind: resource.KindVirtualService, Name: name})
	if !ok {
		return nil
	}
	s, _ := ReadService(r)
	return s
}

func (l lookups) NodePorts(node string) Ports {
	r, ok := l.get(resource.Key{Kind: resource.KindVirtualNode, Name: node})
	if !ok {
		return nil
	}
	v, _ := ReadNode(r)
	return v.Ports()
}

func (l lookups) RouterPorts(router string) Ports {
	r, ok := l.get(resource.Key{Kind: resource.KindVirtualRouter, Name: router})
	if !ok {
		return nil
	}
	ports, _ := ReadRouter(r)
	return ports
}
