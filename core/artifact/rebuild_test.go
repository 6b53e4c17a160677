package artifact_test

import (
	"errors"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
)

func TestRebuildEveryState(t *testing.T) {
	w := newWorld(t)
	w.grow(13)
	w.heal(w.at)
	w.grow(6)
	r := w.reader()
	w.current(r)
	for place, want := range w.past {
		got, at, err := r.Rebuild(w.ctx, place.Epoch, place.Seq)
		if err != nil || at != place {
			t.Errorf("rebuild %s: %+v, %v", place, at, err)
		}
		if diff := artifacttest.Difference(want, got); diff != "" {
			t.Errorf("rebuild %s (-want +got):\n%s", place, diff)
		}
	}
	w.current(r)
	for _, place := range []artifact.Position{
		{Epoch: w.at.Epoch, Seq: w.at.Seq + 1}, {Epoch: w.at.Epoch + 1}, {Epoch: w.at.Epoch, Seq: -1}, {},
	} {
		if _, _, err := r.Rebuild(w.ctx, place.Epoch, place.Seq); !errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("rebuild %s: %v", place, err)
		}
	}
	for place := range w.past { // the old epoch ended where it ended
		if place.Seq == 13 {
			if _, _, err := r.Rebuild(w.ctx, place.Epoch, 14); !errors.Is(err, artifact.ErrNotFound) {
				t.Errorf("rebuild beyond the end: %v", err)
			}
		}
	}
}

func TestRebuildFromFartherBack(t *testing.T) {
	w := newWorld(t)
	w.grow(13)
	w.flip(w.full(10), 4321)
	got, at, err := w.reader().Rebuild(w.ctx, w.at.Epoch, 12)
	if err != nil {
		t.Fatal(err)
	}
	if diff := artifacttest.Difference(w.past[at], got); diff != "" || at.Seq != 12 {
		t.Errorf("at %s (-want +got):\n%s", at, diff)
	}
	w.flip(w.entry(11), 777)
	if _, _, err := w.reader().Rebuild(w.ctx, w.at.Epoch, 12); !errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("got %v, want damage", err)
	}
	w.breakDown(artifacttest.OpGet, "full", artifacttest.Fault{}, 1)
	if _, _, err := w.reader().Rebuild(w.ctx, w.at.Epoch, 3); !errors.Is(err, errBoom) {
		t.Errorf("got %v, want the fault", err)
	}
}
