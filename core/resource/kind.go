package resource

import "strings"

// Kind names a kind of resource, in the spelling that App Mesh's ARNs use.
type Kind string

// App Mesh's seven kinds, and Ownmesh's own.
const (
	KindMesh           Kind = "mesh"
	KindVirtualService Kind = "virtualService"
	KindVirtualNode    Kind = "virtualNode"
	KindVirtualRouter  Kind = "virtualRouter"
	KindRoute          Kind = "route"
	KindVirtualGateway Kind = "virtualGateway"
	KindGatewayRoute   Kind = "gatewayRoute"

	// KindInterception says how traffic reaches a proxy. It is Ownmesh's own, served under /v1.
	KindInterception Kind = "interception"
	// KindTaskBinding says which tasks of ECS are instances of a virtual node. Ownmesh's own.
	KindTaskBinding Kind = "taskBinding"
	// KindResolvableName makes names of virtual services resolve in DNS. Ownmesh's own.
	KindResolvableName Kind = "resolvableName"
)

// Info is what the parts of Ownmesh need to know of a kind to treat all kinds alike.
type Info struct {
	Kind       Kind
	Title      string // as in messages and operation names: VirtualNode
	Parent     Kind   // KindVirtualRouter for routes, KindVirtualGateway for gateway routes, else ""
	Collection string // last segment of the collection's path, and the member of a List answer: virtualNodes
	NameMember string // member of bodies and answers that holds the name: virtualNodeName
	Own        bool   // true for Ownmesh's own kinds, which App Mesh's API does not serve
}

// Kinds is every kind, in the order in which creating works: what is referred to comes first.
// Backwards, it is the order in which deleting works. Only an interception for one node or gateway has to wait for that.
var Kinds = []Info{
	{Kind: KindMesh, Title: "Mesh", Collection: "meshes", NameMember: "meshName"},
	{Kind: KindInterception, Title: "Interception", Collection: "interceptions", NameMember: "interceptionName", Own: true},
	{Kind: KindResolvableName, Title: "ResolvableName", Collection: "resolvableNames", NameMember: "resolvableNameName", Own: true},
	{Kind: KindVirtualNode, Title: "VirtualNode", Collection: "virtualNodes", NameMember: "virtualNodeName"},
	{Kind: KindTaskBinding, Title: "TaskBinding", Collection: "taskBindings", NameMember: "taskBindingName", Own: true},
	{Kind: KindVirtualRouter, Title: "VirtualRouter", Collection: "virtualRouters", NameMember: "virtualRouterName"},
	{Kind: KindRoute, Title: "Route", Parent: KindVirtualRouter, Collection: "routes", NameMember: "routeName"},
	{Kind: KindVirtualService, Title: "VirtualService", Collection: "virtualServices", NameMember: "virtualServiceName"},
	{Kind: KindVirtualGateway, Title: "VirtualGateway", Collection: "virtualGateways", NameMember: "virtualGatewayName"},
	{Kind: KindGatewayRoute, Title: "GatewayRoute", Parent: KindVirtualGateway, Collection: "gatewayRoutes", NameMember: "gatewayRouteName"},
}

// InfoOf returns what there is to know of kind k, and false for an unknown one.
func InfoOf(k Kind) (Info, bool) {
	for _, i := range Kinds {
		if i.Kind == k {
			return i, true
		}
	}
	return Info{}, false
}

// ParseKind finds a kind by any spelling that a person may use: virtualNode, VirtualNode, virtual-node,
// virtualnodes.
func ParseKind(s string) (Info, bool) {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	for _, i := range Kinds {
		if plain(s) == plain(string(i.Kind)) || plain(s) == plain(i.Collection) {
			return i, true
		}
	}
	return Info{}, false
}
