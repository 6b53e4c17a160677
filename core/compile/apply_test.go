package compile_test

import (
	"testing"

	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

// TestCostOfAChange is the promise that a change costs what it reaches: as much in a mesh of 10,000 nodes as in one
// of 100.
func TestCostOfAChange(t *testing.T) {
	costs := map[string]map[int]compile.Work{}
	for _, n := range []int{100, 10000} {
		c := compile.Compile(compile.Options{}, meshtest.Grid(n))
		for _, change := range gridChanges(n) {
			before := c.Work()
			out := c.Apply([]compile.Change{change.make(c.Generation()+1, 0)})
			after := c.Work()
			if len(out.Resources) == 0 {
				t.Errorf("%s changed nothing", change.name)
			}
			if costs[change.name] == nil {
				costs[change.name] = map[int]compile.Work{}
			}
			costs[change.name][n] = compile.Work{Units: after.Units - before.Units, Marshalled: after.Marshalled - before.Marshalled}
		}
	}
	for name, cost := range costs {
		t.Logf("%s: %+v", name, cost[100])
		if cost[100] != cost[10000] {
			t.Errorf("%s costs %+v in a mesh of 100 nodes, %+v in one of 10,000", name, cost[100], cost[10000])
		}
	}
	if got := costs["outlier"][100].Marshalled; got != 1 {
		t.Errorf("an outlier detection's change marshalled %d resources, want the node's one shared cluster", got)
	}
	if got := costs["route"][100].Marshalled; got != meshtest.GridBackends {
		t.Errorf("a route's change marshalled %d resources, want one for each of its %d callers", got, meshtest.GridBackends)
	}
}
