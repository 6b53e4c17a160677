package resource

// This file: access logs.

// Logging is App Mesh's shape Logging.
type Logging struct {
	AccessLog *AccessLog `json:"accessLog"`
}

// AccessLog is App Mesh's shape AccessLog: at most one member is set.
type AccessLog struct {
	File *FileAccessLog `json:"file"`
}

// FileAccessLog is App Mesh's shape FileAccessLog.
type FileAccessLog struct {
	Path   string         `json:"path"`
	Format *LoggingFormat `json:"format"`
}

// LoggingFormat is App Mesh's shape LoggingFormat: at most one member is set.
type LoggingFormat struct {
	JSON []JSONFormatRef `json:"json"`
	Text string          `json:"text"`
}

// JSONFormatRef is App Mesh's shape JsonFormatRef.
type JSONFormatRef struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
