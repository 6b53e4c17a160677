package cloudformation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: the API's shapes, with CloudFormation's spelling of members. They say where a template's strings are
// numbers, and which properties there are.

// shape is what a value is for the API.
type shape struct {
	Type    string // structure, list, string, boolean, integer or long
	Members map[string]struct{ Shape string }
	Member  struct{ Shape string }

	spelling map[string]string // CloudFormation's name of a member -> the API's
}

// shapes are App Mesh's, and the names of the inputs of its Create operations.
var shapes = sync.OnceValue(func() map[string]*shape {
	var d struct {
		Operations map[string]struct{ Input struct{ Shape string } }
		Shapes     map[string]*shape
	}
	if err := json.Unmarshal([]byte(resource.Descriptions()[0]), &d); err != nil {
		panic(fmt.Sprintf("cloudformation: the embedded API description: %v", err))
	}
	for _, s := range d.Shapes {
		s.spelling = make(map[string]string, len(s.Members))
		for name := range s.Members {
			s.spelling[title(name)] = name
		}
	}
	for operation, o := range d.Operations {
		d.Shapes[operation] = d.Shapes[o.Input.Shape]
	}
	return d.Shapes
})

// capitals are the members that CloudFormation spells in capitals.
var capitals = map[string]string{
	"acm": "ACM", "awsCloudMap": "AWSCloudMap", "dns": "DNS", "grpc": "GRPC", "http": "HTTP", "http2": "HTTP2",
	"sds": "SDS", "tcp": "TCP", "tls": "TLS",
}

// title is CloudFormation's spelling of a member.
func title(member string) string {
	if s, ok := capitals[member]; ok {
		return s
	}
	return strings.ToUpper(member[:1]) + member[1:]
}

// names lists a structure's members in CloudFormation's spelling.
func (s *shape) names() string {
	return strings.Join(slices.Sorted(maps.Keys(s.spelling)), ", ")
}
