package resource

// This file: what a request must look like for a route to take it.

// HTTPRouteMatch is App Mesh's shape HttpRouteMatch: all that is set must hold. With Path and Prefix both set, Path
// counts; with neither, every path matches.
type HTTPRouteMatch struct {
	Headers         []HTTPRouteHeader    `json:"headers"`
	Method          string               `json:"method"` // GET, POST, …; "": any
	Path            *HTTPPathMatch       `json:"path"`
	Port            *int                 `json:"port"` // the router's listener; nil: its only one
	Prefix          *string              `json:"prefix"`
	QueryParameters []HTTPQueryParameter `json:"queryParameters"`
	Scheme          string               `json:"scheme"` // http or https; "": any
}

// HTTPPathMatch is App Mesh's shape HttpPathMatch. With both set, Exact counts. Regex is RE2 and matches the whole path.
type HTTPPathMatch struct {
	Exact string `json:"exact"`
	Regex string `json:"regex"`
}

// HTTPRouteHeader is App Mesh's shape HttpRouteHeader, and HttpGatewayRouteHeader, GrpcRouteMetadata and
// GrpcGatewayRouteMetadata, which differ in name only.
type HTTPRouteHeader struct {
	Name   string             `json:"name"`
	Invert *bool              `json:"invert"` // true: the request matches if the header doesn't
	Match  *HeaderMatchMethod `json:"match"`  // nil: the header is there
}

// HeaderMatchMethod is App Mesh's shape HeaderMatchMethod, GrpcRouteMetadataMatchMethod and GrpcMetadataMatchMethod: at
// most one member is set. Regex is RE2 and matches the whole value.
type HeaderMatchMethod struct {
	Exact  string      `json:"exact"`
	Prefix string      `json:"prefix"`
	Range  *MatchRange `json:"range"`
	Regex  string      `json:"regex"`
	Suffix string      `json:"suffix"`
}

// MatchRange is App Mesh's shape MatchRange: whole numbers from Start on, up to but not including End.
type MatchRange struct {
	End   int64 `json:"end"`
	Start int64 `json:"start"`
}

// HTTPQueryParameter is App Mesh's shape HttpQueryParameter.
type HTTPQueryParameter struct {
	Name  string               `json:"name"`
	Match *QueryParameterMatch `json:"match"`
}

// QueryParameterMatch is App Mesh's shape QueryParameterMatch. Without Exact, the parameter is there.
type QueryParameterMatch struct {
	Exact *string `json:"exact"`
}

// GRPCRouteMatch is App Mesh's shape GrpcRouteMatch: all that is set must hold; MethodName needs ServiceName.
type GRPCRouteMatch struct {
	Metadata    []HTTPRouteHeader `json:"metadata"`
	MethodName  string            `json:"methodName"`
	Port        *int              `json:"port"`
	ServiceName *string           `json:"serviceName"`
}
