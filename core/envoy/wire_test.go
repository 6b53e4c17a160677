package envoy

import (
	"bytes"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Assembled from parts, a route configuration has the bytes that it has as a whole.
func TestRouteConfigurationIsItsParts(t *testing.T) {
	for _, hosts := range [][]*routev3.VirtualHost{nil, {{Name: "a", Domains: []string{"a"}}}, {{Name: "a"}, {}, {Name: "b"}}} {
		var parts [][]byte
		for _, h := range hosts {
			parts = append(parts, Marshal(h))
		}
		want := Marshal(&routev3.RouteConfiguration{Name: "rds", VirtualHosts: hosts})
		if got := RouteConfiguration("rds", parts); !bytes.Equal(got, want) {
			t.Errorf("%d hosts: %x, want %x", len(hosts), got, want)
		}
	}
}

func TestHeaderValuesAreNoFormats(t *testing.T) {
	if got := setHeader("x", "100% %REQ(y)%").Header.Value; got != "100%% %%REQ(y)%%" {
		t.Error(got)
	}
}

func TestMetadataIsJSON(t *testing.T) {
	config := aggregateStats("TargetVirtualService", `a"<&>`).FilterMetadata["aws.appmesh.aggregate_stats"].Fields["config"].GetStringValue()
	if want := `{"tags":[{"key":"TargetVirtualService","value":"a\"<&>"}]}`; config != want {
		t.Errorf("%s, want %s", config, want)
	}
}
