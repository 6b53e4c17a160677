package envoy

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ownmesh/ownmesh/core/graph"
)

// accessLogs is what a listener logs, in its HTTP and TCP filters alike.
func accessLogs(a *graph.AccessLog) []*accesslogv3.AccessLog {
	if a == nil {
		return nil
	}
	file := &filev3.FileAccessLog{Path: a.Path}
	format := &corev3.SubstitutionFormatString{}
	switch {
	case a.Text != "":
		format.Format = &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
			Specifier: &corev3.DataSource_InlineString{InlineString: a.Text}}}
		file.AccessLogFormat = &filev3.FileAccessLog_LogFormat{LogFormat: format}
	case len(a.JSON) > 0:
		fields := map[string]*structpb.Value{}
		for _, ref := range a.JSON {
			fields[ref.Key] = structpb.NewStringValue(ref.Value)
		}
		format.Format = &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: &structpb.Struct{Fields: fields}}
		file.AccessLogFormat = &filev3.FileAccessLog_LogFormat{LogFormat: format}
	}
	return []*accesslogv3.AccessLog{{
		Name:       "envoy.access_loggers.file",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: packed(file)},
	}}
}
