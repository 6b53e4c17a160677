package cloudformation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// This file: nodes of YAML and JSON.

type pair struct{ key, value *yaml.Node }

// pairs lists a mapping's members, behind an alias too; nil for anything else.
func pairs(n *yaml.Node) []pair {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, pair{n.Content[i], n.Content[i+1]})
	}
	return all
}

// follow leads from an alias to what it stands for. An alias never names another: YAML resolves that.
func follow(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child is a mapping's member of this name; nil if there is none.
func child(n *yaml.Node, name string) *yaml.Node {
	for _, p := range pairs(n) {
		if p.key.Value == name {
			return p.value
		}
	}
	return nil
}

// function takes an intrinsic function apart: !Sub x, or {"Fn::Sub": x}. Its name is the long one.
func function(n *yaml.Node) (name string, argument *yaml.Node, ok bool) {
	if short, tagged := strings.CutPrefix(n.Tag, "!"); tagged && short != "" && !strings.HasPrefix(short, "!") {
		plain := *n
		plain.Tag = map[yaml.Kind]string{yaml.ScalarNode: "!!str", yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}[n.Kind]
		if short != "Ref" && short != "Condition" {
			short = "Fn::" + short
		}
		return short, &plain, true
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return "", nil, false
	}
	key := n.Content[0].Value
	if key == "Ref" || strings.HasPrefix(key, "Fn::") {
		return key, n.Content[1], true
	}
	return "", nil, false
}

const maxDepth = 100

// FromJSON makes nodes of a JSON value, whose first line in its file is given. Each node knows its line.
func FromJSON(data json.RawMessage, line int) (*yaml.Node, error) {
	r := jsonReader{data: data, line: line, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	return r.value(0)
}

type jsonReader struct {
	data []byte
	dec  *json.Decoder
	seen int // bytes whose lines are counted
	line int
}

// next is the next token, and the line it ends in: tokens span lines nowhere.
func (r *jsonReader) next() (json.Token, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", r.line, err)
	}
	end := int(r.dec.InputOffset())
	r.line += bytes.Count(r.data[r.seen:end], []byte("\n"))
	r.seen = end
	return t, nil
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d", r.line, maxDepth)
	}
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line}
	switch t := t.(type) {
	case json.Delim:
		return r.collection(n, t, depth)
	case string:
		n.Tag, n.Value = "!!str", t
	case json.Number:
		n.Tag, n.Value = "!!int", t.String()
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	case nil:
		n.Tag = "!!null"
	}
	return n, nil
}

func (r *jsonReader) collection(n *yaml.Node, open json.Delim, depth int) (*yaml.Node, error) {
	n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for r.dec.More() {
		if open == '{' {
			key, err := r.next()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, errors.New("a member's name must be a string")
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: r.line})
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, v)
	}
	_, err := r.next() // the bracket that closes
	return n, err
}

// shown is a text as messages have it, shortened.
func shown(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

func sortedNames(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(names, ", ")
}
