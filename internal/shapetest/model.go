// Package shapetest makes requests out of the API descriptions: for every operation, requests with every member filled,
// and for every constraint of every member one request that breaks it, with the path that the refusal must name.
//
// It reads the descriptions by itself and shares no code with what it judges, core/resource and core/api. Only tests
// import it. Start with Load, Model.Valid and Model.Broken.
package shapetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Model is the API descriptions, and how to fill in names.
type Model struct {
	Operations map[string]Operation
	Shapes     map[string]Shape
	// Names are the values of members that name resources, by the member's name: meshName, virtualNode. Others get
	// their own name as value.
	Names map[string]string
}

// Operation is an operation as the descriptions have it.
type Operation struct {
	HTTP  struct{ Method, RequestURI string }
	Input struct{ Shape string }
}

// Shape is a shape as the descriptions have it.
type Shape struct {
	Type     string
	Members  map[string]struct{ Shape, Location string }
	Required []string
	Union    bool
	Member   struct{ Shape string }
	Min, Max *int64
	Pattern  string
	Enum     []string
}

// Load reads the descriptions that core/resource embeds.
func Load(tb testing.TB, names map[string]string) *Model {
	tb.Helper()
	m := &Model{Operations: map[string]Operation{}, Shapes: map[string]Shape{}, Names: names}
	for _, text := range resource.Descriptions() {
		if err := json.Unmarshal([]byte(text), m); err != nil { // adds to both maps
			tb.Fatalf("read an API description: %v", err)
		}
	}
	for name, s := range m.Shapes {
		m.Shapes[name] = decided(name, s)
	}
	return m
}

// decided is a shape with what reference/api.md decides beyond the data.
func decided(name string, s Shape) Shape {
	if name == "TagRef" {
		s.Required = []string{"key"} // a missing value is an empty one
	}
	if m, ok := s.Members["virtualServiceName"]; ok {
		m.Shape = "ResourceName" // the service refused names over 255 characters
		s.Members["virtualServiceName"] = m
	}
	return s
}

// oneOf are structures some of whose members exclude each other although the data calls them no unions.
var oneOf = map[string][]string{
	"RouteSpec":        {"grpcRoute", "http2Route", "httpRoute", "tcpRoute"},
	"GatewayRouteSpec": {"grpcRoute", "http2Route", "httpRoute"},
	"InterceptionSpec": {"virtualGateway", "virtualNode"},
}

// Alternatives are the members of a structure of which a valid value has one.
func (m *Model) Alternatives(shape string) []string {
	if s := m.Shapes[shape]; s.Union {
		return sortedKeys(s.Members)
	}
	return oneOf[shape]
}

// Named is the model with some names changed.
func (m *Model) Named(names map[string]string) *Model {
	named := *m
	named.Names = maps.Clone(m.Names)
	maps.Copy(named.Names, names)
	return &named
}

// Sorted is the names of all operations that ok likes.
func (m *Model) Sorted(ok func(name string) bool) []string {
	return slices.DeleteFunc(sortedKeys(m.Operations), func(name string) bool { return !ok(name) })
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// input is the shape of an operation's input.
func (m *Model) input(operation string) Shape {
	o, ok := m.Operations[operation]
	if !ok {
		panic(fmt.Sprintf("shapetest: no operation is called %q", operation))
	}
	return m.Shapes[o.Input.Shape]
}
