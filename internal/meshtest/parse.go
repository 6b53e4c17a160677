package meshtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	yaml3 "go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
)

// Read is Parse of a file; the test fails if it can't be read.
func Read(tb testing.TB, file string) compile.State {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	state, err := Parse(text)
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return state
}

// Parse makes a mesh's state from YAML documents: each is a Create request's input plus its kind. The API's checks
// within one resource are made; those between resources aren't, so that broken meshes can be written too. Uids follow
// from kinds and names, and the generation is the number of documents.
func Parse(text []byte) (compile.State, error) {
	state := compile.State{Resources: map[resource.Key]resource.Resource{}}
	docs := yaml3.NewDecoder(bytes.NewReader(text))
	for n := 1; ; n++ {
		var doc map[string]any
		if err := docs.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return state, fmt.Errorf("document %d: %w", n, err)
		}
		if doc == nil {
			continue
		}
		r, err := document(doc)
		if err != nil {
			return state, fmt.Errorf("document %d: %w", n, err)
		}
		state.Generation++
		if r.Kind == resource.KindMesh {
			state.Mesh = r
			continue
		}
		if _, ok := state.Resources[r.Key]; ok {
			return state, fmt.Errorf("document %d: %s is there before", n, r.Key)
		}
		state.Resources[r.Key] = r
	}
	if state.Mesh.Name == "" {
		return state, errors.New("no document of kind Mesh")
	}
	return state, nil
}

// document makes a resource of one document.
func document(doc map[string]any) (resource.Resource, error) {
	kind, _ := doc["kind"].(string)
	info, ok := resource.ParseKind(kind)
	if !ok {
		return resource.Resource{}, fmt.Errorf("unknown kind %q", kind)
	}
	delete(doc, "kind")
	key := resource.Key{Kind: info.Kind}
	if info.Kind != resource.KindMesh {
		delete(doc, "meshName") // in requests it lies in the path
	}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		key.Parent, _ = doc[parent.NameMember].(string)
		delete(doc, parent.NameMember)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return resource.Resource{}, err
	}
	request, violations := resource.ParseRequest("Create"+info.Title, body)
	if len(violations) > 0 {
		return resource.Resource{}, fmt.Errorf("%s: %v", kind, violations)
	}
	key.Name = request.Name
	return New(key, string(request.Spec)), nil
}

// New makes a resource with a spec in JSON. Its uid follows from its key.
func New(key resource.Key, spec string) resource.Resource {
	sum := sha256.Sum256([]byte(key.String()))
	return resource.Resource{Key: key, UID: hex.EncodeToString(sum[:8]), Version: 1, Spec: json.RawMessage(spec)}
}
