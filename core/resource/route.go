package resource

// This file: one rule of a virtual router: match, action.

// RouteSpec is App Mesh's shape RouteSpec: exactly one route is set.
type RouteSpec struct {
	GRPCRoute  *GRPCRoute `json:"grpcRoute"`
	HTTP2Route *HTTPRoute `json:"http2Route"`
	HTTPRoute  *HTTPRoute `json:"httpRoute"`
	Priority   *int       `json:"priority"` // 0 to 1000, 0 first; nil: behind all that have one
	TCPRoute   *TCPRoute  `json:"tcpRoute"`
}

// HTTPRoute is App Mesh's shape HttpRoute, for http and http2.
type HTTPRoute struct {
	Action      HTTPRouteAction  `json:"action"`
	Match       HTTPRouteMatch   `json:"match"`
	RetryPolicy *HTTPRetryPolicy `json:"retryPolicy"` // nil: App Mesh's default policy
	Timeout     *HTTPTimeout     `json:"timeout"`
}

// HTTPRouteAction is App Mesh's shape HttpRouteAction.
type HTTPRouteAction struct {
	WeightedTargets []WeightedTarget `json:"weightedTargets"`
}

// GRPCRoute is App Mesh's shape GrpcRoute.
type GRPCRoute struct {
	Action      GRPCRouteAction  `json:"action"`
	Match       GRPCRouteMatch   `json:"match"`
	RetryPolicy *GRPCRetryPolicy `json:"retryPolicy"` // nil: App Mesh's default policy
	Timeout     *GRPCTimeout     `json:"timeout"`
}

// GRPCRouteAction is App Mesh's shape GrpcRouteAction.
type GRPCRouteAction struct {
	WeightedTargets []WeightedTarget `json:"weightedTargets"`
}

// TCPRoute is App Mesh's shape TcpRoute.
type TCPRoute struct {
	Action  TCPRouteAction `json:"action"`
	Match   *TCPRouteMatch `json:"match"`
	Timeout *TCPTimeout    `json:"timeout"`
}

// TCPRouteAction is App Mesh's shape TcpRouteAction.
type TCPRouteAction struct {
	WeightedTargets []WeightedTarget `json:"weightedTargets"`
}

// TCPRouteMatch is App Mesh's shape TcpRouteMatch.
type TCPRouteMatch struct {
	Port *int `json:"port"` // the router's listener; nil: its only one
}

// WeightedTarget is App Mesh's shape WeightedTarget.
type WeightedTarget struct {
	VirtualNode string `json:"virtualNode"`
	Weight      int    `json:"weight"` // 0 to 100, relative to the sum of all targets'
	Port        *int   `json:"port"`   // of the node; nil: its first listener of the route's protocol
}
