package artifact_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

const day = 24 * time.Hour

func (w *world) collect(o artifact.CollectorOptions) int {
	w.Helper()
	o.Now = w.now
	n, err := artifact.NewCollector(w.store, o).Collect(w.ctx, uid)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func TestCollectKeepsWhatIsYoung(t *testing.T) {
	w := newWorld(t)
	w.grow(60)
	w.time = w.time.Add(artifact.DefaultKeep - time.Minute)
	if n := w.collect(artifact.CollectorOptions{}); n > 0 {
		t.Errorf("%d objects of %s deleted", n, w.time)
	}
	w.time = w.time.Add(2 * time.Minute)
	if n := w.collect(artifact.CollectorOptions{}); n == 0 {
		t.Error("nothing deleted")
	}
	if n := w.collect(artifact.CollectorOptions{}); n > 0 {
		t.Errorf("%d more at once", n)
	}
}

// The newest two full states stay, whatever their age, and everything that leads on from the older.
func TestCollectKeepsWhatIsNeeded(t *testing.T) {
	w := newWorld(t)
	w.grow(23) // checkpoints at 5, 10, 15 and 20
	w.time = w.time.Add(1000 * day)
	w.collect(artifact.CollectorOptions{})
	for seq := range int64(23) {
		if kept := w.store.Bytes(w.entry(seq)) != nil; kept != (seq >= 15) {
			t.Errorf("change %d kept: %t", seq, kept)
		}
		if seq%5 == 0 {
			for _, key := range []string{w.full(seq), w.full(seq) + ".manifest"} {
				if kept := w.store.Bytes(key) != nil; kept != (seq >= 15) {
					t.Errorf("%s kept: %t", key, kept)
				}
			}
		}
	}
	w.current(w.reader())
	w.flip(w.full(20), 999) // what the older one is kept for
	r := w.reader()
	w.poll(r)
	w.stands(r, w.at, w.cfg)
	w.fails(r, artifact.ErrDamaged)
}

func TestCollectNothingWhileOneOfTheTwoIsLost(t *testing.T) {
	for _, seq := range []int64{15, 20} {
		w := newWorld(t)
		w.grow(23)
		w.store.Lose(w.full(seq))
		w.time = w.time.Add(1000 * day)
		if n := w.collect(artifact.CollectorOptions{}); n > 0 {
			t.Errorf("%d objects deleted", n)
		}
	}
	for _, harm := range []func(*world){
		func(w *world) { w.store.Lose(checkpointKey) },
		func(w *world) { w.flip(checkpointKey, 700) },
	} {
		w := newWorld(t)
		w.grow(23)
		harm(w)
		w.time = w.time.Add(1000 * day)
		if n := w.collect(artifact.CollectorOptions{}); n > 0 {
			t.Errorf("%d objects deleted without a checkpoint", n)
		}
	}
}

func TestCollectOldEpochs(t *testing.T) {
	w := newWorld(t)
	w.grow(8)
	old := w.at.Epoch
	w.heal(w.at)
	w.grow(12)
	// A writer that broke off after the full state of an epoch that nothing names.
	w.breakDown(artifacttest.OpCreate, events.EntryPath(uid, events.LogConfig, w.at.Epoch, w.at.Seq), artifacttest.Fault{}, -1)
	w.time = w.time.Add(time.Second)
	if _, err := w.writer().NewEpoch(w.ctx, w.at, w.cfg); err == nil {
		t.Fatal("it did not break off")
	}
	w.store.Inject(nil)
	left := events.EpochPrefix(uid, events.LogConfig, w.time.UnixMilli())
	if len(w.store.Keys(left)) != 2 {
		t.Fatalf("left behind: %v", w.store.Keys(left))
	}
	w.collect(artifact.CollectorOptions{})
	if len(w.store.Keys(left)) != 2 {
		t.Error("an epoch was deleted that may just be begun")
	}
	w.time = w.time.Add(artifact.DefaultKeep + time.Minute)
	w.collect(artifact.CollectorOptions{})
	if keys := w.store.Keys(events.EpochPrefix(uid, events.LogConfig, old)); len(keys) > 0 {
		t.Errorf("of the old epoch: %v", keys)
	}
	if keys := w.store.Keys(left); len(keys) > 0 {
		t.Errorf("of what was left behind: %v", keys)
	}
	w.current(w.reader())
}

// Damaged objects hold up nothing: a segment whose age can't be read is older than the next.
func TestCollectDamaged(t *testing.T) {
	w := newWorld(t)
	w.grow(30)
	for seq := range int64(6) {
		w.store.Put(w.entry(seq), []byte("?"))
	}
	w.store.Put(w.full(0), []byte("?"))
	w.store.Lose(w.full(5))
	w.time = w.time.Add(1000 * day)
	w.collect(artifact.CollectorOptions{})
	if keys := w.store.Keys(events.LogPrefix(uid, events.LogConfig)); keys[0] != w.entry(25) || len(keys) != 5+2*2+1 {
		t.Errorf("left: %v", keys)
	}
	w.current(w.reader())
}

func TestCollectIsBounded(t *testing.T) {
	w := newWorld(t)
	w.grow(40)
	r := w.reader()
	w.time = w.time.Add(1000 * day)
	for range 100 {
		before := len(w.store.Keys(""))
		n := w.collect(artifact.CollectorOptions{MaxDeletes: 3})
		if n > 3 || before-len(w.store.Keys("")) != n {
			t.Fatalf("%d reported, %d deleted", n, before-len(w.store.Keys("")))
		}
		// Whatever is left of the oldest segment can be rebuilt.
		oldest := int64(-1)
		for seq := int64(0); seq <= 40 && oldest < 0; seq++ {
			if w.store.Bytes(w.full(seq)) != nil {
				oldest = seq
			}
		}
		for seq := oldest; w.store.Bytes(w.entry(seq)) != nil; seq++ {
			if _, _, err := r.Rebuild(w.ctx, w.at.Epoch, seq); err != nil {
				t.Fatalf("change %d is kept, but: %v", seq, err)
			}
		}
		if n == 0 {
			w.current(r)
			return
		}
	}
	t.Error("it never ends")
}

func TestCollectDeletedMesh(t *testing.T) {
	w := newWorld(t)
	w.grow(7)
	w.store.Put(events.StatusPath(uid, "relay-1"), []byte("{}"))
	w.store.Put(events.ReportPath(uid), []byte("{}"))
	w.store.Put(events.EntryPath(uid, events.LogEndpoints, 1, 1), []byte("{}"))
	other := events.CheckpointPath(uid+"x", events.LogConfig)
	w.store.Put(other, []byte("{}"))
	gone := artifact.ConfigChange{Generation: w.cfg.Generation + 1, Compiler: 1, Deleted: true}
	if err := w.cfg.Apply(gone); err != nil {
		t.Fatal(err)
	}
	w.at = w.must(w.w.Append(w.ctx, w.at, gone, w.state))
	w.time = w.time.Add(artifact.DefaultKeepDeleted)
	if n := w.collect(artifact.CollectorOptions{}); n > 0 {
		t.Errorf("%d objects deleted too early", n)
	}
	w.time = w.time.Add(time.Minute)
	for w.collect(artifact.CollectorOptions{MaxDeletes: 4}) > 0 {
		if left := w.store.Keys(events.MeshPrefix(uid)); len(left) > 0 && !slices.Contains(left, checkpointKey) {
			t.Errorf("the checkpoint went before %v", left)
		}
	}
	if left := w.store.Keys(""); len(left) != 1 || left[0] != other {
		t.Errorf("left: %v", left)
	}
}

// A mesh may be deleted before its configuration was ever published: then its tombstone is in the other log alone.
func TestCollectMeshThatWasNeverPublished(t *testing.T) {
	w := newWorld(t)
	for _, key := range w.store.Keys(events.MeshPrefix(uid)) {
		w.store.Lose(key)
	}
	writer := artifact.NewWriter(w.store, uid, artifact.EndpointsLog, artifact.WriterOptions{Now: w.now})
	at, err := writer.NewEpoch(w.ctx, artifact.Position{}, &endpoint.State{})
	if err != nil {
		t.Fatal(err)
	}
	w.time = w.time.Add(artifact.DefaultKeepDeleted + time.Minute)
	if n := w.collect(artifact.CollectorOptions{}); n > 0 {
		t.Errorf("%d objects of a mesh deleted that is not", n)
	}
	if _, err := writer.Append(w.ctx, at, endpoint.Change{Deleted: true}, func() *endpoint.State { return &endpoint.State{Deleted: true} }); err != nil {
		t.Fatal(err)
	}
	w.store.Put(events.StatusPath(uid, "relay-1"), []byte("{}"))
	w.collect(artifact.CollectorOptions{})
	if len(w.store.Keys("")) < 4 {
		t.Error("deleted too early")
	}
	w.time = w.time.Add(artifact.DefaultKeepDeleted + time.Minute)
	for w.collect(artifact.CollectorOptions{MaxDeletes: 1}) > 0 {
		if left := w.store.Keys(""); len(left) > 0 && !slices.Contains(left, events.CheckpointPath(uid, events.LogEndpoints)) {
			t.Errorf("the checkpoint went before %v", left)
		}
	}
	if left := w.store.Keys(""); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A config log that can't be read may be that of a mesh that lives on, whatever the other log says.
func TestCollectNothingOnTheEndpointsWordAlone(t *testing.T) {
	w := newWorld(t)
	w.grow(3)
	writer := artifact.NewWriter(w.store, uid, artifact.EndpointsLog, artifact.WriterOptions{Now: w.now})
	if _, err := writer.NewEpoch(w.ctx, artifact.Position{}, &endpoint.State{Deleted: true}); err != nil {
		t.Fatal(err)
	}
	w.flip(checkpointKey, 700)
	w.time = w.time.Add(1000 * day)
	if n := w.collect(artifact.CollectorOptions{}); n > 0 {
		t.Errorf("%d objects deleted", n)
	}
}

func TestUIDs(t *testing.T) {
	w := newWorld(t)
	want := []string{"a", "a-b", "a0", uid, "z.z"}
	slices.Sort(want)
	for _, u := range want {
		for _, key := range []string{events.ReportPath(u), events.CheckpointPath(u, events.LogConfig), events.StatusPath(u, "r")} {
			w.store.Put(key, []byte("{}"))
		}
	}
	w.store.Put(events.NamePath("shop"), []byte("other"))
	got, err := artifact.UIDs(w.ctx, w.store)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestCollectFault(t *testing.T) {
	for _, op := range []artifacttest.Op{artifacttest.OpGet, artifacttest.OpGetIfChanged, artifacttest.OpList, artifacttest.OpDelete} {
		w := newWorld(t)
		w.grow(40)
		w.time = w.time.Add(1000 * day)
		w.breakDown(op, "", artifacttest.Fault{}, 1)
		if _, err := artifact.NewCollector(w.store, artifact.CollectorOptions{Now: w.now}).Collect(w.ctx, uid); err == nil {
			t.Errorf("%s fails, and Collect doesn't say so", op)
		}
		w.store.Inject(nil)
		w.current(w.reader())
	}
}

// Status objects of relays that are gone go; those of relays that live, or have only just stopped writing, stay.
func TestCollectDropsStatusesOfTheDead(t *testing.T) {
	w := newWorld(t)
	w.grow(3)
	at := func(age time.Duration) []byte {
		data, err := json.Marshal(events.RelayStatus{MeshUID: uid, At: w.time.Add(-age)})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for relay, data := range map[string][]byte{
		"lives": at(time.Second), "silent": at(30 * time.Minute), "dead": at(2 * time.Hour), "left": []byte(`{"at":"0001-01-01T00:00:00Z"}`), "broken": []byte("?"),
	} {
		w.store.Put(events.StatusPath(uid, relay), data)
	}
	if n := w.collect(artifact.CollectorOptions{}); n != 3 {
		t.Errorf("%d objects deleted", n)
	}
	want := []string{events.StatusPath(uid, "lives"), events.StatusPath(uid, "silent")}
	if left := w.store.Keys(events.StatusPrefix(uid)); !slices.Equal(left, want) {
		t.Errorf("left: %q", left)
	}
}
