package artifact_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

// What a change costs to write, and what a log costs to open, as the mesh grows a hundredfold.
func TestCheckpointsStayCheap(t *testing.T) {
	const changes = 500
	for _, nodes := range []int{10, 100, 1000} {
		ctx, m, cfg := context.Background(), artifacttest.NewMemory(), artifacttest.Mesh(uid, nodes)
		w := artifact.NewWriter(m, uid, artifact.ConfigLog, artifact.WriterOptions{})
		at, err := w.NewEpoch(ctx, artifact.Position{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		first := m.Counts()
		worst := 0
		for i := range changes {
			c := artifacttest.Touch(cfg, i%nodes)
			if err := cfg.Apply(c); err != nil {
				t.Fatal(err)
			}
			if at, err = w.Append(ctx, at, c, func() *artifact.Config { return cfg }); err != nil {
				t.Fatal(err)
			}
			if i%97 == 0 {
				written := m.Counts()
				r := artifact.NewReader(m, uid, artifact.ConfigLog, artifact.ReaderOptions{})
				if _, err := r.Poll(ctx); err != nil {
					t.Fatal(err)
				}
				worst = max(worst, m.Counts().Calls[artifacttest.OpGet])
				add(&first, written)
			}
		}
		add(&first, m.Counts())
		full := len(m.Bytes(strings.TrimSuffix(m.Keys("meshes/")[len(m.Keys("meshes/"))-2], ".manifest")))
		puts := first.Calls[artifacttest.OpCreate] + first.Calls[artifacttest.OpReplace]
		t.Logf("%5d nodes: full state %7d bytes; a change costs %.2f writes, %d bytes; opening takes at most %d GETs",
			nodes, full, float64(puts)/changes, first.Written/changes, worst)
		if perChange := first.Written / changes; perChange > 2<<10+64<<10 {
			t.Errorf("%d nodes: %d bytes are written for a change", nodes, perChange)
		}
		if float64(puts)/changes > 1.1 {
			t.Errorf("%d nodes: %d writes for %d changes", nodes, puts, changes)
		}
		// 64 changes, or as many as the full state is worth; compressed here, so that it counts a third.
		if limit := 64 + 16 + 3*full/(64<<10); worst > limit {
			t.Errorf("%d nodes: opening took %d GETs, want at most %d", nodes, worst, limit)
		}
	}
}

func add(sum *artifacttest.Counts, c artifacttest.Counts) {
	sum.Written += c.Written
	for op, n := range c.Calls {
		sum.Calls[op] += n
	}
}

// Changes as large as the mesh don't wait for their number.
func TestLargeChangesBringCheckpoints(t *testing.T) {
	ctx, m, cfg := context.Background(), artifacttest.NewMemory(), artifacttest.Mesh(uid, 500)
	w := artifact.NewWriter(m, uid, artifact.ConfigLog, artifact.WriterOptions{})
	at, err := w.NewEpoch(ctx, artifact.Position{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := m.Counts().Written
	const changes = 6
	for n := range changes {
		c := artifact.ConfigChange{Generation: cfg.Generation + 1, Compiler: 1}
		for id := range cfg.Resources {
			c.Resources = append(c.Resources, artifacttest.Resource(id, uint64(n+2)))
		}
		if err := cfg.Apply(c); err != nil {
			t.Fatal(err)
		}
		if at, err = w.Append(ctx, at, c, func() *artifact.Config { return cfg }); err != nil {
			t.Fatal(err)
		}
	}
	if perChange := m.Counts().Written / changes; perChange > 5*first/2 {
		t.Errorf("a change of everything costs %d bytes, the full state is %d", perChange, first)
	}
	r := artifact.NewReader(m, uid, artifact.ConfigLog, artifact.ReaderOptions{})
	if _, err := r.Poll(ctx); err != nil || r.Position() != at {
		t.Errorf("at %s, %v", r.Position(), err)
	}
	if read := m.Counts().Read; read > 3*first {
		t.Errorf("opening reads %d bytes, the full state is %d", read, first)
	}
}
