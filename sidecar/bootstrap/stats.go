package bootstrap

import (
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
func statsConfig(id NodeID, fixed bool) *metricsv3.StatsConfig {
	c := &metricsv3.StatsConfig{}
	if fixed {
		tag := "appmesh.virtual_node"
		if id.Kind == "virtualGateway" {
			tag = "appmesh.virtual_gateway"
		}
		c.StatsTags = append(c.StatsTags, fixedTag("appmesh.mesh", id.Mesh), fixedTag(tag, id.Name))
	}
	for _, p := range tagPatterns {
		c.StatsTags = append(c.StatsTags, &metricsv3.TagSpecifier{
			TagName:  p.tag,
			TagValue: &metricsv3.TagSpecifier_Regex{Regex: p.regex},
		})
	}
	return c
}

func fixedTag(name, value string) *metricsv3.TagSpecifier {
	return &metricsv3.TagSpecifier{TagName: name, TagValue: &metricsv3.TagSpecifier_FixedValue{FixedValue: value}}
}
