package resource

// This file: connection pools.

// VirtualNodeConnectionPool is App Mesh's shape VirtualNodeConnectionPool, and VirtualGatewayConnectionPool, which has no
// TCP: at most one member is set, the one of the listener's protocol. Its limits hold on the serving side, for each Envoy.
type VirtualNodeConnectionPool struct {
	GRPC  *VirtualNodeGRPCConnectionPool  `json:"grpc"`
	HTTP  *VirtualNodeHTTPConnectionPool  `json:"http"`
	HTTP2 *VirtualNodeHTTP2ConnectionPool `json:"http2"`
	TCP   *VirtualNodeTCPConnectionPool   `json:"tcp"`
}

// VirtualNodeTCPConnectionPool is App Mesh's shape VirtualNodeTcpConnectionPool.
type VirtualNodeTCPConnectionPool struct {
	MaxConnections int `json:"maxConnections"`
}

// VirtualNodeHTTPConnectionPool is App Mesh's shape VirtualNodeHttpConnectionPool.
type VirtualNodeHTTPConnectionPool struct {
	MaxConnections     int  `json:"maxConnections"`
	MaxPendingRequests *int `json:"maxPendingRequests"` // nil: 2147483647
}

// VirtualNodeHTTP2ConnectionPool is App Mesh's shape VirtualNodeHttp2ConnectionPool.
type VirtualNodeHTTP2ConnectionPool struct {
	MaxRequests int `json:"maxRequests"`
}

// VirtualNodeGRPCConnectionPool is App Mesh's shape VirtualNodeGrpcConnectionPool.
type VirtualNodeGRPCConnectionPool struct {
	MaxRequests int `json:"maxRequests"`
}
