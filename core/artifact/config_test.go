package artifact_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Every part of a resource but its ID makes another hash, and no two parts can be taken for each other.
func TestHash(t *testing.T) {
	id := artifact.ID{Type: artifact.Cluster, Name: "c"}
	sel := func(change func(*endpoint.Selector)) *endpoint.Selector {
		s := &endpoint.Selector{ServiceKey: endpoint.ServiceKey{Namespace: "n", Service: "s"}, Port: 1}
		if change != nil {
			change(s)
		}
		return s
	}
	attributes := func(m map[string]string) *endpoint.Selector {
		return sel(func(s *endpoint.Selector) { s.Attributes = m })
	}
	different := []artifact.Resource{
		artifact.NewResource(id, nil, nil, "", nil),
		artifact.NewResource(artifact.ID{Type: artifact.Route, Name: "c"}, nil, nil, "", nil),
		artifact.NewResource(id, []byte{0}, nil, "", nil),
		artifact.NewResource(id, []byte("proxy"), nil, "", nil),
		artifact.NewResource(id, nil, nil, "proxy", nil),
		artifact.NewResource(id, nil, nil, "", []string{"proxy"}),
		artifact.NewResource(id, nil, nil, "", []string{"pro", "xy"}),
		artifact.NewResource(id, nil, nil, "", nil).Overlapping(),
		artifact.NewResource(id, nil, nil, "", nil).Permitting(),
		artifact.NewResource(id, nil, &endpoint.Selector{}, "", nil),
		artifact.NewResource(id, nil, sel(nil), "", nil),
		artifact.NewResource(id, nil, sel(func(s *endpoint.Selector) { s.Namespace, s.Service = "", "ns" }), "", nil),
		artifact.NewResource(id, nil, sel(func(s *endpoint.Selector) { s.Port = 2 }), "", nil),
		artifact.NewResource(id, nil, sel(func(s *endpoint.Selector) { s.IPPreference = "IPv6_ONLY" }), "", nil),
		artifact.NewResource(id, nil, attributes(map[string]string{"a": "b", "c": "d"}), "", nil),
		artifact.NewResource(id, nil, attributes(map[string]string{"a": "bc", "": "d"}), "", nil),
		artifact.NewResource(id, nil, attributes(map[string]string{"a": "d", "c": "b"}), "", nil),
	}
	seen := map[string]int{}
	for i, r := range different {
		if before, ok := seen[r.Hash]; ok || len(r.Hash) != 32 {
			t.Errorf("%d and %d have the hash %q", before, i, r.Hash)
		}
		seen[r.Hash] = i
	}
	equal := func(what string, a, b artifact.Resource) {
		if a.Hash != b.Hash {
			t.Errorf("another hash: %s", what)
		}
	}
	a := artifact.NewResource(id, []byte("x"), nil, "", []string{"b", "a", "b"})
	equal("name and scope", a, artifact.NewResource(artifact.ID{Type: id.Type, Name: "d", Scope: "s"}, []byte("x"), nil, "", []string{"a", "b"}))
	equal("no needs", different[0], artifact.NewResource(id, []byte{}, nil, "", []string{}))
	if !slices.Equal(a.Needs, []string{"a", "b"}) {
		t.Errorf("needs: %v", a.Needs)
	}
	needs := []string{"b", "a"}
	artifact.NewResource(id, nil, nil, "", needs)
	if needs[0] != "b" {
		t.Error("the caller's needs were sorted in place")
	}
}

func TestDiffAndApply(t *testing.T) {
	old := artifacttest.Mesh(uid, 6)
	new := artifacttest.Clone(old)
	new.Generation, new.Compiler = 7, 2
	for _, r := range []artifact.Resource{
		artifacttest.Resource(artifacttest.SharedRoute(2), 9),
		artifacttest.Resource(artifact.ID{Type: artifact.Secret, Name: "s"}, 1),
		artifacttest.Resource(artifact.ID{Type: artifact.Cluster, Name: "a"}, 1),
	} {
		new.Resources[r.ID] = r
	}
	var gone []artifact.ID
	for id := range old.Resources {
		if id.Scope == "virtualNode/node-3" {
			gone = append(gone, id)
			delete(new.Resources, id)
		}
	}
	delete(new.Proxies, "virtualNode/node-3")
	p := new.Proxies["virtualNode/node-1"]
	p.Explicit = []artifact.ID{}
	new.Proxies["virtualNode/node-1"] = p
	c := artifact.Diff(old, new)
	if len(c.Resources) != 3 || len(c.Removed) != len(gone) || len(c.Proxies) != 1 || len(c.RemovedProxies) != 1 {
		t.Errorf("%d resources, %d removed, %d proxies, %d removed", len(c.Resources), len(c.Removed), len(c.Proxies), len(c.RemovedProxies))
	}
	if !slices.IsSortedFunc(c.Removed, artifact.ID.Compare) ||
		!slices.IsSortedFunc(c.Resources, func(a, b artifact.Resource) int { return a.ID.Compare(b.ID) }) {
		t.Error("not sorted")
	}
	for range 10 {
		if diff := cmp.Diff(c, artifact.Diff(old, new)); diff != "" {
			t.Fatalf("not deterministic:\n%s", diff)
		}
	}
	got := artifacttest.Clone(old)
	if err := got.Apply(c); err != nil {
		t.Fatal(err)
	}
	if diff := artifacttest.Difference(new, got); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if c := artifact.Diff(new, got); !c.Empty() {
		t.Errorf("difference of equals: %+v", c)
	}
	from := &artifact.Config{Mesh: new.Mesh, UID: new.UID}
	if err := from.Apply(artifact.Diff(nil, new)); err != nil {
		t.Fatal(err)
	}
	if diff := artifacttest.Difference(new, from); diff != "" {
		t.Errorf("from nothing (-want +got):\n%s", diff)
	}
	dead := &artifact.Config{Mesh: new.Mesh, UID: new.UID, Generation: 8, Compiler: 2, Deleted: true}
	if c := artifact.Diff(new, dead); !c.Deleted || c.Empty() || len(c.Removed) > 0 {
		t.Errorf("tombstone: %+v", c)
	}
	if c := artifact.Diff(dead, dead); !c.Empty() {
		t.Errorf("two tombstones: %+v", c)
	}
}

func TestApplyRefusesWhatDoesNotFit(t *testing.T) {
	there, nowhere := artifacttest.SharedRoute(1), artifact.ID{Type: artifact.Cluster, Name: "nowhere"}
	proxy := func(ids ...artifact.ID) map[artifact.ProxyKey]artifact.Proxy {
		return map[artifact.ProxyKey]artifact.Proxy{"virtualNode/x": {Transparent: ids}}
	}
	for name, c := range map[string]artifact.ConfigChange{
		"removes the unknown":            {Removed: []artifact.ID{nowhere}},
		"removes twice":                  {Removed: []artifact.ID{there, there}},
		"removes and sets":               {Removed: []artifact.ID{there}, Resources: []artifact.Resource{artifacttest.Resource(there, 2)}},
		"sets twice":                     {Resources: []artifact.Resource{artifacttest.Resource(there, 2), artifacttest.Resource(there, 3)}},
		"unknown type":                   {Resources: []artifact.Resource{{ID: artifact.ID{Type: "endpoint", Name: "e"}}}},
		"no name":                        {Resources: []artifact.Resource{{ID: artifact.ID{Type: artifact.Route}}}},
		"removes an unknown proxy":       {RemovedProxies: []artifact.ProxyKey{"virtualNode/x"}},
		"removes and sets a proxy":       {Proxies: map[artifact.ProxyKey]artifact.Proxy{"virtualNode/node-1": {}}, RemovedProxies: []artifact.ProxyKey{"virtualNode/node-1"}},
		"a set with the unknown":         {Proxies: proxy(nowhere)},
		"an explicit set with it":        {Proxies: map[artifact.ProxyKey]artifact.Proxy{"virtualNode/x": {Explicit: []artifact.ID{nowhere}}}},
		"a set with what it removes":     {Proxies: proxy(there), Removed: []artifact.ID{there}},
		"an older compiler":              {Compiler: -1},
		"a lower generation":             {Generation: -2},
		"a lower generation's tombstone": {Generation: -2, Deleted: true},
	} {
		cfg := artifacttest.Mesh(uid, 3)
		before := artifacttest.Clone(cfg)
		c.Generation, c.Compiler = c.Generation+2, c.Compiler+1
		if err := cfg.Apply(c); err == nil {
			t.Errorf("%s: no error", name)
		}
		if diff := artifacttest.Difference(before, cfg); diff != "" {
			t.Errorf("%s: changed all the same:\n%s", name, diff)
		}
	}
	cfg := artifacttest.Mesh(uid, 3)
	if err := cfg.Apply(artifact.ConfigChange{Generation: 1, Compiler: 1, Proxies: proxy(nowhere), Resources: []artifact.Resource{artifacttest.Resource(nowhere, 1)}}); err != nil {
		t.Errorf("a set with what comes with it: %v", err)
	}
	if err := cfg.Apply(artifact.ConfigChange{Generation: 1, Compiler: 1, Deleted: true}); err != nil {
		t.Error(err)
	}
	if err := cfg.Apply(artifact.ConfigChange{Generation: 2, Compiler: 1}); !errors.Is(err, artifact.ErrBehind) {
		t.Errorf("behind a tombstone: %v", err)
	}
}
