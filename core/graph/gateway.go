package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Gateway is a virtual gateway.
type Gateway struct {
	Name      string
	UID       string
	Listeners []Listener
	AccessLog *AccessLog
	Closed    bool // its client policy can't be honoured: nothing may be called
}

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
			n.notCompiled(path+".healthCheck", "nobody in the mesh calls a gateway, so nobody probes it: the health check has no effect", "let the load balancer in front of the gateway probe it")
		}
	}
	if spec.BackendDefaults != nil {
		g.Closed = !readClientPolicy(spec.BackendDefaults.ClientPolicy, "spec.backendDefaults.clientPolicy", n)
	}
	return g, n.Found
}

// Ports lists the gateway's listeners.
func (g *Gateway) Ports() Ports { return portsOf(g.Listeners) }
