package environment

import (
	"fmt"
	"net"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// This file: metrics, and what a user merges in.

func (r *reader) stats(o *bootstrap.Options) {
	o.StatsTags = r.truth("ENABLE_ENVOY_STATS_TAGS", false)
	o.MetricsExtension = r.oneOf("APPMESH_METRIC_EXTENSION_VERSION", "0", "1") == "1"
	o.NoStatsTags = r.text("ENVOY_STATS_CONFIG_FILE") != ""
	if v := r.text("ENVOY_STATS_FLUSH_INTERVAL"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < time.Millisecond || d > 5*time.Minute {
			r.wrong("ENVOY_STATS_FLUSH_INTERVAL", v, "must be a duration between 1ms and 5m, such as 5000ms")
		}
		o.FlushInterval = d
	}
}

func (r *reader) sinks(o *bootstrap.Options) {
	const dog, plain = "ENABLE_ENVOY_DOG_STATSD", "ENABLE_ENVOY_STATSD"
	tagged, untagged := r.truth(dog, false), r.truth(plain, false)
	if r.text(sinksFile) != "" || !tagged && !untagged {
		return // the file replaces these
	}
	if tagged && untagged {
		r.faults = append(r.faults, fmt.Errorf("%s and %s are both on, and would send everything twice: turn one off", dog, plain))
	}
	o.Sinks = []bootstrap.StatsD{{Address: r.statsD(), Tagged: tagged}}
}

func (r *reader) statsD() string {
	if path := r.path("STATSD_SOCKET_PATH"); path != "" {
		return "unix://" + path
	}
	return net.JoinHostPort(r.ip("STATSD_ADDRESS", "127.0.0.1"), r.port("STATSD_PORT", "8125"))
}

const sinksFile = "ENVOY_STATS_SINKS_CFG_FILE"

// fragments reads the files in App Mesh's order. Only the last may be empty.
func (r *reader) fragments(o *bootstrap.Options) {
	for _, name := range []string{"ENVOY_TRACING_CFG_FILE", "ENVOY_STATS_CONFIG_FILE", sinksFile, "ENVOY_RESOURCES_CONFIG_FILE"} {
		path := r.text(name)
		if path == "" {
			continue
		}
		f := bootstrap.Fragment{Name: fmt.Sprintf("%s (%s)", path, name), YAML: r.content(name)}
		var members map[string]any
		if f.YAML == nil {
			continue // reported
		} else if err := yaml.Unmarshal(f.YAML, &members); err != nil {
			r.wrong(name, path, fmt.Sprintf("must name a YAML file with members of an Envoy bootstrap: %v", err))
			continue
		}
		if len(members) == 0 && name != "ENVOY_RESOURCES_CONFIG_FILE" {
			r.wrong(name, path, "must name a file that is not empty")
			continue
		}
		if name == sinksFile && members["stats_sinks"] == nil && members["statsSinks"] == nil {
			r.wrong(name, path, "must name a file that has stats_sinks")
		}
		o.Fragments = append(o.Fragments, f)
	}
}
