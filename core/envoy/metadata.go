package envoy

import (
	"bytes"
	"encoding/json"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// aggregateStats is the metadata that App Mesh's metrics extension reads: dimensions as a JSON text. Without a key
// there are none.
func aggregateStats(key, value string) *corev3.Metadata {
	type tag struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	tags := []tag{}
	if key != "" {
		tags = append(tags, tag{key, value})
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string][]tag{"tags": tags}); err != nil {
		panic("envoy: encode two strings: " + err.Error())
	}
	config := structpb.NewStringValue(string(bytes.TrimSpace(text.Bytes())))
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
		"aws.appmesh.aggregate_stats": {Fields: map[string]*structpb.Value{"config": config}},
	}}
}
