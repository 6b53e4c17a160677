package envoy

import (
	"fmt"

	"github.com/ownmesh/ownmesh/core/graph"
)

// App Mesh's names. Those of explicit interception are our own.

// SidecarIngressName and SidecarEgressName are a sidecar's listeners; a gateway has the latter too.
func SidecarIngressName(ip graph.IPPreference) string { return ingressName(ip, graph.PortIngress) }

// SidecarEgressName is where redirected connections leave, and a gateway's second pass.
func SidecarEgressName(ip graph.IPPreference) string {
	return fmt.Sprintf("lds_egress_%s_%d", ip.BindAddress(), graph.PortEgress)
}

// GatewayListenerName is a gateway's listener.
func GatewayListenerName(ip graph.IPPreference, port int) string { return ingressName(ip, port) }

func ingressName(ip graph.IPPreference, port int) string {
	return fmt.Sprintf("lds_ingress_%s_%d", ip.BindAddress(), port)
}

// ApplicationCluster leads to the local application.
func ApplicationCluster(mesh, node string, p graph.Port) string {
	return fmt.Sprintf("cds_ingress_%s_%s_%s_%d", mesh, node, p.Protocol, p.Port)
}

// EgressCluster leads to a listener of another virtual node.
func EgressCluster(mesh, node string, p graph.Port) string {
	return fmt.Sprintf("cds_egress_%s_%s_%s_%d", mesh, node, p.Protocol, p.Port)
}

// AmazonCluster leads to AWS's own services.
func AmazonCluster(mesh string) string { return "cds_egress_" + mesh + "_amazonaws" }

// AllowAllCluster leads to where the application aimed.
func AllowAllCluster(mesh string) string { return "cds_egress_" + mesh + "_mesh-allow-all" }

// SelfRedirectCluster leads from a gateway's listener to its second pass.
func SelfRedirectCluster(mesh, gateway string, p graph.Port, several bool) string {
	if several {
		return fmt.Sprintf("cds_ingress_%s_%s_self_redirect_%d_%s_%d", mesh, gateway, p.Port, p.Protocol, graph.PortEgress)
	}
	return fmt.Sprintf("cds_ingress_%s_%s_self_redirect_%s_%d", mesh, gateway, p.Protocol, graph.PortEgress)
}

// IngressRoutes is the route configuration of an HTTP-like listener.
func IngressRoutes(p graph.Port) string { return fmt.Sprintf("rds_ingress_%s_%d", p.Protocol, p.Port) }

// EgressRoutes is the route configuration of a port with HTTP-like backends.
func EgressRoutes(p graph.Port) string { return fmt.Sprintf("rds_egress_%s_%d", p.Protocol, p.Port) }

// SecondPass is the port of a gateway's second pass; mixed listeners make it http.
func SecondPass(listeners []graph.Listener) graph.Port {
	p := graph.Port{Port: graph.PortEgress, Protocol: graph.HTTP}
	for i, l := range listeners {
		if i == 0 {
			p.Protocol = l.Protocol
		} else if p.Protocol != l.Protocol {
			p.Protocol = graph.HTTP
		}
	}
	return p
}

// ExplicitIngress is the listener for one of a node's or gateway's ports.
func ExplicitIngress(port int) string { return fmt.Sprintf("ownmesh_ingress_%d", port) }

// ExplicitEgress is the listener, and the route configuration, for one port of a backend.
func ExplicitEgress(service string, port int) string {
	return fmt.Sprintf("ownmesh_egress_%s_%d", service, port)
}

// ExplicitProxy is the listener, and the route configuration, for clients that take an HTTP proxy.
const ExplicitProxy = "ownmesh_egress_proxy"

// ExplicitAnywhere is the cluster of hosts that the HTTP proxy does not know.
const ExplicitAnywhere = "ownmesh_egress_anywhere"

// ExplicitSelf is the listener of a gateway's second pass.
const ExplicitSelf = "ownmesh_egress_self"

const (
	// ServiceHeader names the service to applications behind a gateway route that leaves the Host as it came.
	ServiceHeader = "x-app-mesh-virtual-service"
	// HostHeader is the Host as it came, where it is to stay: a gateway's second pass tells services by their names.
	HostHeader = "x-ownmesh-host"
	// PortHeader tells a gateway's second pass which of a service's ports is meant.
	PortHeader = "x-ownmesh-target-port"
)

// ingressStat is the stat prefix of an inbound listener: the port is in it where there are several.
func ingressStat(p graph.Port, several bool) string {
	if several {
		return fmt.Sprintf("ingress.%s.%d", p.Protocol, p.Port)
	}
	return "ingress"
}

const egressStat = "egress"
