package graph

import (
	"slices"
	"strings"
)

// NamedHost is a virtual host of the HTTP proxy that explicit interception offers.
type NamedHost struct {
	BackendPort
	Host    string // the virtual host's name
	Domains []string
}

// ByName lists what the HTTP proxy knows: each HTTP-like port of each backend as name:port, and the name alone, which
// means port 80 if the service has it, else its first HTTP-like port. Hosts are the same in upper and lower case:
// who comes first by name has them.
func (p EgressPlan) ByName() []NamedHost {
	alone := map[string]int{} // service -> the port that its name alone means
	for _, b := range p.Backends {
		if _, ok := alone[b.Service]; b.Protocol.HTTPLike() && (!ok || b.Port.Port == 80) {
			alone[b.Service] = b.Port.Port
		}
	}
	taken := map[string]bool{}
	var out []NamedHost
	for _, b := range p.Backends {
		if !b.Protocol.HTTPLike() {
			continue
		}
		domains := Domains(b.Service, b.Port.Port)
		h := NamedHost{BackendPort: b, Host: b.Service, Domains: domains}
		if alone[b.Service] != b.Port.Port {
			h.Host, h.Domains = domains[1], domains[1:]
		}
		h.Domains = slices.DeleteFunc(slices.Clone(h.Domains), func(d string) bool { return taken[strings.ToLower(d)] })
		if len(h.Domains) == 0 {
			continue
		}
		for _, d := range h.Domains {
			taken[strings.ToLower(d)] = true
		}
		out = append(out, h)
	}
	return out
}
