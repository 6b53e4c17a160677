package resource

// This file: retry policies.

// HTTPRetryPolicy is App Mesh's shape HttpRetryPolicy.
type HTTPRetryPolicy struct {
	MaxRetries      int64    `json:"maxRetries"`
	PerRetryTimeout Duration `json:"perRetryTimeout"`
	HTTPRetryEvents []string `json:"httpRetryEvents"`
	TCPRetryEvents  []string `json:"tcpRetryEvents"`
}

// GRPCRetryPolicy is App Mesh's shape GrpcRetryPolicy.
type GRPCRetryPolicy struct {
	MaxRetries      int64    `json:"maxRetries"`
	PerRetryTimeout Duration `json:"perRetryTimeout"`
	GRPCRetryEvents []string `json:"grpcRetryEvents"`
	HTTPRetryEvents []string `json:"httpRetryEvents"`
	TCPRetryEvents  []string `json:"tcpRetryEvents"`
}
