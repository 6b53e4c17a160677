package resource

// This file: active health checks and outlier detection.

// HealthCheckPolicy is App Mesh's shape HealthCheckPolicy.
type HealthCheckPolicy struct {
	HealthyThreshold   int     `json:"healthyThreshold"`
	IntervalMillis     int64   `json:"intervalMillis"`
	Protocol           string  `json:"protocol"`
	TimeoutMillis      int64   `json:"timeoutMillis"`
	UnhealthyThreshold int     `json:"unhealthyThreshold"`
	Path               *string `json:"path"`
	Port               *int    `json:"port"`
}

// OutlierDetection is App Mesh's shape OutlierDetection.
type OutlierDetection struct {
	BaseEjectionDuration Duration `json:"baseEjectionDuration"`
	Interval             Duration `json:"interval"`
	MaxEjectionPercent   int      `json:"maxEjectionPercent"`
	MaxServerErrors      int64    `json:"maxServerErrors"`
}
