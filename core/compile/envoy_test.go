package compile_test

import (
	"flag"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

var (
	randomMeshes = flag.Int("meshes", 12, "how many random meshes the real Envoy is asked about")
	firstMesh    = flag.Int("first", 0, "seed of the first of them")
)

var randomMesh = rapid.Custom(func(t *rapid.T) compile.State {
	state := compile.State{Mesh: meshtest.New(resource.Key{Kind: resource.KindMesh, Name: "m"}, "{}"), Resources: map[resource.Key]resource.Resource{}}
	for range rapid.IntRange(20, 40).Draw(t, "size") {
		change(t, &state)
	}
	state.Certificates = randomCertificates(t)
	return state
})

// TestEnvoyTakesRandomMeshes asks the real Envoy about what is made of meshes full of mistakes: it must never refuse.
func TestEnvoyTakesRandomMeshes(t *testing.T) {
	bin := envoybin.Find(t)
	for seed := *firstMesh; seed < *firstMesh+*randomMeshes; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := compile.Compile(compile.Options{Interception: resource.Explicit}, randomMesh.Example(seed))
			sound(t, c.Config())
			for key, p := range c.Config().Proxies {
				validate(t, bin, c, key, false)
				if p.Explicit != nil {
					validate(t, bin, c, key, true)
				}
			}
		})
	}
}
