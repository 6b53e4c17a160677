package artifacttest_test

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func TestLog(t *testing.T) {
	artifacttest.RunLog(t, func(*testing.T) artifact.Objects { return artifacttest.NewMemory() })
}
