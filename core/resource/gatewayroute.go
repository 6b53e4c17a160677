package resource

// This file: one rule of a virtual gateway: match, target, rewrite.

// GatewayRouteSpec is App Mesh's shape GatewayRouteSpec: exactly one route is set.
type GatewayRouteSpec struct {
	GRPCRoute  *GRPCGatewayRoute `json:"grpcRoute"`
	HTTP2Route *HTTPGatewayRoute `json:"http2Route"`
	HTTPRoute  *HTTPGatewayRoute `json:"httpRoute"`
	Priority   *int              `json:"priority"` // 0 to 1000, 0 first; nil: behind all that have one
}

// GRPCGatewayRoute is App Mesh's shape GrpcGatewayRoute.
type GRPCGatewayRoute struct {
	Action GRPCGatewayRouteAction `json:"action"`
	Match  GRPCGatewayRouteMatch  `json:"match"`
}

// GRPCGatewayRouteAction is App Mesh's shape GrpcGatewayRouteAction.
type GRPCGatewayRouteAction struct {
	Target  GatewayRouteTarget       `json:"target"`
	Rewrite *GRPCGatewayRouteRewrite `json:"rewrite"`
}

// GRPCGatewayRouteRewrite is App Mesh's shape GrpcGatewayRouteRewrite.
type GRPCGatewayRouteRewrite struct {
	Hostname *GatewayRouteHostnameRewrite `json:"hostname"`
}

// GatewayRouteHostnameRewrite is App Mesh's shape GatewayRouteHostnameRewrite.
type GatewayRouteHostnameRewrite struct {
	// ENABLED or "": Host becomes the virtual service's name. DISABLED: it stays.
	DefaultTargetHostname string `json:"defaultTargetHostname"`
}

// GatewayRouteTarget is App Mesh's shape GatewayRouteTarget.
type GatewayRouteTarget struct {
	VirtualService GatewayRouteVirtualService `json:"virtualService"`
	Port           *int                       `json:"port"` // of the service's provider; nil: its first listener's
}

// GatewayRouteVirtualService is App Mesh's shape GatewayRouteVirtualService.
type GatewayRouteVirtualService struct {
	VirtualServiceName string `json:"virtualServiceName"`
}

// GRPCGatewayRouteMatch is App Mesh's shape GrpcGatewayRouteMatch: all that is set must hold.
type GRPCGatewayRouteMatch struct {
	Hostname    *GatewayRouteHostnameMatch `json:"hostname"`
	Metadata    []HTTPRouteHeader          `json:"metadata"`
	Port        *int                       `json:"port"`
	ServiceName *string                    `json:"serviceName"`
}

// GatewayRouteHostnameMatch is App Mesh's shape GatewayRouteHostnameMatch. With both set, Exact counts.
type GatewayRouteHostnameMatch struct {
	Exact  string `json:"exact"`
	Suffix string `json:"suffix"`
}

// HTTPGatewayRoute is App Mesh's shape HttpGatewayRoute, for http and http2.
type HTTPGatewayRoute struct {
	Action HTTPGatewayRouteAction `json:"action"`
	Match  HTTPGatewayRouteMatch  `json:"match"`
}

// HTTPGatewayRouteAction is App Mesh's shape HttpGatewayRouteAction.
type HTTPGatewayRouteAction struct {
	Target  GatewayRouteTarget       `json:"target"`
	Rewrite *HTTPGatewayRouteRewrite `json:"rewrite"`
}

// HTTPGatewayRouteRewrite is App Mesh's shape HttpGatewayRouteRewrite.
type HTTPGatewayRouteRewrite struct {
	Hostname *GatewayRouteHostnameRewrite   `json:"hostname"`
	Path     *HTTPGatewayRoutePathRewrite   `json:"path"`
	Prefix   *HTTPGatewayRoutePrefixRewrite `json:"prefix"`
}

// HTTPGatewayRoutePathRewrite is App Mesh's shape HttpGatewayRoutePathRewrite: Exact becomes the whole path.
type HTTPGatewayRoutePathRewrite struct {
	Exact string `json:"exact"`
}

// HTTPGatewayRoutePrefixRewrite is App Mesh's shape HttpGatewayRoutePrefixRewrite.
type HTTPGatewayRoutePrefixRewrite struct {
	DefaultPrefix string `json:"defaultPrefix"` // ENABLED or "": the matched prefix becomes /; DISABLED: it stays
	Value         string `json:"value"`         // if set, what the matched prefix becomes; it counts before DefaultPrefix
}

// HTTPGatewayRouteMatch is App Mesh's shape HttpGatewayRouteMatch: all that is set must hold. With Path and Prefix both
// set, Path counts; with neither, every path matches.
type HTTPGatewayRouteMatch struct {
	Headers         []HTTPRouteHeader          `json:"headers"`
	Hostname        *GatewayRouteHostnameMatch `json:"hostname"`
	Method          string                     `json:"method"`
	Path            *HTTPPathMatch             `json:"path"`
	Port            *int                       `json:"port"`
	Prefix          *string                    `json:"prefix"`
	QueryParameters []HTTPQueryParameter       `json:"queryParameters"`
}
