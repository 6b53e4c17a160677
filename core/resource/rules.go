package resource

import "strings"

// This file: rules within one resource that its shape does not state, and whose refusal App Mesh documented. Everything
// else that looks wrong is accepted and becomes a finding.

// specRules holds the rules by the spec's shape. A rule gets an object whose members may still be of wrong types: what
// the shape says has been said already.
var specRules = map[string]func(c *checker, p *path, spec node){
	"VirtualNodeSpec":  checkVirtualNode,
	"RouteSpec":        checkRoute,
	"GatewayRouteSpec": checkGatewayRoute,
	"InterceptionSpec": checkInterception,

	"TaskBindingSpec":    checkTaskBinding,
	"ResolvableNameSpec": checkResolvableName,
}

// checkVirtualNode: nobody could find the node that listens. The other way round is fine.
func checkVirtualNode(c *checker, p *path, spec node) {
	discovery := spec.get("serviceDiscovery")
	if len(spec.get("listeners").items) > 0 && !discovery.set() {
		c.add(p.member("serviceDiscovery"), "is required for a virtual node with listeners", discovery.shown())
	}
}

func checkRoute(c *checker, p *path, spec node) {
	exactlyOne(c, p, spec, "grpcRoute", "http2Route", "httpRoute", "tcpRoute")
	match := spec.at("grpcRoute", "match")
	if method := match.get("methodName"); method.kind != absent && match.get("serviceName").kind == absent {
		c.add(p.members("grpcRoute", "match", "serviceName"), "is required where methodName is given", "")
	}
}

// Paths and gRPC services that App Mesh kept to itself begin like these.
var (
	reservedPrefixes = []string{"/aws-appmesh", "/aws-app-mesh"}
	reservedServices = []string{"aws.appmesh", "aws.app-mesh"}
)

func checkGatewayRoute(c *checker, p *path, spec node) {
	exactlyOne(c, p, spec, "grpcRoute", "http2Route", "httpRoute")
	for _, route := range []string{"http2Route", "httpRoute"} {
		notReserved(c, p.members(route, "match", "prefix"), spec.at(route, "match", "prefix"), reservedPrefixes)
	}
	notReserved(c, p.members("grpcRoute", "match", "serviceName"), spec.at("grpcRoute", "match", "serviceName"), reservedServices)
}

func notReserved(c *checker, p *path, value node, reserved []string) {
	for _, r := range reserved {
		if strings.HasPrefix(value.text, r) {
			c.add(p, "must not start with "+r+", which is reserved", value.shown())
		}
	}
}

func checkInterception(c *checker, p *path, spec node) {
	if node, gateway := spec.get("virtualNode"), spec.get("virtualGateway"); node.kind != absent && gateway.kind != absent {
		c.add(p, "must have at most one of virtualGateway, virtualNode", "both")
	}
}

// exactlyOne: the spec of a route is a union that App Mesh's data does not call one, for its priority's sake.
func exactlyOne(c *checker, p *path, spec node, names ...string) {
	var given []string
	for _, name := range names {
		if spec.get(name).kind != absent {
			given = append(given, name)
		}
	}
	if len(given) == 1 {
		return
	}
	got := "none"
	if len(given) > 1 {
		got = strings.Join(given, " and ")
	}
	c.add(p, "must have exactly one of "+strings.Join(names, ", "), got)
}
