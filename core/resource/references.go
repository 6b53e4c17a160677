package resource

import "slices"

// This file: which other resources a resource names in a way that is checked when it is written, or that guards them
// against deletion.

// References are those resources: a route's targets, a virtual service's provider, a gateway route's virtual service, what an
// interception is for, and the virtual node of a task binding. A virtual node's backends are not among them: they may come later. Sorted, no doubles; an
// undecodable spec, which ParseRequest lets none become, has none.
func References(r Resource) []Key {
	var keys []Key
	switch r.Kind {
	case KindRoute:
		keys = routeTargets(r)
	case KindVirtualService:
		keys = providers(r)
	case KindGatewayRoute:
		keys = gatewayTargets(r)
	case KindInterception:
		spec, err := Decode[InterceptionSpec](r.Spec)
		if err != nil {
			return nil
		}
		keys = []Key{{Kind: KindVirtualNode, Name: spec.VirtualNode}, {Kind: KindVirtualGateway, Name: spec.VirtualGateway}}
	case KindTaskBinding:
		spec, err := Decode[TaskBindingSpec](r.Spec)
		if err != nil {
			return nil
		}
		keys = []Key{{Kind: KindVirtualNode, Name: spec.VirtualNode.VirtualNodeName}}
	}
	keys = slices.DeleteFunc(keys, func(k Key) bool { return k.Name == "" })
	slices.SortFunc(keys, Key.Compare)
	return slices.Compact(keys)
}

func routeTargets(r Resource) []Key {
	spec, err := Decode[RouteSpec](r.Spec)
	if err != nil {
		return nil
	}
	var targets []WeightedTarget
	for _, route := range []*HTTPRoute{spec.HTTPRoute, spec.HTTP2Route} {
		if route != nil {
			targets = append(targets, route.Action.WeightedTargets...)
		}
	}
	if spec.GRPCRoute != nil {
		targets = append(targets, spec.GRPCRoute.Action.WeightedTargets...)
	}
	if spec.TCPRoute != nil {
		targets = append(targets, spec.TCPRoute.Action.WeightedTargets...)
	}
	var keys []Key
	for _, t := range targets {
		keys = append(keys, Key{Kind: KindVirtualNode, Name: t.VirtualNode})
	}
	return keys
}

func providers(r Resource) []Key {
	spec, err := Decode[VirtualServiceSpec](r.Spec)
	if err != nil || spec.Provider == nil {
		return nil
	}
	var keys []Key
	if p := spec.Provider.VirtualNode; p != nil {
		keys = append(keys, Key{Kind: KindVirtualNode, Name: p.VirtualNodeName})
	}
	if p := spec.Provider.VirtualRouter; p != nil {
		keys = append(keys, Key{Kind: KindVirtualRouter, Name: p.VirtualRouterName})
	}
	return keys
}

func gatewayTargets(r Resource) []Key {
	spec, err := Decode[GatewayRouteSpec](r.Spec)
	if err != nil {
		return nil
	}
	var targets []GatewayRouteTarget
	for _, route := range []*HTTPGatewayRoute{spec.HTTPRoute, spec.HTTP2Route} {
		if route != nil {
			targets = append(targets, route.Action.Target)
		}
	}
	if spec.GRPCRoute != nil {
		targets = append(targets, spec.GRPCRoute.Action.Target)
	}
	var keys []Key
	for _, t := range targets {
		keys = append(keys, Key{Kind: KindVirtualService, Name: t.VirtualService.VirtualServiceName})
	}
	return keys
}
