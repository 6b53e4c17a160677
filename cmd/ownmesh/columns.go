package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: what of a kind's spec is worth a column.

// column is a title, and how to read the cell from a spec.
type column struct {
	title string
	cell  func(json.RawMessage) (string, error)
}

// of makes a column that reads a decoded spec.
func of[T any](title string, cell func(T) string) column {
	return column{title: title, cell: func(spec json.RawMessage) (string, error) {
		t, err := resource.Decode[T](spec)
		if err != nil {
			return "", err
		}
		return cell(t), nil
	}}
}

func columnsOf(kind resource.Kind) []column {
	switch kind {
	case resource.KindMesh:
		return []column{of("egress", meshEgress)}
	case resource.KindInterception:
		return []column{of("mode", func(s resource.InterceptionSpec) string { return string(s.Mode) }), of("for", interceptionTarget)}
	case resource.KindTaskBinding:
		return []column{
			of("tasks", func(s resource.TaskBindingSpec) string { return s.Cluster + "/" + s.Service }),
			of("virtualnode", func(s resource.TaskBindingSpec) string { return s.VirtualNode.VirtualNodeName }),
		}
	case resource.KindResolvableName:
		return []column{
			of("namespace", func(s resource.ResolvableNameSpec) string { return s.NamespaceName }),
			of("address", func(s resource.ResolvableNameSpec) string { return cmp.Or(s.Address, resource.DefaultNameAddress) }),
		}
	case resource.KindVirtualNode:
		return []column{of("listeners", nodeListeners), of("discovery", nodeDiscovery), of("backends", nodeBackends)}
	case resource.KindVirtualRouter:
		return []column{of("listeners", routerListeners)}
	case resource.KindRoute:
		return []column{of("priority", func(s resource.RouteSpec) string { return priority(s.Priority) }), of("match", routeMatch), of("targets", routeTargets)}
	case resource.KindVirtualService:
		return []column{of("provider", serviceProvider)}
	case resource.KindVirtualGateway:
		return []column{of("listeners", gatewayListeners)}
	case resource.KindGatewayRoute:
		return []column{
			of("priority", func(s resource.GatewayRouteSpec) string { return priority(s.Priority) }),
			of("match", gatewayRouteMatch), of("target", gatewayRouteTarget),
		}
	}
	return nil
}

func meshEgress(s resource.MeshSpec) string {
	if s.EgressFilter == nil {
		return "DROP_ALL" // App Mesh's default
	}
	return s.EgressFilter.Type
}

func interceptionTarget(s resource.InterceptionSpec) string {
	switch {
	case s.VirtualNode != "":
		return "virtualNode/" + s.VirtualNode
	case s.VirtualGateway != "":
		return "virtualGateway/" + s.VirtualGateway
	}
	return "the mesh"
}

func ports(mappings []resource.PortMapping) string {
	var all []string
	for _, m := range mappings {
		all = append(all, fmt.Sprintf("%s:%d", m.Protocol, m.Port))
	}
	return strings.Join(all, ", ")
}

func nodeListeners(s resource.VirtualNodeSpec) string {
	var all []resource.PortMapping
	for _, l := range s.Listeners {
		all = append(all, l.PortMapping)
	}
	return ports(all)
}

func routerListeners(s resource.VirtualRouterSpec) string {
	var all []resource.PortMapping
	for _, l := range s.Listeners {
		all = append(all, l.PortMapping)
	}
	return ports(all)
}

func gatewayListeners(s resource.VirtualGatewaySpec) string {
	var all []resource.PortMapping
	for _, l := range s.Listeners {
		all = append(all, l.PortMapping)
	}
	return ports(all)
}

func nodeDiscovery(s resource.VirtualNodeSpec) string {
	switch d := s.ServiceDiscovery; {
	case d == nil:
		return ""
	case d.AWSCloudMap != nil:
		return "cloudmap " + d.AWSCloudMap.ServiceName + "." + d.AWSCloudMap.NamespaceName
	case d.DNS != nil:
		return "dns " + d.DNS.Hostname
	}
	return ""
}

func nodeBackends(s resource.VirtualNodeSpec) string {
	var all []string
	for _, b := range s.Backends {
		if b.VirtualService != nil {
			all = append(all, b.VirtualService.VirtualServiceName)
		}
	}
	return strings.Join(all, ", ")
}

func serviceProvider(s resource.VirtualServiceSpec) string {
	switch p := s.Provider; {
	case p == nil:
		return ""
	case p.VirtualNode != nil:
		return "virtualNode/" + p.VirtualNode.VirtualNodeName
	case p.VirtualRouter != nil:
		return "virtualRouter/" + p.VirtualRouter.VirtualRouterName
	}
	return ""
}

func priority(p *int) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(*p)
}

func routeMatch(s resource.RouteSpec) string {
	switch {
	case s.HTTPRoute != nil:
		return "http " + httpMatch(s.HTTPRoute.Match.Prefix, s.HTTPRoute.Match.Path, s.HTTPRoute.Match.Method, s.HTTPRoute.Match.Headers)
	case s.HTTP2Route != nil:
		return "http2 " + httpMatch(s.HTTP2Route.Match.Prefix, s.HTTP2Route.Match.Path, s.HTTP2Route.Match.Method, s.HTTP2Route.Match.Headers)
	case s.GRPCRoute != nil:
		return strings.TrimSpace("grpc " + text(s.GRPCRoute.Match.ServiceName))
	case s.TCPRoute != nil:
		return "tcp"
	}
	return ""
}

func gatewayRouteMatch(s resource.GatewayRouteSpec) string {
	switch {
	case s.HTTPRoute != nil:
		return "http " + httpMatch(s.HTTPRoute.Match.Prefix, s.HTTPRoute.Match.Path, s.HTTPRoute.Match.Method, s.HTTPRoute.Match.Headers)
	case s.HTTP2Route != nil:
		return "http2 " + httpMatch(s.HTTP2Route.Match.Prefix, s.HTTP2Route.Match.Path, s.HTTP2Route.Match.Method, s.HTTP2Route.Match.Headers)
	case s.GRPCRoute != nil:
		return strings.TrimSpace("grpc " + text(s.GRPCRoute.Match.ServiceName))
	}
	return ""
}

// httpMatch is the parts of a match that most routes have: GET /v2* x-canary.
func httpMatch(prefix *string, path *resource.HTTPPathMatch, method string, headers []resource.HTTPRouteHeader) string {
	var parts []string
	if method != "" {
		parts = append(parts, method)
	}
	switch {
	case path != nil && path.Exact != "":
		parts = append(parts, path.Exact)
	case path != nil && path.Regex != "":
		parts = append(parts, "~"+path.Regex)
	case prefix != nil:
		parts = append(parts, *prefix+"*")
	}
	for _, h := range headers {
		parts = append(parts, h.Name)
	}
	return strings.Join(parts, " ")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func routeTargets(s resource.RouteSpec) string {
	var targets []resource.WeightedTarget
	switch {
	case s.HTTPRoute != nil:
		targets = s.HTTPRoute.Action.WeightedTargets
	case s.HTTP2Route != nil:
		targets = s.HTTP2Route.Action.WeightedTargets
	case s.GRPCRoute != nil:
		targets = s.GRPCRoute.Action.WeightedTargets
	case s.TCPRoute != nil:
		targets = s.TCPRoute.Action.WeightedTargets
	}
	var all []string
	for _, t := range targets {
		all = append(all, fmt.Sprintf("%s=%d", t.VirtualNode, t.Weight))
	}
	return strings.Join(all, " ")
}

func gatewayRouteTarget(s resource.GatewayRouteSpec) string {
	switch {
	case s.HTTPRoute != nil:
		return s.HTTPRoute.Action.Target.VirtualService.VirtualServiceName
	case s.HTTP2Route != nil:
		return s.HTTP2Route.Action.Target.VirtualService.VirtualServiceName
	case s.GRPCRoute != nil:
		return s.GRPCRoute.Action.Target.VirtualService.VirtualServiceName
	}
	return ""
}
