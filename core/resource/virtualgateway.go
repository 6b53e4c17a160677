package resource

// This file: where traffic enters the mesh.

// VirtualGatewaySpec is App Mesh's shape VirtualGatewaySpec.
type VirtualGatewaySpec struct {
	Listeners       []Listener       `json:"listeners"`
	BackendDefaults *BackendDefaults `json:"backendDefaults"`
	Logging         *Logging         `json:"logging"`
}
