package bootstrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"
)

// Fragment is a piece of bootstrap that a user brings, laid over the rendered one as App Mesh's agent did: clusters,
// listeners, secrets and stats sinks are added; tracing and stats_config must not be there already; anything else
// replaces what is there. Below these members Envoy alone judges what is in it.
type Fragment struct {
	Name string // of the file, for errors
	YAML []byte
}

// overlay lays fragments over a bootstrap in JSON. Members may be in snake_case or lowerCamelCase.
func overlay(j []byte, fragments []Fragment) ([]byte, error) {
	if len(fragments) == 0 {
		return j, nil
	}
	whole := map[string]any{}
	if err := json.Unmarshal(j, &whole); err != nil {
		return nil, fmt.Errorf("read the bootstrap back: %w", err)
	}
	for _, f := range fragments {
		var piece map[string]any
		if err := yaml.Unmarshal(f.YAML, &piece); err != nil {
			return nil, fmt.Errorf("%s must be YAML with members of an Envoy bootstrap: %w", f.Name, err)
		}
		if err := lay(whole, piece); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return json.Marshal(whole)
}

func lay(whole, piece map[string]any) error {
	piece, err := snakeCased(piece)
	if err != nil {
		return err
	}
	for _, member := range slices.Sorted(maps.Keys(piece)) {
		value := piece[member]
		switch member {
		case "tracing", "stats_config":
			if _, ok := whole[member]; ok {
				return fmt.Errorf("%s is set already", member)
			}
			whole[member] = value
		case "stats_sinks":
			err = extend(whole, member, value)
		case "static_resources":
			err = layResources(whole, value)
		default:
			whole[member] = value
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func layResources(whole map[string]any, value any) error {
	piece, ok := value.(map[string]any)
	if !ok {
		return errors.New("static_resources must be a map of lists")
	}
	piece, err := snakeCased(piece)
	if err != nil {
		return err
	}
	resources, ok := whole["static_resources"].(map[string]any)
	if !ok {
		return errors.New("the bootstrap has no static_resources to add to") // never: the relay's cluster is there
	}
	for _, kind := range slices.Sorted(maps.Keys(piece)) {
		if err := extend(resources, kind, piece[kind]); err != nil {
			return fmt.Errorf("static_resources: %w", err)
		}
	}
	return nil
}

func extend(in map[string]any, member string, value any) error {
	more, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%s must be a list", member)
	}
	have, _ := in[member].([]any) // none yet
	in[member] = slices.Concat(have, more)
	return nil
}

// snakeCased gives a map's own members Envoy's names.
func snakeCased(m map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		snake := snake(name)
		if _, ok := out[snake]; ok {
			return nil, fmt.Errorf("%s is there twice, once as %s", snake, name)
		}
		out[snake] = m[name]
	}
	return out, nil
}

func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
