package shapetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Request is one call of an operation.
type Request struct {
	Operation  string
	Params     map[string]string // path and query, decoded
	Body       []byte            // nil where the operation has none
	Constraint string            // what is broken: required, type, min, max, pattern, enum, union, unknown; "" in valid ones
	Paths      []string          // what the refusal must name
}

func (r Request) String() string {
	return fmt.Sprintf("%s: %s of %s", r.Operation, r.Constraint, strings.Join(r.Paths, ", "))
}

// HTTP is the request as a client sends it to the server at base.
func (m *Model) HTTP(base string, r Request) (*http.Request, error) {
	operation := m.Operations[r.Operation]
	target, query := operation.HTTP.RequestURI, url.Values{}
	for name, value := range r.Params {
		if m.input(r.Operation).Members[name].Location == "uri" {
			target = strings.ReplaceAll(target, "{"+name+"}", url.PathEscape(value))
		} else {
			query.Set(name, value)
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return http.NewRequest(operation.HTTP.Method, base+target, bytes.NewReader(r.Body))
}

// Params are valid values for the members of an operation's input that lie in path and query and are required.
func (m *Model) Params(operation string) map[string]string {
	params := map[string]string{}
	input := m.input(operation)
	for name, member := range input.Members {
		if member.Location != "" && slices.Contains(input.Required, name) {
			params[name] = m.text(m.Shapes[member.Shape], name)
		}
	}
	return params
}

// HasBody says whether an operation's input has members in the body.
func (m *Model) HasBody(operation string) bool {
	for _, member := range m.input(operation).Members {
		if member.Location == "" {
			return true
		}
	}
	return false
}

// body fills an operation's whole body, by way of steps.
func (m *Model) body(operation string, steps []string) any {
	return m.fill(m.Operations[operation].Input.Shape, "", steps)
}

func (m *Model) request(operation string, body any, constraint string, paths ...string) Request {
	r := Request{Operation: operation, Params: m.Params(operation), Constraint: constraint, Paths: paths}
	if m.HasBody(operation) {
		r.Body = marshal(body)
	}
	return r
}

// Valid makes requests that fill everything: together they take every alternative of every union.
func (m *Model) Valid(operation string) []Request {
	if !m.HasBody(operation) {
		return []Request{m.request(operation, nil, "")}
	}
	var requests []Request
	seen := map[string]bool{}
	add := func(steps []string) {
		r := m.request(operation, m.body(operation, steps), "")
		if !seen[string(r.Body)] {
			seen[string(r.Body)] = true
			requests = append(requests, r)
		}
	}
	add(nil)
	m.sites(m.Operations[operation].Input.Shape, nil, func(at site) {
		for _, alternative := range m.Alternatives(at.shape) {
			add(append(slices.Clone(at.steps), alternative))
		}
	})
	return requests
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("shapetest: %v", err)) // only maps, lists, strings, numbers and booleans were put in
	}
	return b
}
