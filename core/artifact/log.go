package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// tries is how often an operation is tried whose answer may have been lost, or that others got in the way of.
const tries = 4

// log is one mesh's log in the artifact store, without knowing what its bodies mean.
type log struct {
	objects Objects
	uid     string
	name    events.LogName
}

func (l log) entryKey(epoch, seq int64) string { return events.EntryPath(l.uid, l.name, epoch, seq) }
func (l log) fullKey(p Position) string        { return events.FullPath(l.uid, l.name, p.Epoch, p.Seq) }
func (l log) manifestKey(p Position) string {
	return events.ManifestPath(l.uid, l.name, p.Epoch, p.Seq)
}
func (l log) checkpointKey() string { return events.CheckpointPath(l.uid, l.name) }

// read gets a document that must be of this kind and lie at this place. A missing object is ErrNotFound.
func (l log) read(ctx context.Context, key string, k kind, epoch, seq int64) (document, error) {
	data, _, err := l.objects.Get(ctx, key)
	if err != nil {
		return document{}, fmt.Errorf("read %s: %w", key, err)
	}
	return l.parse(key, data, k, epoch, seq)
}

// parse reads the bytes of a document that must be of this kind, or an end where a change could be, and lie at this
// place: so an object that somebody copied to a wrong place is found out.
func (l log) parse(key string, data []byte, k kind, epoch, seq int64) (document, error) {
	d, err := unframe(data)
	if err != nil {
		return d, fmt.Errorf("read %s: %w", key, err)
	}
	if d.Kind != k && (k != kindChange || d.Kind != kindEnd) {
		return d, damaged("read %s: it is a %q, not a %q", key, d.Kind, k)
	}
	if d.Log != l.name || d.UID != l.uid || d.Epoch != epoch || d.Seq != seq {
		return d, damaged("read %s: it belongs to %s of mesh %s, epoch %d, seq %d", key, d.Log, d.UID, d.Epoch, d.Seq)
	}
	return d, nil
}

// create writes an immutable object. It returns errTaken if another one is there already, and nil if that one has
// the same content: then it is our own, of which the answer was lost, or as good as our own.
func (l log) create(ctx context.Context, key string, doc []byte, sum string) error {
	data := compress(doc)
	var err error
	for range tries {
		if _, err = l.objects.Create(ctx, key, data); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
		if !errors.Is(err, ErrExists) {
			continue // it may or may not be written: the next try tells
		}
		var present []byte
		if present, _, err = l.objects.Get(ctx, key); err != nil {
			continue
		}
		if d, err := unframe(present); err == nil && d.sum == sum {
			return nil
		}
		return fmt.Errorf("write %s: %w", key, errTaken)
	}
	return fmt.Errorf("write %s: %w", key, err)
}

// errTaken says that a key holds something else than what was to be written there.
var errTaken = fmt.Errorf("%w, and with other content", ErrExists)

// target is a full state that a checkpoint names.
type target struct {
	Position
	Full string    `json:"full"` // the sum of the full state's document
	Size int64     `json:"size"` // of full state and manifest, uncompressed bytes
	At   time.Time `json:"at,omitzero"`
}

// checkpoint is the body of the only mutable object of a log.
type checkpoint struct {
	target
	// Before is what the checkpoint named before: it is kept, with all changes after it, in case the newest full state
	// turns out to be damaged.
	Before *target `json:"before,omitempty"`
}

// readCheckpoint gets the checkpoint, unless it still has this etag: then it is nil. The new etag is also valid with
// ErrDamaged.
func (l log) readCheckpoint(ctx context.Context, etag string) (*checkpoint, string, error) {
	key := l.checkpointKey()
	data, tag, err := l.objects.GetIfChanged(ctx, key, etag)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", key, err)
	}
	if etag != "" && tag == etag {
		return nil, tag, nil
	}
	d, err := unframe(data)
	if err != nil {
		return nil, tag, fmt.Errorf("read %s: %w", key, err)
	}
	var c checkpoint
	if err := json.Unmarshal(d.body, &c); err != nil {
		return nil, tag, damaged("read %s: %w", key, err)
	}
	if d.Kind != kindCheckpoint || d.UID != l.uid || d.Log != l.name || d.Epoch != c.Epoch || d.Seq != c.Seq || c.Epoch < 1 {
		return nil, tag, damaged("read %s: it is the checkpoint of another log", key)
	}
	return &c, tag, nil
}

// encodeCheckpoint spells a checkpoint.
func (l log) encodeCheckpoint(c checkpoint) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the checkpoint: %w", err)
	}
	h := header{Kind: kindCheckpoint, Log: l.name, UID: l.uid, Epoch: c.Epoch, Seq: c.Seq, mark: c.mark(), At: c.At}
	doc, _, err := frame(h, body)
	return doc, err
}

// readFull reads the full state that a checkpoint names, or its manifest if the format says so and it is intact.
func readFull[S, C any](ctx context.Context, l log, f Format[S, C], t target) (S, error) {
	if f.fromManifest {
		d, err := l.read(ctx, l.manifestKey(t.Position), kindManifest, t.Epoch, t.Seq)
		if err == nil && d.position() == t.Position {
			if state, err := f.decodeState(d.body); err == nil {
				return state, nil
			}
		} else if isFault(err) {
			var none S
			return none, err
		}
	}
	d, err := l.read(ctx, l.fullKey(t.Position), kindFull, t.Epoch, t.Seq)
	if err == nil && d.sum != t.Full {
		err = damaged("read %s: it is not the full state that the checkpoint names", l.fullKey(t.Position))
	}
	if err != nil {
		var none S
		return none, err
	}
	return f.state(l, d)
}

// state decodes the body of a full state.
func (f Format[S, C]) state(l log, d document) (S, error) {
	state, err := f.decodeState(d.body)
	if err != nil {
		return state, damaged("read %s: %w", l.fullKey(d.position()), err)
	}
	if f.stateMark(state) != d.mark {
		return state, damaged("read %s: its header says another generation than its body", l.fullKey(d.position()))
	}
	return state, nil
}

// Step is one advance of a reader.
type Step[C any] struct {
	Position           // where the step leads
	Change   C         // what changed; empty if Jump
	Jump     bool      // the state was replaced as a whole: see Reader.State
	At       time.Time // when the change was written; zero if Jump
}

// follow applies the change in data, which lies at the entry of at, to the state at at, in place.
func follow[S, C any](l log, f Format[S, C], state S, at Position, data []byte) (Step[C], error) {
	key := l.entryKey(at.Epoch, at.Seq)
	d, err := l.parse(key, data, kindChange, at.Epoch, at.Seq)
	switch {
	case err != nil:
		return Step[C]{}, err
	case d.Kind == kindEnd:
		return Step[C]{}, errEnd
	case d.Previous != at.Sum || d.Bytes != at.Bytes:
		return Step[C]{}, fmt.Errorf("read %s: %w", key, errFork)
	}
	change, err := f.decodeChange(d.body)
	if err == nil && f.changeMark(change) != d.mark {
		err = errors.New("its header says another generation than its body")
	}
	if err == nil {
		err = d.mark.after(at.mark())
	}
	if err == nil {
		err = f.apply(state, change)
	}
	if err != nil {
		return Step[C]{}, damaged("apply %s: %w", key, err)
	}
	next := Position{Epoch: at.Epoch, Seq: at.Seq + 1, Sum: d.sum, Bytes: at.Bytes + d.size}.with(d.mark)
	return Step[C]{Position: next, Change: change, At: d.At}, nil
}

var (
	// errFork says that a change is intact but follows another state than the one that was read.
	errFork = damaged("it leads on from another state than the one before it")
	// errEnd says that an epoch has ended properly, but that nothing follows it yet.
	errEnd = damaged("the epoch has ended, and the checkpoint names no later one")
)
