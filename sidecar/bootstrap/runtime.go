package bootstrap

import (
	"math"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// layeredRuntime keeps those of App Mesh's keys that Envoy still reads. The last layer lets an operator change
// runtime values over the admin interface.
func layeredRuntime(o Options, node bool) *bootstrapv3.LayeredRuntime {
	static := map[string]*structpb.Value{
		"envoy.features.enable_all_deprecated_features": structpb.NewBoolValue(true),
		"re2.max_program_size.error_level":              structpb.NewNumberValue(1000),
	}
	if node {
		// Applications see why their backend's certificate was refused, as App Mesh's did. A gateway's customers don't.
		static["envoy.reloadable_features.hide_transport_failure_reason_in_response_body"] = structpb.NewBoolValue(false)
	}
	if o.MaxRequestsPerIOCycle > 0 {
		static["http.max_requests_per_io_cycle"] = structpb.NewNumberValue(float64(o.MaxRequestsPerIOCycle))
	}
	if o.TracedShare != nil {
		static["tracing.random_sampling"] = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			"numerator":   structpb.NewNumberValue(math.Round(*o.TracedShare * 10_000)),
			"denominator": structpb.NewStringValue("TEN_THOUSAND"),
		}})
	}
	return &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{
		{Name: "static", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: static}}},
		{Name: "admin", LayerSpecifier: &bootstrapv3.RuntimeLayer_AdminLayer_{AdminLayer: &bootstrapv3.RuntimeLayer_AdminLayer{}}},
	}}
}
