package environment

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// tracer reads the one tracer that is on, if any is. What concerns the others is not looked at: Kubernetes sets
// variables such as ZIPKIN_TRACER_PORT by itself, for services of such names.
func (r *reader) tracer() bootstrap.Tracer {
	if r.text("ENVOY_TRACING_CFG_FILE") != "" {
		return nil // it replaces these
	}
	var on []string
	var chosen bootstrap.Tracer
	for _, c := range []struct {
		variable string
		on       bool
		read     func() bootstrap.Tracer
	}{
		{"ENABLE_ENVOY_XRAY_TRACING", r.truth("ENABLE_ENVOY_XRAY_TRACING", false), r.xray},
		{"ENABLE_ENVOY_JAEGER_TRACING", r.truth("ENABLE_ENVOY_JAEGER_TRACING", false), r.jaeger},
		{"ENABLE_ENVOY_ZIPKIN_TRACING", r.truth("ENABLE_ENVOY_ZIPKIN_TRACING", false), r.zipkin},
		{"ENABLE_ENVOY_DATADOG_TRACING", r.truth("ENABLE_ENVOY_DATADOG_TRACING", false), r.datadog},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", r.text("OTEL_EXPORTER_OTLP_ENDPOINT") != "", r.openTelemetry},
	} {
		if c.on {
			on = append(on, c.variable)
			chosen = c.read()
		}
	}
	if len(on) > 1 {
		r.faults = append(r.faults, fmt.Errorf("%s are set, but an Envoy has one tracer: keep one of them", strings.Join(on, " and ")))
	}
	return chosen
}

func (r *reader) jaeger() bootstrap.Tracer {
	return bootstrap.Zipkin{
		Name:      "jaeger",
		Collector: net.JoinHostPort(r.host("JAEGER_TRACER_ADDRESS", "127.0.0.1"), r.port("JAEGER_TRACER_PORT", "9411")),
		JSON:      strings.EqualFold(r.oneOf("JAEGER_TRACER_VERSION", "PROTO", "JSON", "proto", "json"), "json"),
	}
}

func (r *reader) zipkin() bootstrap.Tracer {
	return bootstrap.Zipkin{
		Name:      "zipkin",
		Collector: net.JoinHostPort(r.host("ZIPKIN_TRACER_ADDRESS", "127.0.0.1"), r.port("ZIPKIN_TRACER_PORT", "9411")),
		JSON:      true,
	}
}

func (r *reader) datadog() bootstrap.Tracer {
	return bootstrap.Datadog{
		Agent:   net.JoinHostPort(r.host("DATADOG_TRACER_ADDRESS", "127.0.0.1"), r.port("DATADOG_TRACER_PORT", "8126")),
		Service: r.text("DD_SERVICE"),
	}
}

func (r *reader) openTelemetry() bootstrap.Tracer {
	return bootstrap.OpenTelemetry{Collector: r.otlp("OTEL_EXPORTER_OTLP_ENDPOINT"), Service: r.text("OTEL_SERVICE_NAME")}
}

// otlp reads what OpenTelemetry calls an endpoint: http://host:port, or host:port.
func (r *reader) otlp(name string) string {
	const standard = "4317"
	v := r.text(name)
	text := v
	if !strings.Contains(v, "://") {
		text = "http://" + v
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		r.wrong(name, v, "must be http://host:port of a collector that takes OTLP over gRPC in plain text")
		return ""
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), standard)
	}
	return u.Host
}

func (r *reader) xray() bootstrap.Tracer {
	return bootstrap.XRay{Daemon: r.daemon(), Segment: r.text("XRAY_SEGMENT_NAME"), Manifest: r.manifest()}
}

// daemon reads the forms that X-Ray's SDKs take: an address, or one for each protocol. Envoy talks UDP only.
func (r *reader) daemon() string {
	const name = "AWS_XRAY_DAEMON_ADDRESS"
	port := r.port("XRAY_DAEMON_PORT", "2000")
	address := "127.0.0.1"
	whole := r.text(name)
	if whole != "" {
		address = ""
	}
	for _, one := range strings.Fields(whole) {
		if !strings.HasPrefix(one, "tcp:") {
			address = strings.TrimPrefix(one, "udp:")
		}
	}
	if a, err := netip.ParseAddrPort(address); err == nil && a.Port() != 0 {
		return a.String()
	}
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		r.wrong(name, whole, `must be an IP or IP:port, or "tcp:IP:port udp:IP:port": Envoy looks no name up here`)
	}
	return net.JoinHostPort(ip.String(), port)
}
