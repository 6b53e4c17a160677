package envoy

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// healthChecks is how callers probe endpoints: at the interval that users gave, from the start. Envoy's own default is
// a probe a minute until there was traffic, so that the first requests would go to endpoints of which it knows nothing.
func healthChecks(h *graph.HealthCheck, cluster string, tls bool) []*corev3.HealthCheck {
	if h == nil {
		return nil
	}
	c := &corev3.HealthCheck{
		Timeout: spanOf(h.Timeout), Interval: spanOf(h.Interval),
		NoTrafficInterval: spanOf(h.Interval),
		HealthyThreshold:  number(uint32(h.Healthy)), UnhealthyThreshold: number(uint32(h.Unhealthy)),
	}
	if tls && h.Protocol.HTTPLike() { // a probe may speak another protocol than requests do
		c.TlsOptions = &corev3.HealthCheck_TlsOptions{AlpnProtocols: alpnOf(h.Protocol)}
	}
	host := graph.AsHost(cluster)
	if host == cluster {
		host = "" // Envoy's own choice is the cluster's name, and names that are no host's would be refused with 400
	}
	switch h.Protocol {
	case graph.GRPC:
		c.HealthChecker = &corev3.HealthCheck_GrpcHealthCheck_{GrpcHealthCheck: &corev3.HealthCheck_GrpcHealthCheck{Authority: host}}
	case graph.TCP:
		c.HealthChecker = &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}}
	default:
		check := &corev3.HealthCheck_HttpHealthCheck{Path: h.Path, Host: host}
		if h.Protocol == graph.HTTP2 {
			check.CodecClientType = typev3.CodecClientType_HTTP2
		}
		c.HealthChecker = &corev3.HealthCheck_HttpHealthCheck_{HttpHealthCheck: check}
	}
	return []*corev3.HealthCheck{c}
}

// outlierDetection is when callers stop using an endpoint. Only consecutive errors count, as in App Mesh: Envoy's
// comparison of success rates, which is on by default, is switched off. One endpoint may go whatever the percentage.
func outlierDetection(o *graph.Outlier) *clusterv3.OutlierDetection {
	if o == nil {
		return nil
	}
	return &clusterv3.OutlierDetection{
		Consecutive_5Xx:      number(uint32(o.MaxServerErrors)),
		Interval:             spanOf(o.Interval),
		BaseEjectionTime:     spanOf(o.BaseEjection),
		MaxEjectionPercent:   number(uint32(o.MaxEjectionPercent)),
		AlwaysEjectOneHost:   yes(),
		EnforcingSuccessRate: number(0),
	}
}
