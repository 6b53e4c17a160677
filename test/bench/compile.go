package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

const (
	publishBar = 2000 // ms: compiling and publishing publishNodes
	// publishNodes is the size of mesh that the bar is for.
	publishNodes = 1000
	// equalBar is for counts that must not grow with the mesh: those in the largest, to those in the smallest.
	equalBar = 1
	// sizeBar is the same for compressed bytes, which checksums make vary by a few.
	sizeBar = 1.05
)

// generation is where each mesh begins that is compiled here: large, so that it has as many digits in all of them.
const generation = 1_000_000

// sizes are the meshes' numbers of nodes.
func (b *bench) sizes() []int {
	if b.quick {
		return []int{100, 1000}
	}
	return []int{100, 1000, 10_000}
}

// edit is a kind of change, made again and again: n tells one time from the next. It concerns the same node, with the
// same neighbours, in a mesh of any size.
type edit struct {
	name string
	key  resource.Key
	spec func(nodes, n int) string
}

// edited is the node that edits concern. It and those around it have the same names in every mesh.
const edited = 50

func edits() []edit {
	return []edit{
		{"a route's weight", meshtest.RouteKey(edited), func(_, n int) string { return meshtest.RouteSpec(edited, 10+n%80) }},
		{"a node's outlier detection", meshtest.NodeKey(edited), func(nodes, n int) string { return meshtest.NodeSpec(edited, nodes, 10+n%80) }},
	}
}

func (e edit) resource(nodes, n int) *resource.Resource {
	r := meshtest.New(e.key, e.spec(nodes, n))
	return &r
}

// grid is a mesh of so many nodes.
func grid(nodes int) compile.State {
	state := meshtest.Grid(nodes)
	state.Generation = generation
	return state
}

// cost is what one change costs the compiler.
type cost struct {
	units, marshalled, resources, bytes int64
	took                                time.Duration
}

// measureCompile compiles meshes of several sizes, on one core, whole and after changes.
func measureCompile(ctx context.Context, b *bench) error {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	costs := map[string][]cost{} // by edit, one a size
	for _, nodes := range b.sizes() {
		b.progress("compile: %s nodes", count(int64(nodes)))
		compiled, err := b.compileWhole(ctx, nodes)
		if err != nil {
			return err
		}
		for _, e := range edits() {
			c := applyEdits(compiled, e, nodes)
			costs[e.name] = append(costs[e.name], c)
			b.report.note(result{
				Measure: "compile", What: "after " + e.name, At: count(int64(nodes)) + " nodes", Value: ms(c.took), Unit: "ms",
				Note: fmt.Sprintf("%d units, %d resources marshalled, %d changed", c.units, c.marshalled, c.resources),
			})
		}
	}
	for _, e := range edits() {
		b.compareCosts(e, costs[e.name])
	}
	return nil
}

// compileWhole compiles a mesh from nothing and publishes it to a folder.
func (b *bench) compileWhole(ctx context.Context, nodes int) (*compile.Compiled, error) {
	rounds := 3
	if b.quick || nodes >= 10_000 {
		rounds = 1
	}
	state := grid(nodes)
	var compiled *compile.Compiled
	var compiling, publishing []time.Duration
	for range rounds {
		runtime.GC()
		start := time.Now()
		compiled = compile.Compile(compile.Options{}, state)
		compiling = append(compiling, time.Since(start))
		start = time.Now()
		if err := publish(ctx, compiled.Config()); err != nil {
			return nil, err
		}
		publishing = append(publishing, time.Since(start))
	}
	whole, published := median(compiling), median(publishing)
	x := result{
		Measure: "compile", What: "whole, and published", At: count(int64(nodes)) + " nodes", Value: ms(whole + published), Unit: "ms",
		Note: fmt.Sprintf("compiling %s ms, publishing %s ms; %s resources, one core", short(whole), short(published),
			count(int64(len(compiled.Config().Resources)))),
		Details: map[string]float64{"compileMs": ms(whole), "publishMs": ms(published)},
	}
	if nodes == publishNodes {
		x.Bar = publishBar
	}
	b.report.note(x)
	return compiled, nil
}

// publish writes a config as the first state of a log.
func publish(ctx context.Context, config *artifact.Config) error {
	dir, err := os.MkdirTemp("", "ownmesh-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	objects, err := folder.Open(dir)
	if err != nil {
		return fmt.Errorf("open a folder for the log: %w", err)
	}
	defer objects.Close()
	_, err = artifact.NewWriter(objects, config.UID, artifact.ConfigLog, artifact.WriterOptions{}).NewEpoch(ctx, artifact.Position{}, config)
	return err
}

// applyEdits makes an edit many times over. Counts are of the last, the time is the median.
func applyEdits(compiled *compile.Compiled, e edit, nodes int) cost {
	const times = 50
	var c cost
	var took []time.Duration
	for n := range times {
		changes := []compile.Change{{Generation: compiled.Generation() + 1, Key: e.key, Resource: e.resource(nodes, n), Caller: "bench"}}
		before := compiled.Work()
		start := time.Now()
		change := compiled.Apply(changes)
		took = append(took, time.Since(start))
		after := compiled.Work()
		c.units, c.marshalled = int64(after.Units-before.Units), int64(after.Marshalled-before.Marshalled)
		c.resources = int64(len(change.Resources) + len(change.Removed) + len(change.Proxies))
		c.bytes = spelt(change)
	}
	c.took = median(took)
	return c
}

// spelt is how many bytes a change has as JSON.
func spelt(change artifact.ConfigChange) int64 {
	text, err := json.Marshal(change)
	if err != nil {
		return -1 // it then differs from none, and fails the bar that it be equal
	}
	return int64(len(text))
}

// compareCosts gates that a change costs what it reaches, not what the mesh holds.
func (b *bench) compareCosts(e edit, costs []cost) {
	first, last := costs[0], costs[len(costs)-1]
	sizes := b.sizes()
	for _, x := range []struct {
		what        string
		first, last int64
	}{
		{"units", first.units, last.units},
		{"resources", first.resources, last.resources},
		{"bytes", first.bytes, last.bytes},
	} {
		b.report.gate(result{
			Measure: "compile", What: fmt.Sprintf("%s of %s", x.what, e.name), At: fmt.Sprintf("%s to %s nodes", count(int64(sizes[0])), count(int64(sizes[len(sizes)-1]))),
			Value: ratio(x.first, x.last), Unit: "x", Bar: equalBar, Note: fmt.Sprintf("%s and %s", count(x.first), count(x.last)),
		})
	}
}
