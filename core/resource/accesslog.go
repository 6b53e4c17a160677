package resource

// This file: access logs.

// Logging is App Mesh's shape Logging, and VirtualGatewayLogging. It covers inbound and outbound requests.
type Logging struct {
	AccessLog *AccessLog `json:"accessLog"`
}

// AccessLog is App Mesh's shape AccessLog: at most one member is set.
type AccessLog struct {
	File *FileAccessLog `json:"file"`
}

// FileAccessLog is App Mesh's shape FileAccessLog.
type FileAccessLog struct {
	Path   string         `json:"path"`   // Envoy must be able to write there; usually /dev/stdout
	Format *LoggingFormat `json:"format"` // nil: Envoy's default format
}

// LoggingFormat is App Mesh's shape LoggingFormat: at most one member is set.
type LoggingFormat struct {
	JSON []JSONFormatRef `json:"json"` // one JSON object a request
	Text string          `json:"text"` // one line a request
}

// JSONFormatRef is App Mesh's shape JsonFormatRef: a member of the logged object. Value holds Envoy's command
// operators: %START_TIME%.
type JSONFormatRef struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
