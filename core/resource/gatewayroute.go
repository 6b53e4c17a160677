package resource

// This file: one rule of a virtual gateway: match, target, rewrite.

// GatewayRouteSpec is App Mesh's shape GatewayRouteSpec.
type GatewayRouteSpec struct {
	GRPCRoute  *GRPCGatewayRoute `json:"grpcRoute"`
	HTTP2Route *HTTPGatewayRoute `json:"http2Route"`
	HTTPRoute  *HTTPGatewayRoute `json:"httpRoute"`
	Priority   *int              `json:"priority"`
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
	DefaultTargetHostname string `json:"defaultTargetHostname"`
}

// GatewayRouteTarget is App Mesh's shape GatewayRouteTarget.
type GatewayRouteTarget struct {
	VirtualService GatewayRouteVirtualService `json:"virtualService"`
	Port           *int                       `json:"port"`
}

// GatewayRouteVirtualService is App Mesh's shape GatewayRouteVirtualService.
type GatewayRouteVirtualService struct {
	VirtualServiceName string `json:"virtualServiceName"`
}

// GRPCGatewayRouteMatch is App Mesh's shape GrpcGatewayRouteMatch.
type GRPCGatewayRouteMatch struct {
	Hostname    *GatewayRouteHostnameMatch `json:"hostname"`
	Metadata    []HTTPRouteHeader          `json:"metadata"`
	Port        *int                       `json:"port"`
	ServiceName *string                    `json:"serviceName"`
}

// GatewayRouteHostnameMatch is App Mesh's shape GatewayRouteHostnameMatch.
type GatewayRouteHostnameMatch struct {
	Exact  string `json:"exact"`
	Suffix string `json:"suffix"`
}

// HTTPGatewayRoute is App Mesh's shape HttpGatewayRoute.
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

// HTTPGatewayRoutePathRewrite is App Mesh's shape HttpGatewayRoutePathRewrite.
type HTTPGatewayRoutePathRewrite struct {
	Exact string `json:"exact"`
}

// HTTPGatewayRoutePrefixRewrite is App Mesh's shape HttpGatewayRoutePrefixRewrite.
type HTTPGatewayRoutePrefixRewrite struct {
	DefaultPrefix string `json:"defaultPrefix"`
	Value         string `json:"value"`
}

// HTTPGatewayRouteMatch is App Mesh's shape HttpGatewayRouteMatch.
type HTTPGatewayRouteMatch struct {
	Headers         []HTTPRouteHeader          `json:"headers"`
	Hostname        *GatewayRouteHostnameMatch `json:"hostname"`
	Method          string                     `json:"method"`
	Path            *HTTPPathMatch             `json:"path"`
	Port            *int                       `json:"port"`
	Prefix          *string                    `json:"prefix"`
	QueryParameters []HTTPQueryParameter       `json:"queryParameters"`
}
