package resource

// This file: durations and timeouts of listeners and routes.

// Duration is App Mesh's shape Duration.
type Duration struct {
	Unit  string `json:"unit"`
	Value *int64 `json:"value"`
}

// HTTPTimeout is App Mesh's shape HttpTimeout.
type HTTPTimeout struct {
	Idle       *Duration `json:"idle"`
	PerRequest *Duration `json:"perRequest"`
}

// GRPCTimeout is App Mesh's shape GrpcTimeout.
type GRPCTimeout struct {
	Idle       *Duration `json:"idle"`
	PerRequest *Duration `json:"perRequest"`
}

// TCPTimeout is App Mesh's shape TcpTimeout.
type TCPTimeout struct {
	Idle *Duration `json:"idle"`
}

// ListenerTimeout is App Mesh's shape ListenerTimeout: at most one member is set.
type ListenerTimeout struct {
	GRPC  *GRPCTimeout `json:"grpc"`
	HTTP  *HTTPTimeout `json:"http"`
	HTTP2 *HTTPTimeout `json:"http2"`
	TCP   *TCPTimeout  `json:"tcp"`
}
