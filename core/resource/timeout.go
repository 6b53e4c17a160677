package resource

// This file: durations and timeouts of listeners and routes.

// Duration is App Mesh's shape Duration. One without a value says nothing, as if it were absent.
type Duration struct {
	Unit  string `json:"unit"`  // s or ms; "": ms
	Value *int64 `json:"value"` // in that unit; 0 switches a timeout off
}

// HTTPTimeout is App Mesh's shape HttpTimeout, for http and http2.
type HTTPTimeout struct {
	Idle       *Duration `json:"idle"`
	PerRequest *Duration `json:"perRequest"` // nil: 15 s
}

// GRPCTimeout is App Mesh's shape GrpcTimeout.
type GRPCTimeout struct {
	Idle       *Duration `json:"idle"`
	PerRequest *Duration `json:"perRequest"` // nil: 15 s
}

// TCPTimeout is App Mesh's shape TcpTimeout.
type TCPTimeout struct {
	Idle *Duration `json:"idle"`
}

// ListenerTimeout is App Mesh's shape ListenerTimeout: at most one member is set, the one of the listener's protocol.
type ListenerTimeout struct {
	GRPC  *GRPCTimeout `json:"grpc"`
	HTTP  *HTTPTimeout `json:"http"`
	HTTP2 *HTTPTimeout `json:"http2"`
	TCP   *TCPTimeout  `json:"tcp"`
}
