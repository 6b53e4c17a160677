package graph

import "github.com/ownmesh/ownmesh/core/resource"

// HealthCheck is how callers probe each endpoint of a listener.
type HealthCheck struct {
	Protocol           Protocol
	Path               string // of HTTP checks
	Interval, Timeout  Duration
	Healthy, Unhealthy int // consecutive answers that change an endpoint's state
}

// Outlier is when callers stop using an endpoint that fails.
type Outlier struct {
	MaxServerErrors    int64 // consecutive
	Interval           Duration
	BaseEjection       Duration
	MaxEjectionPercent int
}

// readHealthCheck reads the health check of a listener.
func readHealthCheck(h *resource.HealthCheckPolicy, of Port, path string, n *Notes) *HealthCheck {
	if h == nil {
		return nil
	}
	c := &HealthCheck{
		Protocol: Protocol(h.Protocol),
		Interval: millis(h.IntervalMillis), Timeout: millis(h.TimeoutMillis),
		Healthy: h.HealthyThreshold, Unhealthy: h.UnhealthyThreshold,
	}
	if h.IntervalMillis < 1 || h.TimeoutMillis < 1 || h.HealthyThreshold < 1 || h.UnhealthyThreshold < 1 {
		n.add("health-check-invalid", path, "intervals and thresholds must be positive: endpoints are not probed", "set all four of them")
		return nil
	}
	if c.Protocol == GRPC && !of.Protocol.Multiplexed() {
		n.add("health-check-protocol", path+".protocol", quoted("the listener speaks %s, which carries no grpc health check: endpoints are not probed", of.Protocol), "check by http or tcp, or make the listener grpc")
		return nil
	}
	switch {
	case c.Protocol == HTTP || c.Protocol == HTTP2:
		c.Path = "/"
		if h.Path != nil && *h.Path != "" {
			c.Path = *h.Path
		}
		if c.Path[0] != '/' || hasControl(c.Path) {
			n.add("health-check-path", path+".path", quoted("%s is no path: / is probed", c.Path), "start it with /")
			c.Path = "/"
		}
	case h.Path != nil && *h.Path != "":
		n.add("health-check-path-unused", path+".path", quoted("a %s health check has no path: it is ignored", c.Protocol), "remove it, or check by http")
	}
	if h.Port != nil && *h.Port != of.Port {
		n.add("health-check-port", path+".port", quoted("the listener's port is %d: it is probed, not %d", of.Port, *h.Port), "use the listener's port, or leave it out")
	}
	return c
}

// readOutlier reads a listener's outlier detection.
func readOutlier(o *resource.OutlierDetection, path string, n *Notes) *Outlier {
	if o == nil {
		return nil
	}
	out := &Outlier{
		MaxServerErrors: o.MaxServerErrors, MaxEjectionPercent: o.MaxEjectionPercent,
		Interval:     readDuration(&o.Interval, path+".interval", n),
		BaseEjection: readDuration(&o.BaseEjectionDuration, path+".baseEjectionDuration", n),
	}
	const unit32 = 1<<32 - 1
	if out.MaxServerErrors > unit32 {
		n.add("number-too-large", path+".maxServerErrors", quoted("%d is more than Envoy counts: %d is used", out.MaxServerErrors, int64(unit32)), "use a smaller number")
		out.MaxServerErrors = unit32
	}
	for _, d := range []struct {
		member string
		of     *Duration
	}{{"interval", &out.Interval}, {"baseEjectionDuration", &out.BaseEjection}} {
		if d.of.Set && d.of.Millis == 0 {
			n.add("duration-zero", path+"."+d.member, "0 can't be used here: Envoy's default is", "use 1 ms or more")
			*d.of = Duration{}
		}
	}
	return out
}
