package environment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/sidecar/environment"
)

// A misspelt name would otherwise be as if it were not there: no metrics, no traces, and no word.
func TestMisspelt(t *testing.T) {
	got := environment.Misspelt([]string{
		"XRAY_SAMPLNG_RATE=1", "OWNMESH_METRIC_ADDRESS=9090", "ENABLE_ENVOY_XRAY_TRACNIG=1", "APPMESH_RESOURCE_ARNS=x",
		// Known, others', and short ones.
		"XRAY_SAMPLING_RATE=1", "ENABLE_ENVOY_STATSD=1", "PATH=/bin", "OWNMESH_BIN=x", "OWNMESH_ENDPOINT=x", "OWNMESH_SERVICE_HOST=10.0.0.1",
		"OWNMESH_PORT_80_TCP_ADDR=10.0.0.1", "ENVOY_SERVICE_PORT=1", "JAEGER_SERVICE_HOST=1", "STATSD_SERVICE_HOST=1", "AWS_REGIONS=x", "DD_SERVICE2=x",
		"AWS_DEFAULT_REGION=x", "AWS_EXECUTION_ENV=x", "ECS_CONTAINER_METADATA_URI_V4=x", "=C:=x", "",
	})
	want := []environment.Misspelling{
		{Name: "APPMESH_RESOURCE_ARNS", Meant: "APPMESH_RESOURCE_ARN"},
		{Name: "ENABLE_ENVOY_XRAY_TRACNIG", Meant: "ENABLE_ENVOY_XRAY_TRACING"},
		{Name: "OWNMESH_METRIC_ADDRESS", Meant: "OWNMESH_METRICS_ADDRESS"},
		{Name: "XRAY_SAMPLNG_RATE", Meant: "XRAY_SAMPLING_RATE"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
