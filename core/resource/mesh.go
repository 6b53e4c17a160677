package resource

// This file: what a mesh says for all of its members.

// MeshSpec is App Mesh's shape MeshSpec.
type MeshSpec struct {
	EgressFilter     *EgressFilter         `json:"egressFilter"`
	ServiceDiscovery *MeshServiceDiscovery `json:"serviceDiscovery"`
}

// EgressFilter is App Mesh's shape EgressFilter.
type EgressFilter struct {
	Type string `json:"type"` // DROP_ALL, as without a filter, or ALLOW_ALL
}

// MeshServiceDiscovery is App Mesh's shape MeshServiceDiscovery.
type MeshServiceDiscovery struct {
	IPPreference string `json:"ipPreference"` // IPv4_ONLY, IPv4_PREFERRED, IPv6_ONLY, IPv6_PREFERRED or ""
}
