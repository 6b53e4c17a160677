package resource

// This file: retry policies.

// HTTPRetryPolicy is App Mesh's shape HttpRetryPolicy. Without any event nothing is retried.
type HTTPRetryPolicy struct {
	MaxRetries      int64    `json:"maxRetries"`      // beyond the first try
	PerRetryTimeout Duration `json:"perRetryTimeout"` // of each try, the first included
	HTTPRetryEvents []string `json:"httpRetryEvents"` // server-error, gateway-error, client-error, stream-error; others do nothing
	TCPRetryEvents  []string `json:"tcpRetryEvents"`  // connection-error
}

// GRPCRetryPolicy is App Mesh's shape GrpcRetryPolicy.
type GRPCRetryPolicy struct {
	MaxRetries      int64    `json:"maxRetries"`      // beyond the first try
	PerRetryTimeout Duration `json:"perRetryTimeout"` // of each try, the first included
	GRPCRetryEvents []string `json:"grpcRetryEvents"` // cancelled, deadline-exceeded, internal, resource-exhausted, unavailable
	HTTPRetryEvents []string `json:"httpRetryEvents"` // as HTTPRetryPolicy's
	TCPRetryEvents  []string `json:"tcpRetryEvents"`  // connection-error
}
