package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Listener is a port that a virtual node or gateway serves.
type Listener struct {
	Port
	Index   int // in the spec
	Timeout Timeout
	Pool    Pool
	Health  *HealthCheck
	Outlier *Outlier
	TLS     *ServerTLS // nil: plain text
}

// The ports that a proxy keeps for itself.
const (
	PortIngress = 15000 // redirected connections to the application arrive here
	PortEgress  = 15001 // redirected connections of the application, and a gateway's second pass
	PortAdmin   = 9901  // Envoy's admin interface, unless the sidecar's environment says otherwise
)

// readListeners reads listeners; reserved ports are a proxy's own, by what it uses them for.
func readListeners(ls []resource.Listener, reserved map[int]string, n *Notes) []Listener {
	var out []Listener
	taken := map[int]bool{}
	for i, l := range ls {
		path := at("spec.listeners", i)
		if use, ok := reserved[l.PortMapping.Port]; ok {
			n.add("port-reserved", path+".portMapping.port", quoted("the proxy itself uses port %d (%s): the listener is left out", l.PortMapping.Port, plain(use)), "use another port")
			continue
		}
		port, ok := readPort(l.PortMapping, path+".portMapping", taken, n)
		if !ok {
			continue
		}
		out = append(out, Listener{
			Port:    port,
			Index:   i,
			Timeout: readListenerTimeout(l.Timeout, port.Protocol, path+".timeout", n),
			Pool:    readPool(l.ConnectionPool, port.Protocol, path+".connectionPool", n),
			Health:  readHealthCheck(l.HealthCheck, port, path+".healthCheck", n),
			Outlier: readOutlier(l.OutlierDetection, path+".outlierDetection", n),
			TLS:     readServerTLS(l.TLS, path+".tls", n),
		})
	}
	return out
}

// portsOf lists what callers must know of listeners: never nil.
func portsOf(ls []Listener) Ports {
	ports := make(Ports, len(ls))
	for i, l := range ls {
		ports[i] = l.Port
	}
	return ports
}
