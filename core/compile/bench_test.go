package compile_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

var sizes = []int{100, 1000, 10000}

// BenchmarkCompile compiles whole meshes. Run with -cpu 1: it uses one core.
func BenchmarkCompile(b *testing.B) {
	for _, n := range sizes {
		state := meshtest.Grid(n)
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compile.Compile(compile.Options{}, state)
			}
		})
	}
}

// BenchmarkApply changes one thing again and again.
func BenchmarkApply(b *testing.B) {
	for _, n := range sizes {
		c := compile.Compile(compile.Options{}, meshtest.Grid(n))
		for _, change := range gridChanges(n) {
			b.Run(fmt.Sprintf("%s/nodes=%d", change.name, n), func(b *testing.B) {
				b.ReportAllocs()
				before := c.Work()
				for i := 0; b.Loop(); i++ {
					c.Apply([]compile.Change{change.make(c.Generation()+1, i)})
				}
				after := c.Work()
				b.ReportMetric(float64(after.Units-before.Units)/float64(b.N), "units/op")
				b.ReportMetric(float64(after.Marshalled-before.Marshalled)/float64(b.N), "resources/op")
			})
		}
	}
}

type gridChange struct {
	name string
	make func(generation int64, i int) compile.Change
}

// gridChanges are changes of a Grid of n nodes whose cost must not depend on n.
func gridChanges(n int) []gridChange {
	change := func(name string, key resource.Key, spec func(i int) string) gridChange {
		return gridChange{name: name, make: func(generation int64, i int) compile.Change {
			r := meshtest.New(key, "")
			r.Spec = json.RawMessage(spec(i))
			return compile.Change{Generation: generation, Key: key, Resource: &r}
		}}
	}
	return []gridChange{
		change("outlier", meshtest.NodeKey(7), func(i int) string { return meshtest.NodeSpec(7, n, 5+i%2) }),
		change("route", meshtest.RouteKey(7), func(i int) string { return meshtest.RouteSpec(7, 50+i%2) }),
	}
}
