package bootstrap

import (
	"regexp"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
)

// This file: tags on metrics, as App Mesh's dashboards expect them.

// Proxies with several listeners have stat prefixes such as ingress.http.8080: these take protocol, port and route
// configuration out of a metric's name and make them tags. Group 1 is what leaves the name, group 2 the value.
var tagPatterns = []struct{ tag, regex string }{
	{"appmesh.listener_protocol", `^.*?\.ingress\.((\w+)\.)\d+\..+$`},
	{"appmesh.listener_port", `^.*?\.ingress\.\w+\.((\d+)\.).+$`},
	{"envoy_rds_route_config", `^.*?\.ingress\.\w+\.\d+\.rds\.((.*?)\.).+$`},
}

// statsConfig tags metrics by pattern always, and with the fixed names of mesh and node where asked to.
func statsConfig(id NodeID, o Options) *metricsv3.StatsConfig {
	if o.NoStatsTags {
		return nil
	}
	tag, dimension := "appmesh.virtual_node", "VirtualNode"
	if id.Kind == "virtualGateway" {
		tag, dimension = "appmesh.virtual_gateway", "VirtualGateway"
	}
	c := &metricsv3.StatsConfig{}
	if o.StatsTags {
		c.StatsTags = append(c.StatsTags, fixedTag("appmesh.mesh", id.Mesh), fixedTag(tag, id.Name))
	}
	if o.MetricsExtension {
		// A cluster's name tells the node that it leads to. Its place in the metric's name is what Envoy's own tag
		// envoy_cluster_name takes out as well.
		target := `^cluster\.(cds_egress_` + regexp.QuoteMeta(id.Mesh) + `_(.+)_(?:http|http2|grpc|tcp)_\d+\.)`
		c.StatsTags = append(c.StatsTags,
			patternTag("TargetVirtualNode", target), fixedTag("Mesh", id.Mesh), fixedTag(dimension, id.Name))
	}
	for _, p := range tagPatterns {
		c.StatsTags = append(c.StatsTags, patternTag(p.tag, p.regex))
	}
	return c
}

func fixedTag(name, value string) *metricsv3.TagSpecifier {
	return &metricsv3.TagSpecifier{TagName: name, TagValue: &metricsv3.TagSpecifier_FixedValue{FixedValue: value}}
}

func patternTag(name, regex string) *metricsv3.TagSpecifier {
	return &metricsv3.TagSpecifier{TagName: name, TagValue: &metricsv3.TagSpecifier_Regex{Regex: regex}}
}
