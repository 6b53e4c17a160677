package resource

// This file: the ports that a set of routes is reached on.

// VirtualRouterSpec is App Mesh's shape VirtualRouterSpec.
type VirtualRouterSpec struct {
	Listeners []VirtualRouterListener `json:"listeners"`
}

// VirtualRouterListener is App Mesh's shape VirtualRouterListener.
type VirtualRouterListener struct {
	PortMapping PortMapping `json:"portMapping"`
}
