// Package offline compiles documents without a server: they go through the real API handler over a store in a
// temporary folder, so that what a server would refuse is refused here in the same words, and then through the real
// compiler.
//
// It opens no port and leaves nothing behind. Start with Compile.
package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/apply"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/api"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/internal/client"
)

// Who owns what is compiled here, and where; it shows in nothing but ARNs.
const (
	account = "000000000000"
	region  = "us-east-1"
)

// Mesh is a compiled mesh.
type Mesh struct {
	Name string
	*compile.Compiled
	State compile.State // what was compiled
}

// Compile compiles every mesh that documents describe, sorted by name. An error of a document is an *apply.Error.
func Compile(ctx context.Context, docs []manifest.Document, o compile.Options, step func(done, total int, d manifest.Document)) (meshes []Mesh, err error) {
	dir, err := os.MkdirTemp("", "ownmesh-compile-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := bolt.Open(filepath.Join(dir, "mesh.db"), bolt.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	registry, err := bolt.OpenRegistry(filepath.Join(dir, "instances.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()

	handler := api.New(api.Options{
		Store: s, Registry: registry, Now: time.Now, NewID: uuid.NewString, Account: account, Region: region, Partition: "aws",
	})
	if _, err := apply.Run(ctx, client.Over(inProcess{handler}), docs, apply.Options{Step: step}); err != nil {
		return nil, err
	}
	for _, name := range meshNames(docs) {
		state, err := read(ctx, s, name)
		if err != nil {
			return nil, err
		}
		meshes = append(meshes, Mesh{Name: name, Compiled: compile.Compile(o, state), State: state})
	}
	return meshes, nil
}

func meshNames(docs []manifest.Document) []string {
	var names []string
	for _, d := range docs {
		names = append(names, d.Mesh)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

const pageSize = 1000

// read reads a mesh as the compiler wants it. Nobody else writes this store, so pages are a snapshot.
func read(ctx context.Context, s store.Store, mesh string) (compile.State, error) {
	m, err := s.MeshByName(ctx, mesh)
	if err != nil {
		return compile.State{}, fmt.Errorf("read mesh %s: %w", mesh, err)
	}
	state := compile.State{Mesh: m.Resource, Generation: m.Generation, Resources: map[resource.Key]resource.Resource{}}
	for cursor := ""; ; {
		page, next, err := s.Page(ctx, m.UID, cursor, pageSize)
		if err != nil {
			return compile.State{}, fmt.Errorf("read the resources of mesh %s: %w", mesh, err)
		}
		for _, r := range page {
			state.Resources[r.Key] = r
		}
		if cursor = next; cursor == "" {
			return state, nil
		}
	}
}
