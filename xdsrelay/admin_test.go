package main

import (
	"context"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

// Who asks whether the relay is ready, and doesn't wait for the answer, makes it unready for nobody.
func TestImpatientProbes(t *testing.T) {
	store := &storeProbe{objects: artifacttest.NewMemory()}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{gone, t.Context()} {
		if err := store.reach(ctx); err != nil {
			t.Errorf("the store can't be read: %v", err)
		}
	}
}
