package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// This file: YAML to JSON with YAML 1.2's meaning of plain words, where yes, no, on and off are strings: they are
// common header values.

// Bounds that keep aliases of aliases from growing without end.
const (
	maxDepth = 100
	maxNodes = 1_000_000
)

type converter struct {
	out   bytes.Buffer
	nodes int
}

func toJSON(n *yaml.Node) (json.RawMessage, error) {
	var c converter
	if err := c.write(n, 0); err != nil {
		return nil, err
	}
	return c.out.Bytes(), nil
}

func (c *converter) write(n *yaml.Node, depth int) error {
	if err := c.count(n, depth); err != nil {
		return err
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.write(n.Alias, depth+1)
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		c.out.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				c.out.WriteByte(',')
			}
			if err := c.write(e, depth+1); err != nil {
				return err
			}
		}
		c.out.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		return c.scalar(n)
	default:
		return fmt.Errorf("line %d: this is no value", n.Line)
	}
}

// count ends what would take for ever: every value that is looked at counts, also one behind aliases and merges.
func (c *converter) count(n *yaml.Node, depth int) error {
	if c.nodes++; c.nodes > maxNodes {
		return fmt.Errorf("line %d: more than %d values: aliases of aliases?", n.Line, maxNodes)
	}
	if depth > maxDepth {
		return fmt.Errorf("line %d: nested deeper than %d", n.Line, maxDepth)
	}
	return nil
}

func (c *converter) mapping(n *yaml.Node, depth int) error {
	pairs, err := c.pairs(n, depth)
	if err != nil {
		return err
	}
	c.out.WriteByte('{')
	for i, p := range pairs {
		if i > 0 {
			c.out.WriteByte(',')
		}
		if err := c.value(p.key.Value); err != nil {
			return err
		}
		c.out.WriteByte(':')
		if err := c.write(p.value, depth+1); err != nil {
			return err
		}
	}
	c.out.WriteByte('}')
	return nil
}

type pair struct{ key, value *yaml.Node }

// pairs reads a mapping's members, those that it merges in (<<) included: they yield to its own.
func (c *converter) pairs(n *yaml.Node, depth int) ([]pair, error) {
	var own, merged []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() == "!!merge" {
			more, err := c.merge(value, depth+1)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a member's name must be a string", key.Line)
		}
		if seen[key.Value] {
			return nil, fmt.Errorf("line %d: member %s is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		own = append(own, pair{key, value})
	}
	for _, p := range merged {
		if !seen[p.key.Value] {
			seen[p.key.Value] = true
			own = append(own, p)
		}
	}
	return own, nil
}

func (c *converter) merge(n *yaml.Node, depth int) ([]pair, error) {
	if err := c.count(n, depth); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.merge(n.Alias, depth+1)
	case yaml.MappingNode:
		return c.pairs(n, depth+1)
	case yaml.SequenceNode:
		var all []pair
		for _, e := range n.Content {
			more, err := c.merge(e, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	default:
		return nil, fmt.Errorf("line %d: << must name an object or a list of them", n.Line)
	}
}

func (c *converter) scalar(n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		c.out.WriteString("null")
		return nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return fmt.Errorf("line %d: %q is no truth value", n.Line, n.Value)
		}
		return c.value(b)
	case "!!int":
		return c.number(n)
	case "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("line %d: %q is no number that JSON knows", n.Line, n.Value)
		}
		if json.Valid([]byte(n.Value)) { // as it was written: 1.50 stays 1.50
			c.out.WriteString(n.Value)
			return nil
		}
		return c.value(f)
	case "!!str", "!!timestamp":
		return c.value(n.Value)
	default:
		return fmt.Errorf("line %d: values of type %s have no place here", n.Line, n.ShortTag())
	}
}

// number writes YAML's decimal, hexadecimal, octal and binary integers as decimals.
func (c *converter) number(n *yaml.Node) error {
	if json.Valid([]byte(n.Value)) {
		c.out.WriteString(n.Value)
		return nil
	}
	var i int64
	var u uint64
	switch {
	case n.Decode(&i) == nil:
		c.out.WriteString(strconv.FormatInt(i, 10))
	case n.Decode(&u) == nil:
		c.out.WriteString(strconv.FormatUint(u, 10))
	default:
		return fmt.Errorf("line %d: %q is no number that JSON knows", n.Line, n.Value)
	}
	return nil
}

func (c *converter) value(v any) error {
	j, err := json.Marshal(v)
	if err != nil {
		return errors.New("value can't be written as JSON: " + err.Error())
	}
	c.out.Write(j)
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
