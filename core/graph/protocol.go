package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Protocol is a listener's or route's protocol, in App Mesh's spelling.
type Protocol string

// App Mesh's protocols.
const (
	HTTP  Protocol = "http"
	HTTP2 Protocol = "http2"
	GRPC  Protocol = "grpc"
	TCP   Protocol = "tcp"
)

// HTTPLike reports whether requests can be told apart, which they can't in tcp.
func (p Protocol) HTTPLike() bool { return p != TCP }

// Multiplexed reports whether connections of this protocol are HTTP/2.
func (p Protocol) Multiplexed() bool { return p == HTTP2 || p == GRPC }

// Port is a port that something is reached on.
type Port struct {
	Port     int      `json:"port"`
	Protocol Protocol `json:"protocol"`
}

// Ports is what callers must know of a virtual node or router to address it: its listeners, first one first.
// Nil where there is no such resource.
type Ports []Port

// find looks a port up by its number.
func (ps Ports) find(port int) (Port, bool) {
	for _, p := range ps {
		if p.Port == port {
			return p, true
		}
	}
	return Port{}, false
}

// firstOf is the first port of this protocol, else the first port. There must be one.
func (ps Ports) firstOf(want Protocol) Port {
	for _, p := range ps {
		if p.Protocol == want {
			return p
		}
	}
	return ps[0]
}

// readPort reads a port mapping and notes what can't be used of it. taken holds the ports of earlier listeners.
func readPort(m resource.PortMapping, path string, taken map[int]bool, n *Notes) (Port, bool) {
	p := Port{Port: m.Port, Protocol: Protocol(m.Protocol)}
	switch p.Protocol {
	case HTTP, HTTP2, GRPC, TCP:
	default:
		n.add("protocol-unknown", path+".protocol", quoted("the protocol %s is none of http, http2, grpc and tcp: the listener is left out", m.Protocol), "use one of them")
		return p, false
	}
	if p.Port < 1 || p.Port > 65535 {
		n.add("port-invalid", path+".port", quoted("%d is no port: the listener is left out", m.Port), "use a port from 1 to 65535")
		return p, false
	}
	if taken[p.Port] {
		n.add("listener-duplicate", path+".port", quoted("an earlier listener has port %d: this one is left out", m.Port), "give each listener a port of its own")
		return p, false
	}
	taken[p.Port] = true
	return p, true
}
