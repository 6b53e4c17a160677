package folder_test

import (
	"testing"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func open(t testing.TB, dir string) *folder.Objects {
	t.Helper()
	o, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func TestContract(t *testing.T) {
	artifacttest.RunObjects(t, func(t *testing.T) artifact.Objects { return open(t, t.TempDir()) })
}
