package resource

// This file: a workload: where it listens, how it is found, whom it calls.

// VirtualNodeSpec is App Mesh's shape VirtualNodeSpec.
type VirtualNodeSpec struct {
	BackendDefaults  *BackendDefaults  `json:"backendDefaults"`
	Backends         []Backend         `json:"backends"` // whom the node calls; they may come later
	Listeners        []Listener        `json:"listeners"`
	Logging          *Logging          `json:"logging"`
	ServiceDiscovery *ServiceDiscovery `json:"serviceDiscovery"` // required with listeners
}

// Listener is App Mesh's shape Listener, and VirtualGatewayListener, which has no outlier detection and no timeout.
type Listener struct {
	PortMapping      PortMapping                `json:"portMapping"`
	ConnectionPool   *VirtualNodeConnectionPool `json:"connectionPool"`
	HealthCheck      *HealthCheckPolicy         `json:"healthCheck"`
	OutlierDetection *OutlierDetection          `json:"outlierDetection"`
	Timeout          *ListenerTimeout           `json:"timeout"`
	TLS              *ListenerTLS               `json:"tls"`
}

// PortMapping is App Mesh's shape PortMapping, and VirtualGatewayPortMapping.
type PortMapping struct {
	Port     int    `json:"port"`     // 1 to 65535
	Protocol string `json:"protocol"` // http, http2, grpc, or (not at gateways) tcp
}

// Backend is App Mesh's shape Backend: at most one member is set.
type Backend struct {
	VirtualService *VirtualServiceBackend `json:"virtualService"`
}

// VirtualServiceBackend is App Mesh's shape VirtualServiceBackend.
type VirtualServiceBackend struct {
	VirtualServiceName string        `json:"virtualServiceName"`
	ClientPolicy       *ClientPolicy `json:"clientPolicy"` // nil: that of the node's BackendDefaults
}

// BackendDefaults is App Mesh's shape BackendDefaults, and VirtualGatewayBackendDefaults.
type BackendDefaults struct {
	ClientPolicy *ClientPolicy `json:"clientPolicy"`
}
