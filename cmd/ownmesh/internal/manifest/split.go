package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/internal/importer/cloudformation"
)

// split takes a file apart into documents: JSON values one after another, or YAML documents; a list holds one
// document an element. What was read before a fault comes back with the error.
func split(file string, data []byte) ([]raw, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		raws, err := splitJSON(file, data)
		if err == nil {
			return raws, nil
		}
		// YAML in flow style looks alike at its start. Of a file that is neither, the complaint about JSON helps more.
		if raws, err := splitYAML(file, data); err == nil {
			return raws, nil
		}
		return raws, err
	}
	raws, err := splitYAML(file, data)
	if err == nil && len(raws) == 0 {
		err = fmt.Errorf("%s holds no document", file)
	}
	return raws, err
}

func splitJSON(file string, data []byte) ([]raw, error) {
	var raws []raw
	lines := lineCounter{data: data}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		start := lines.skipSpace(int(dec.InputOffset()))
		var v json.RawMessage
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return raws, nil
		} else if err != nil {
			line := lines.at(start)
			if s := (*json.SyntaxError)(nil); errors.As(err, &s) {
				line = lines.at(int(s.Offset))
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				line, err = lines.at(len(bytes.TrimRight(data, " \t\r\n"))), errors.New("the file ends before a JSON value does: is a bracket or brace missing?")
			}
			return raws, fmt.Errorf("%s: document %d (line %d): %w", file, len(raws)+1, line, err)
		}
		if v[0] != '[' {
			r := raw{file: file, number: len(raws) + 1, line: lines.at(start), data: v}
			if r.template, err = templateOf(v, r.line); err != nil {
				return raws, fmt.Errorf("%s: %w", file, err)
			}
			raws = append(raws, r)
			continue
		}
		elements, err := elementsOf(v)
		if err != nil {
			return raws, fmt.Errorf("%s: document %d (line %d): %w", file, len(raws)+1, lines.at(start), err)
		}
		for _, e := range elements {
			raws = append(raws, raw{file: file, number: len(raws) + 1, line: lines.at(start + e.offset), data: e.data})
		}
	}
}

// templateOf makes nodes of a JSON document that is a template; nil for others.
func templateOf(v json.RawMessage, line int) (*yaml.Node, error) {
	if !bytes.Contains(v, []byte(`"Resources"`)) {
		return nil, nil
	}
	n, err := cloudformation.FromJSON(v, line)
	if err != nil || !cloudformation.Is(n) {
		return nil, err
	}
	return n, nil
}

type element struct {
	offset int // in the list's text
	data   json.RawMessage
}

func elementsOf(list json.RawMessage) ([]element, error) {
	dec := json.NewDecoder(bytes.NewReader(list))
	if _, err := dec.Token(); err != nil { // the bracket
		return nil, err
	}
	var elements []element
	for dec.More() {
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		elements = append(elements, element{offset: int(dec.InputOffset()) - len(v), data: v})
	}
	return elements, nil
}

func splitYAML(file string, data []byte) ([]raw, error) {
	var raws []raw
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return raws, nil
		} else if err != nil {
			line, said := yamlFault(data, err)
			return raws, fmt.Errorf("%s: %s", whereFault(file, len(raws)+1, line), said)
		}
		if len(doc.Content) != 1 || isNull(doc.Content[0]) {
			continue // comments only
		}
		nodes := doc.Content
		if nodes[0].Kind == yaml.SequenceNode {
			nodes = nodes[0].Content
		}
		for _, n := range nodes {
			r := raw{file: file, number: len(raws) + 1, line: n.Line}
			if cloudformation.Is(n) {
				r.template = n
				raws = append(raws, r)
				continue
			}
			j, err := toJSON(n)
			if err != nil {
				return raws, fmt.Errorf("%s: %w", where(file, r.number, r.line), err)
			}
			r.data = j
			raws = append(raws, r)
		}
	}
}

// lineCounter finds lines of growing offsets without counting from the start each time.
type lineCounter struct {
	data       []byte
	seen, line int
}

func (c *lineCounter) at(offset int) int {
	offset = min(offset, len(c.data))
	if offset < c.seen {
		c.seen, c.line = 0, 0
	}
	c.line += bytes.Count(c.data[c.seen:offset], []byte("\n"))
	c.seen = offset
	return c.line + 1
}

func (c *lineCounter) skipSpace(offset int) int {
	return offset + len(c.data[offset:]) - len(bytes.TrimLeft(c.data[offset:], " \t\r\n"))
}
