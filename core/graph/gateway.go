package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Gateway is a virtual gateway.
type Gateway struct {
	Name      string
	UID       string
	Listeners []Listener
	AccessLog *AccessLog
	Policy    *ClientTLS // for all that it calls; nil: none
}

const gatewayPolicyPath = "spec.backendDefaults.clientPolicy"

// ReadGateway reads a virtual gateway.
func ReadGateway(r resource.Resource) (*Gateway, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.VirtualGatewaySpec](r, n)
	g := &Gateway{
		Name: r.Name, UID: r.UID,
		Listeners: readListeners(spec.Listeners, map[int]string{PortEgress: "the gateway's second pass listens there"}, n),
		AccessLog: readAccessLog(spec.Logging, "spec.logging", n),
	}
	for i, l := range spec.Listeners {
		path := at("spec.listeners", i)
		if l.PortMapping.Port == PortAdmin {
			n.add("port-admin", path+".portMapping.port", "Envoy's admin interface uses port 9901 too, unless its sidecar is told otherwise: then the listener is refused", "use another port, or set ENVOY_ADMIN_ACCESS_PORT for the gateway")
		}
		if l.HealthCheck != nil {
			n.add("health-check-without-effect", path+".healthCheck", "nobody in the mesh calls a gateway, so nobody probes it: the health check has no effect", "let the load balancer in front of it probe one of its ports, or /ready on the sidecar's metrics port")
		}
	}
	if spec.BackendDefaults != nil {
		g.Policy = readClientPolicy(spec.BackendDefaults.ClientPolicy, gatewayPolicyPath, n)
	}
	return g, n.Found
}

// Serves is the gateway's listeners that can be served.
func (g *Gateway) Serves(known Materials) ([]Listener, []resource.Finding) {
	n := &Notes{Key: resource.Key{Kind: resource.KindVirtualGateway, Name: g.Name}}
	return secure(g.Listeners, known, n), n.Found
}

// Use is a way in which the gateway reaches a listener of a virtual node.
func (g *Gateway) Use(service string, port int, target Destination) Use {
	return Use{Service: service, Port: port, Target: target, Policy: g.Policy, Path: gatewayPolicyPath}
}

// Ports lists the gateway's listeners.
func (g *Gateway) Ports() Ports { return portsOf(g.Listeners) }
