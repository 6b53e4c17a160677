package resource

import (
	_ "embed" // the two descriptions below
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sync"
)

// This file: what requests must look like, as data. appmesh-api.json is App Mesh's own description and is never edited;
// ownmesh-api.json describes Ownmesh's own kinds in the same form. Where Ownmesh decides what the data leaves open,
// decide says so, in one place.

//go:embed appmesh-api.json
var appMeshAPI string

//go:embed ownmesh-api.json
var ownmeshAPI string

// Descriptions are the API descriptions that requests are checked against, as JSON: operations and shapes in the form
// of AWS's service models. App Mesh's comes first, then that of Ownmesh's own kinds, which uses App Mesh's shapes.
func Descriptions() []string { return []string{appMeshAPI, ownmeshAPI} }

type shapeType string

const (
	structureShape shapeType = "structure"
	listShape      shapeType = "list"
	stringShape    shapeType = "string"
	booleanShape   shapeType = "boolean"
	integerShape   shapeType = "integer" // 32 bits
	longShape      shapeType = "long"    // 64 bits
)

// shape is what a value must look like.
type shape struct {
	name     string
	typ      shapeType
	members  map[string]*shapeMember // structures
	names    []string                // structures: the members' names, sorted
	required []string                // structures
	union    bool                    // structures: at most one member
	item     *shape                  // lists
	min, max int64                   // numbers: the value; strings: characters; lists: items
	pattern  *regexp.Regexp          // strings; nil for none
	enum     []string                // strings; nil for none
	isName   bool                    // strings: the name of a resource
	isTagKey bool                    // strings: the key of a tag
}

// shapeMember is a structure's member. Members of an operation's input lie in its path, its query or its body.
type shapeMember struct {
	shape    *shape
	location string // "" (the body), "uri" or "querystring"
}

// model maps each operation's name to the shape of its input.
var model = sync.OnceValue(func() map[string]*shape {
	l := loader{data: map[string]shapeData{}, shapes: map[string]*shape{}}
	inputs := map[string]*shape{}
	operations := map[string]string{}
	for _, text := range Descriptions() {
		var d struct {
			Operations map[string]struct{ Input struct{ Shape string } }
			Shapes     map[string]shapeData
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			panic(fmt.Sprintf("resource: the embedded API description: %v", err))
		}
		for name, s := range d.Shapes {
			l.data[name] = s
		}
		for name, o := range d.Operations {
			operations[name] = o.Input.Shape
		}
	}
	for operation, input := range operations {
		inputs[operation] = l.shape(input)
	}
	return inputs
})

// inputOf is the shape of an operation's input. Operations' names come from code, not from requests: an unknown one is
// a programming error.
func inputOf(operation string) *shape {
	s, ok := model()[operation]
	if !ok {
		panic("resource: no operation is called " + operation)
	}
	return s
}

// shapeData is a shape as the descriptions have it.
type shapeData struct {
	Type     shapeType
	Members  map[string]struct{ Shape, Location string }
	Required []string
	Union    bool
	Member   struct{ Shape string }
	Min, Max *int64
	Pattern  string
	Enum     []string
}

type loader struct {
	data   map[string]shapeData
	shapes map[string]*shape // those made so far
}

func (l *loader) shape(name string) *shape {
	if s, ok := l.shapes[name]; ok {
		return s
	}
	d, ok := l.data[name]
	if !ok {
		panic("resource: the API descriptions name a shape that they lack: " + name)
	}
	s := &shape{name: name, typ: d.Type, union: d.Union, enum: d.Enum, required: slices.Clone(d.Required)}
	l.shapes[name] = s
	s.min, s.max = limits(d)
	if d.Pattern != "" {
		s.pattern = regexp.MustCompile(d.Pattern)
	}
	if d.Type == listShape {
		s.item = l.shape(d.Member.Shape)
	}
	if d.Type == structureShape {
		s.members = make(map[string]*shapeMember, len(d.Members))
		for member, m := range d.Members {
			s.members[member] = &shapeMember{shape: l.shape(decideShape(member, m.Shape)), location: m.Location}
			s.names = append(s.names, member)
		}
		slices.Sort(s.names)
	}
	decide(s)
	return s
}

// limits are the bounds that the data names, and where it names none those of the type.
func limits(d shapeData) (least, most int64) {
	switch d.Type {
	case integerShape:
		least, most = math.MinInt32, math.MaxInt32
	case longShape:
		least, most = math.MinInt64, math.MaxInt64
	default:
		least, most = 0, math.MaxInt64
	}
	if d.Min != nil {
		least = *d.Min
	}
	if d.Max != nil {
		most = *d.Max
	}
	return least, most
}

// decideShape names the shape of a member where Ownmesh takes another than the data: a virtual service's name has no
// bound there, yet the original refused ones over 255 characters.
func decideShape(member, shape string) string {
	if member == "virtualServiceName" {
		return "ResourceName"
	}
	return shape
}

// decide adds to a shape what the data leaves open.
func decide(s *shape) {
	switch s.name {
	case "ResourceName":
		s.isName = true // the data has no pattern: any characters but control characters
	case "TagKey":
		s.isTagKey = true // keys that start with aws: are AWS's own
	case "TagRef":
		s.required = []string{"key"} // a missing value is stored as ""
	case "TagResourceInput":
		// More than 50 tags have an error type of their own there, and the resource's present ones count too:
		// who holds them compares.
		tags := *s.members["tags"].shape
		tags.max = math.MaxInt64
		s.members["tags"].shape = &tags
	}
}
