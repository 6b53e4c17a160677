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

// A deleted mesh is a tombstone, and nothing brings it back.
func TestDeletedMesh(t *testing.T) {
	state := meshtest.Grid(3)
	c := compile.Compile(compile.Options{}, state)
	g := c.Generation()
	out := c.Apply([]compile.Change{{Generation: g + 1, Key: state.Mesh.Key, Caller: "me"}})
	if !out.Deleted || len(out.Resources)+len(out.Removed)+len(out.Proxies) > 0 || len(out.Causes) != 1 || !out.Causes[0].Deleted {
		t.Errorf("the change is %+v, want a tombstone alone", out)
	}
	if cfg := c.Config(); !cfg.Deleted || len(cfg.Resources)+len(cfg.Proxies) > 0 || cfg.Generation != g+1 || len(c.Findings()) > 0 {
		t.Errorf("left: %+v", cfg)
	}
	r := meshtest.New(meshtest.NodeKey(1), "{}")
	if out := c.Apply([]compile.Change{{Generation: g + 2, Key: r.Key, Resource: &r}}); out.Deleted || len(out.Proxies) > 0 {
		t.Errorf("after the end: %+v", out)
	}
	if gone := compile.Compile(compile.Options{}, compile.State{Mesh: state.Mesh, Deleted: true, Resources: state.Resources}); len(gone.Config().Proxies) > 0 {
		t.Error("a deleted mesh was compiled")
	}
}

// A change that was applied before does nothing, and nothing to publish still moves the generation.
func TestOldAndEmptyChanges(t *testing.T) {
	state := meshtest.Grid(3)
	c := compile.Compile(compile.Options{}, state)
	g := c.Generation()
	if out := c.Apply([]compile.Change{{Generation: g, Key: meshtest.NodeKey(1)}}); len(out.Causes) > 0 || !out.Empty() || out.Generation != g {
		t.Errorf("an old change made %+v", out)
	}
	same := state.Resources[meshtest.NodeKey(1)]
	same.Version++
	if out := c.Apply([]compile.Change{{Generation: g + 1, Key: same.Key, Resource: &same}}); len(out.Causes) != 1 || len(out.Resources) > 0 || out.Generation != g+1 {
		t.Errorf("an equal spec made %+v", out)
	}
}

// A node made again under its old name is another proxy, with the same resources.
func TestNameUsedAgain(t *testing.T) {
	state := meshtest.Grid(3)
	c := compile.Compile(compile.Options{}, state)
	g := c.Generation()
	again := state.Resources[meshtest.NodeKey(1)]
	again.UID = "another"
	out := c.Apply([]compile.Change{{Generation: g + 1, Key: again.Key}, {Generation: g + 2, Key: again.Key, Resource: &again}})
	if p, ok := out.Proxies["virtualNode/n1"]; !ok || p.UID != "another" || len(out.Resources)+len(out.Removed) > 0 {
		t.Errorf("%+v", out)
	}
}

func TestStaticSaysWhatIsMissing(t *testing.T) {
	c := compile.Compile(compile.Options{}, meshtest.Grid(3))
	if _, err := c.Static("virtualNode/gone", compile.StaticOptions{}); err == nil {
		t.Error("a proxy that is not there has a configuration")
	}
	if _, err := c.Static("virtualNode/n1", compile.StaticOptions{Explicit: true}); err == nil {
		t.Error("explicit interception is off, yet configured")
	}
}
