package resource

// This file: what a request must look like for a route to take it.

// HTTPRouteMatch is App Mesh's shape HttpRouteMatch.
type HTTPRouteMatch struct {
	Headers         []HTTPRouteHeader    `json:"headers"`
	Method          string               `json:"method"`
	Path            *HTTPPathMatch       `json:"path"`
	Port            *int                 `json:"port"`
	Prefix          *string              `json:"prefix"`
	QueryParameters []HTTPQueryParameter `json:"queryParameters"`
	Scheme          string               `json:"scheme"`
}

// HTTPPathMatch is App Mesh's shape HttpPathMatch.
type HTTPPathMatch struct {
	Exact string `json:"exact"`
	Regex string `json:"regex"`
}

// HTTPRouteHeader is App Mesh's shape HttpRouteHeader.
type HTTPRouteHeader struct {
	Name   string             `json:"name"`
	Invert *bool              `json:"invert"`
	Match  *HeaderMatchMethod `json:"match"`
}

// HeaderMatchMethod is App Mesh's shape HeaderMatchMethod: at most one member is set.
type HeaderMatchMethod struct {
	Exact  string      `json:"exact"`
	Prefix string      `json:"prefix"`
	Range  *MatchRange `json:"range"`
	Regex  string      `json:"regex"`
	Suffix string      `json:"suffix"`
}

// MatchRange is App Mesh's shape MatchRange.
type MatchRange struct {
	End   int64 `json:"end"`
	Start int64 `json:"start"`
}

// HTTPQueryParameter is App Mesh's shape HttpQueryParameter.
type HTTPQueryParameter struct {
	Name  string               `json:"name"`
	Match *QueryParameterMatch `json:"match"`
}

// QueryParameterMatch is App Mesh's shape QueryParameterMatch.
type QueryParameterMatch struct {
	Exact *string `json:"exact"`
}

// GRPCRouteMatch is App Mesh's shape GrpcRouteMatch.
type GRPCRouteMatch struct {
	Metadata    []HTTPRouteHeader `json:"metadata"`
	MethodName  string            `json:"methodName"`
	Port        *int              `json:"port"`
	ServiceName *string           `json:"serviceName"`
}
