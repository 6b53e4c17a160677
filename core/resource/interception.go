package resource

// This file: Ownmesh's own kind that says how traffic reaches proxies.

// InterceptionMode says how an application's connections reach its Envoy.
type InterceptionMode string

// Transparent: the kernel redirects connections to ports 15000 and 15001, as App Mesh did.
// Explicit: the application talks to addresses that its sidecar's bootstrap names; no privileges.
const (
	Transparent InterceptionMode = "transparent"
	Explicit    InterceptionMode = "explicit"
)

// InterceptionSpec applies to one virtual node or gateway, or, with neither named, to the whole mesh.
// The narrower one counts. Without any, the installation's default does: explicit under `ownmesh up`, else
// transparent. Explicit adds to a proxy's configuration; a sidecar picks one by what its bootstrap says, so a
// node set to explicit still serves sidecars that intercept transparently.
type InterceptionSpec struct {
	Mode           InterceptionMode `json:"mode"`
	VirtualNode    string           `json:"virtualNode,omitempty"`
	VirtualGateway string           `json:"virtualGateway,omitempty"`
}
