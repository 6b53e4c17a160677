package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Node is a virtual node.
type Node struct {
	Name      string
	UID       string
	Listeners []Listener
	Discovery *Discovery // nil: callers find no instance
	Backends  []Backend
	AccessLog *AccessLog // nil: none
}

// Backend is a virtual service that a virtual node calls.
type Backend struct {
	Service string
	Index   int        // in the spec
	Policy  *ClientTLS // its own, or the default; nil: none
	Path    string     // where the spec says so
}

// Serves is what a virtual node's own inbound side is made of.
type Serves struct {
	Node      string
	Listeners []Listener // those that can be served
	Several   bool       // the node has several, served or not
	IP        IPPreference
	AccessLog *AccessLog
}

// Calls is what a virtual node's own outbound side is made of.
type Calls struct {
	Node      string
	Backends  []Backend // sorted by service, without duplicates
	IP        IPPreference
	AccessLog *AccessLog
	AllowAll  bool
}

// Offer is what callers know of one listener of a virtual node.
type Offer struct {
	Node string
	Port
	Discovery  *Discovery
	IP         IPPreference // for look-ups
	Health     *HealthCheck
	Outlier    *Outlier
	TLS        bool   // it speaks TLS
	Permissive bool   // and plain text, too
	ACM        string // with this certificate; "": another
}

// Ports is what callers must know to address the node.
func (v *Node) Ports() Ports { return portsOf(v.Listeners) }

func (v *Node) ip(mesh Mesh) IPPreference {
	if v.Discovery == nil {
		return mesh.IP
	}
	return v.Discovery.IP.or(mesh.IP)
}

// Serves is the node's inbound side.
func (v *Node) Serves(m Mesh, known Materials) (Serves, []resource.Finding) {
	n := &Notes{Key: resource.Key{Kind: resource.KindVirtualNode, Name: v.Name}}
	s := Serves{Node: v.Name, Several: len(v.Listeners) > 1, IP: v.ip(m), AccessLog: v.AccessLog}
	for _, l := range secure(v.Listeners, known, n) {
		l.Index, l.Health, l.Outlier = 0, nil, nil // the callers' business
		s.Listeners = append(s.Listeners, l)
	}
	return s, n.Found
}

// Calls is the node's outbound side.
func (v *Node) Calls(m Mesh) Calls {
	return Calls{Node: v.Name, Backends: v.Backends, IP: v.ip(m), AccessLog: v.AccessLog, AllowAll: m.AllowAll}
}

// Offer is what callers know of the listener at a port; false if there is none.
func (v *Node) Offer(m Mesh, port int) (Offer, bool) {
	for _, l := range v.Listeners {
		if l.Port.Port == port {
			o := Offer{Node: v.Name, Port: l.Port, Discovery: v.Discovery, IP: v.ip(m), Health: l.Health, Outlier: l.Outlier}
			if l.TLS != nil {
				o.TLS, o.Permissive, o.ACM = true, l.TLS.Permissive, l.TLS.Certificate.ACM
			}
			return o, true
		}
	}
	return Offer{}, false
}

// ReadNode reads a virtual node.
func ReadNode(r resource.Resource) (*Node, []resource.Finding) {
	n := &Notes{Key: r.Key}
	spec := decode[resource.VirtualNodeSpec](r, n)
	v := &Node{
		Name: r.Name, UID: r.UID,
		Listeners: readListeners(spec.Listeners, map[int]string{
			PortIngress: "redirected connections arrive there", PortEgress: "redirected connections leave there",
		}, n),
		Discovery: readDiscovery(spec.ServiceDiscovery, "spec.serviceDiscovery", n),
		Backends:  readBackends(spec, n),
		AccessLog: readAccessLog(spec.Logging, "spec.logging", n),
	}
	if len(v.Listeners) > 0 && (spec.ServiceDiscovery == nil || spec.ServiceDiscovery.DNS == nil && spec.ServiceDiscovery.AWSCloudMap == nil) {
		n.add("discovery-missing", "spec.serviceDiscovery", "the node has listeners, yet nothing says where its instances are: callers get 503", "give it dns or awsCloudMap discovery")
	}
	for i, l := range spec.Listeners {
		if l.OutlierDetection != nil && v.Discovery != nil && v.Discovery.CloudMap == nil && !v.Discovery.Every {
			n.add("outlier-without-effect", at("spec.listeners", i)+".outlierDetection", "with DNS discovery of type LOADBALANCER callers see a single endpoint, and there is no other to turn to: outlier detection has no effect", "set serviceDiscovery.dns.responseType to ENDPOINTS, or use awsCloudMap")
		}
	}
	return v, n.Found
}

// readBackends reads the backends: one entry a service, the first one's policy counts.
func readBackends(spec resource.VirtualNodeSpec, n *Notes) []Backend {
	var out []Backend
	var fallback *ClientTLS
	const fallbackPath = "spec.backendDefaults.clientPolicy"
	if spec.BackendDefaults != nil {
		fallback = readClientPolicy(spec.BackendDefaults.ClientPolicy, fallbackPath, n)
	}
	first := map[string]int{}
	for i, b := range spec.Backends {
		path := at("spec.backends", i)
		if b.VirtualService == nil {
			n.add("backend-empty", path, "the backend names no virtual service: it is ignored", "name one, or remove it")
			continue
		}
		name := b.VirtualService.VirtualServiceName
		if j, ok := first[name]; ok {
			n.add("backend-duplicate", path, quoted("backends[%d] names %s already: that one counts, and its client policy", j, name), "remove this backend")
			continue
		}
		first[name] = i
		call := Backend{Service: name, Index: i, Policy: fallback, Path: fallbackPath}
		if p := b.VirtualService.ClientPolicy; p != nil {
			call.Path = path + ".virtualService.clientPolicy"
			call.Policy = readClientPolicy(p, call.Path, n)
		}
		if call.Policy == nil {
			call.Path = path
		}
		out = append(out, call)
	}
	sortBackends(out)
	return out
}
