package resource

// This file: a name that callers use, and who provides it.

// VirtualServiceSpec is App Mesh's shape VirtualServiceSpec.
type VirtualServiceSpec struct {
	Provider *VirtualServiceProvider `json:"provider"` // nil: nobody answers yet
}

// VirtualServiceProvider is App Mesh's shape VirtualServiceProvider: at most one member is set.
type VirtualServiceProvider struct {
	VirtualNode   *VirtualNodeServiceProvider   `json:"virtualNode"`
	VirtualRouter *VirtualRouterServiceProvider `json:"virtualRouter"`
}

// VirtualNodeServiceProvider is App Mesh's shape VirtualNodeServiceProvider.
type VirtualNodeServiceProvider struct {
	VirtualNodeName string `json:"virtualNodeName"`
}

// VirtualRouterServiceProvider is App Mesh's shape VirtualRouterServiceProvider.
type VirtualRouterServiceProvider struct {
	VirtualRouterName string `json:"virtualRouterName"`
}
