package resource

// This file: active health checks and outlier detection.

// HealthCheckPolicy is App Mesh's shape HealthCheckPolicy, and VirtualGatewayHealthCheckPolicy. Every calling Envoy probes.
type HealthCheckPolicy struct {
	HealthyThreshold   int     `json:"healthyThreshold"`   // passes in a row, 2 to 10
	IntervalMillis     int64   `json:"intervalMillis"`     // milliseconds, 5,000 to 300,000
	Protocol           string  `json:"protocol"`           // as PortMapping's; may differ from the listener's
	TimeoutMillis      int64   `json:"timeoutMillis"`      // milliseconds, 2,000 to 60,000
	UnhealthyThreshold int     `json:"unhealthyThreshold"` // failures in a row, 2 to 10
	Path               *string `json:"path"`               // http and http2 only; nil: /
	Port               *int    `json:"port"`               // the listener's is probed whatever this says
}

// OutlierDetection is App Mesh's shape OutlierDetection: how callers stop calling an instance that fails.
type OutlierDetection struct {
	BaseEjectionDuration Duration `json:"baseEjectionDuration"` // times the number of ejections so far
	Interval             Duration `json:"interval"`             // between looks at who is due
	MaxEjectionPercent   int      `json:"maxEjectionPercent"`   // of the instances, 0 to 100; one may always go
	MaxServerErrors      int64    `json:"maxServerErrors"`      // 5xx in a row
}
