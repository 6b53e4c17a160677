package resource

import (
	"cmp"
	"strings"
)

// Finding is something in an accepted resource that does not do what its author probably meant.
// It never blocks: the rest of the mesh works on.
type Finding struct {
	Resource Key    `json:"resource"`
	Path     string `json:"path"`    // the member, from the top of the resource: spec.listeners[0].tls
	Code     string `json:"code"`    // a stable word for programs: backend-missing
	Message  string `json:"message"` // what is so, and what happens now: starts in lower case, names values
	Hint     string `json:"hint"`    // what to do about it
}

// Compare orders findings by resource, path, code and message.
func (f Finding) Compare(o Finding) int {
	return cmp.Or(f.Resource.Compare(o.Resource), strings.Compare(f.Path, o.Path),
		strings.Compare(f.Code, o.Code), strings.Compare(f.Message, o.Message))
}

// Violation is one thing wrong with a request: it is refused, whole.
type Violation struct {
	Path string // spec.listeners[0].portMapping.port
	Rule string // what would be right: must be between 1 and 65535
	Got  string // the value as JSON, shortened; "" where there is none
}

// String is the sentence for people: "spec.listeners[0].portMapping.port must be between 1 and 65535, got 0".
func (v Violation) String() string {
	s := v.Path + " " + v.Rule
	if v.Got != "" {
		s += ", got " + v.Got
	}
	return s
}

// Report is what the newest compilation of a mesh said: the object at events.ReportPath.
type Report struct {
	MeshUID    string    `json:"meshUid"`
	Generation int64     `json:"generation"` // compiled and published
	Findings   []Finding `json:"findings"`   // sorted
}
