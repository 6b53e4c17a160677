package resource

// This file: a workload: where it listens, how it is found, whom it calls.

// VirtualNodeSpec is App Mesh's shape VirtualNodeSpec.
type VirtualNodeSpec struct {
	BackendDefaults  *BackendDefaults  `json:"backendDefaults"`
	Backends         []Backend         `json:"backends"`
	Listeners        []Listener        `json:"listeners"`
	Logging          *Logging          `json:"logging"`
	ServiceDiscovery *ServiceDiscovery `json:"serviceDiscovery"`
}

// Listener is App Mesh's shape Listener.
type Listener struct {
	PortMapping      PortMapping                `json:"portMapping"`
	ConnectionPool   *VirtualNodeConnectionPool `json:"connectionPool"`
	HealthCheck      *HealthCheckPolicy         `json:"healthCheck"`
	OutlierDetection *OutlierDetection          `json:"outlierDetection"`
	Timeout          *ListenerTimeout           `json:"timeout"`
	TLS              *ListenerTLS               `json:"tls"`
}

// PortMapping is App Mesh's shape PortMapping.
type PortMapping struct {
	Port     int    `json:"port"`
	Protocol string `json:"protocol"`
}

// Backend is App Mesh's shape Backend: at most one member is set.
type Backend struct {
	VirtualService *VirtualServiceBackend `json:"virtualService"`
}

// VirtualServiceBackend is App Mesh's shape VirtualServiceBackend.
type VirtualServiceBackend struct {
	VirtualServiceName string        `json:"virtualServiceName"`
	ClientPolicy       *ClientPolicy `json:"clientPolicy"`
}

// BackendDefaults is App Mesh's shape BackendDefaults.
type BackendDefaults struct {
	ClientPolicy *ClientPolicy `json:"clientPolicy"`
}
