package graph

import "github.com/ownmesh/ownmesh/core/resource"

// ServerTLS is how a listener speaks TLS.
type ServerTLS struct {
	Permissive bool // plain text is taken too
}

// readServerTLS reads a listener's TLS; false if the listener must not be served.
func readServerTLS(t *resource.ListenerTLS, path string, n *Notes) (*ServerTLS, bool) {
	switch {
	case t == nil || t.Mode == "DISABLED":
		return nil, true
	case t.Mode == "PERMISSIVE":
		n.notCompiled(path, "TLS is not compiled yet: the listener takes plain text only, as PERMISSIVE allows", "set the mode to DISABLED until it is")
		return nil, true
	default:
		n.notCompiled(path, "TLS is not compiled yet: the listener is held back, for STRICT allows no plain text", "set the mode to PERMISSIVE or DISABLED until it is")
		return nil, false
	}
}

// readClientPolicy reads a client policy; false if the backend that it is for must not be called.
func readClientPolicy(p *resource.ClientPolicy, path string, n *Notes) bool {
	if p == nil || p.TLS == nil {
		return true
	}
	if p.TLS.Enforce != nil && !*p.TLS.Enforce {
		n.notCompiled(path+".tls", "TLS is not compiled yet: plain text is spoken, as enforce: false allows", "remove the policy until it is")
		return true
	}
	n.notCompiled(path+".tls", "TLS is not compiled yet: what this policy is for is not called, for it enforces TLS", "set enforce to false until it is")
	return false
}
