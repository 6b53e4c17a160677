package artifact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// When a checkpoint is due. A full state costs what the mesh is large, so it must be paid for by many changes; and
// who opens a log reads the newest full state and all changes after it, so those must not become too many.
//
// Let F be the size of the full state, and a change weigh its own size plus requestWeight, for the request that
// carries it: 64 KiB is about what S3 sends in the time that one more request takes. A checkpoint is due
//
//  1. when the changes since the last one are together as large as F (and not less than 1 MiB): so opening reads at
//     most twice F, and full states at most double what is written; or
//  2. when there are 64 of them (CheckpointChanges) and together they weigh as much as F: so opening costs at most
//     twice what reading F alone costs, or 64 requests in a small mesh; and the full states add, for each change, no
//     more than that change's own size and 64 KiB, however large the mesh is.
//
// In a mesh of 10 MB with changes of 2 KB a full state follows about every 150 changes.
const (
	requestWeight            = 64 << 10
	minCheckpointBytes       = 1 << 20
	DefaultCheckpointChanges = 64
)

// WriterOptions may be zero, but should have a clock.
type WriterOptions struct {
	// Now is the clock: it dates changes, so that the collector knows their age, and numbers epochs, so that those of a
	// log that was wiped are never used again. Without one, epochs are counted from what the log holds.
	Now func() time.Time
	// CheckpointChanges is after how many changes a full state may be written; DefaultCheckpointChanges if zero.
	CheckpointChanges int
	// Logger is told of checkpoints that could not be written; may be nil. The change itself is in the log then, and
	// the next one tries again.
	Logger *slog.Logger
}

// Writer appends to one log. It keeps nothing but what the checkpoint was, so several may be at work on one log:
// exactly one of them wins each place. It is for one goroutine at a time.
type Writer[S, C any] struct {
	log     log
	format  Format[S, C]
	now     func() time.Time
	changes int64
	logger  *slog.Logger

	known *checkpoint // as last read or written; nil: not known
	etag  string
}

// NewWriter makes a writer of the log of the mesh with this uid. It reads nothing yet.
func NewWriter[S, C any](objects Objects, uid string, format Format[S, C], o WriterOptions) *Writer[S, C] {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
	}
	if o.CheckpointChanges <= 0 {
		o.CheckpointChanges = DefaultCheckpointChanges
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Writer[S, C]{
		log: log{objects, uid, format.name}, format: format,
		now: o.Now, changes: int64(o.CheckpointChanges), logger: o.Logger.With("mesh", uid, "log", format.name),
	}
}

// Append writes the change that leads on from at, which is what was read or written last. state gives the full state
// after c; it is called, before Append returns, only when a checkpoint is due.
//
// ErrLost: another change follows at; read on. ErrBehind: c is older than what the log holds. After any other error
// the change may be in the log or not: read on to see.
func (w *Writer[S, C]) Append(ctx context.Context, at Position, c C, state func() S) (Position, error) {
	if at.Epoch == 0 {
		return at, errors.New("append to a log that does not exist: it needs an epoch first")
	}
	m := w.format.changeMark(c)
	if err := m.after(at.mark()); err != nil {
		return at, err
	}
	body, err := w.format.encodeChange(c)
	if err != nil {
		return at, fmt.Errorf("encode change %s: %w", at, err)
	}
	h := w.header(kindChange, at)
	h.Previous, h.mark = at.Sum, m
	doc, sum, err := frame(h, body)
	if err != nil {
		return at, err
	}
	err = w.log.create(ctx, w.log.entryKey(at.Epoch, at.Seq), doc, sum)
	if errors.Is(err, errTaken) {
		return at, fmt.Errorf("append at %s: %w", at, ErrLost)
	}
	if err != nil {
		return at, err
	}
	next := Position{Epoch: at.Epoch, Seq: at.Seq + 1, Sum: sum, Bytes: at.Bytes + int64(len(doc))}.with(m)
	err = w.checkpoint(ctx, next, h.At, state)
	if errors.Is(err, ErrLost) {
		return at, err
	}
	if err != nil {
		w.logger.Warn("the change is written, but not the checkpoint that was due", "at", next.String(), "err", err)
	}
	return next, nil
}

// Verify says ErrLost if the log as it is now doesn't end at at: for a writer that has nothing to write, and for one
// that is about to work on what it remembers. It costs two GETs.
func (w *Writer[S, C]) Verify(ctx context.Context, at Position) error {
	key := w.log.entryKey(at.Epoch, at.Seq)
	_, _, err := w.log.objects.Get(ctx, key)
	if err == nil {
		return fmt.Errorf("verify %s: %w", at, ErrLost)
	}
	if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read %s: %w", key, err)
	}
	switch err := w.refresh(ctx); {
	case isFault(err):
		return err
	case err != nil:
		return fmt.Errorf("verify %s: %w: %w", at, ErrLost, err) // reading on will find the damage
	case w.known.Epoch != at.Epoch, w.known.Seq > at.Seq, w.known.Seq == at.Seq && w.known.Sum != at.Sum:
		return fmt.Errorf("verify %s: the checkpoint is at %s: %w", at, w.known.Position, ErrLost)
	}
	return nil
}

// Check reads the log as a relay does that starts now, and says ErrDamaged if anything stands in its way: a writer
// that has been at work for long would not notice that the full state, which it never reads, can't be read by
// others. It costs a full state and the changes after it: call it in sweeps, and heal the log by NewEpoch.
func (w *Writer[S, C]) Check(ctx context.Context) error {
	r := &Reader[S, C]{log: w.log, format: w.format, now: w.now}
	for {
		steps, err := r.Poll(ctx)
		if err != nil || len(steps) == 0 {
			return err
		}
	}
}

func (w *Writer[S, C]) header(k kind, at Position) header {
	return header{
		Kind: k, Log: w.log.name, UID: w.log.uid, Epoch: at.Epoch, Seq: at.Seq, Bytes: at.Bytes, mark: at.mark(),
		At: w.now().UTC(),
	}
}

// checkpoint writes the full state and the checkpoint if they are due. ErrLost: at's epoch is no longer in force, and
// nobody will read what was written to it.
func (w *Writer[S, C]) checkpoint(ctx context.Context, at Position, written time.Time, state func() S) error {
	if w.known == nil || w.known.Epoch != at.Epoch {
		// Lost or damaged it is due, and so healed.
		if err := w.refresh(ctx); isFault(err) {
			return err
		}
		if w.known != nil && w.known.Epoch > at.Epoch {
			return fmt.Errorf("append at %s: epoch %d has begun: %w", at, w.known.Epoch, ErrLost)
		}
	}
	if !w.due(at) {
		return nil
	}
	t, err := w.writeFull(ctx, at, written, state())
	if err != nil {
		return err
	}
	return w.advance(ctx, t, at.Epoch)
}

func (w *Writer[S, C]) due(at Position) bool {
	if w.known == nil || w.known.Epoch < at.Epoch || at.Deleted {
		return true
	}
	count, size := at.Seq-w.known.Seq, at.Bytes-w.known.Bytes
	return size >= max(w.known.Size, minCheckpointBytes) ||
		count >= w.changes && size+count*requestWeight >= w.known.Size
}

// refresh reads the checkpoint, if it has changed. Missing or damaged it is not known, and the error says so.
func (w *Writer[S, C]) refresh(ctx context.Context) error {
	etag := w.etag
	if w.known == nil {
		etag = ""
	}
	c, tag, err := w.log.readCheckpoint(ctx, etag)
	if isFault(err) {
		return err
	}
	w.etag = tag
	if c != nil || err != nil {
		w.known = c
	}
	return err
}

// writeFull writes a full state, and its manifest if it has one. Nothing names them yet. With an empty at.Sum it is an
// epoch's first.
func (w *Writer[S, C]) writeFull(ctx context.Context, at Position, written time.Time, state S) (target, error) {
	if m := w.format.stateMark(state); m != at.mark() {
		return target{}, fmt.Errorf("the full state given for %s is of generation %d, compiler %d, not of generation %d, compiler %d",
			at, m.Generation, m.Compiler, at.Generation, at.Compiler)
	}
	body, err := w.format.encodeState(state)
	if err != nil {
		return target{}, fmt.Errorf("encode the full state at %s: %w", at, err)
	}
	h := w.header(kindFull, at)
	h.Previous, h.At = at.Sum, written
	doc, sum, err := frame(h, body)
	if err != nil {
		return target{}, err
	}
	if err := w.log.create(ctx, w.log.fullKey(at), doc, sum); err != nil {
		return target{}, err
	}
	t := target{Position: at, Full: sum, Size: int64(len(doc)), At: written}
	if t.Sum == "" {
		t.Sum = sum
	}
	if w.format.manifest == nil {
		return t, nil
	}
	if body, err = w.format.manifest(state); err != nil {
		return target{}, fmt.Errorf("encode the manifest at %s: %w", at, err)
	}
	h.Kind, h.Previous = kindManifest, t.Sum
	if doc, sum, err = frame(h, body); err != nil {
		return target{}, err
	}
	t.Size += int64(len(doc))
	return t, w.log.create(ctx, w.log.manifestKey(at), doc, sum)
}

// advance makes the checkpoint name t, by compare-and-swap, only forward. ErrLost: it names an epoch that is newer
// than newest, and not t's.
func (w *Writer[S, C]) advance(ctx context.Context, t target, newest int64) error {
	var err error
	for range tries {
		if ctx.Err() != nil {
			break
		}
		next := checkpoint{target: t}
		if k := w.known; k != nil {
			switch {
			case k.Epoch == t.Epoch && k.Full == t.Full:
				return nil // our own write, of which the answer was lost
			case k.Epoch > newest:
				return fmt.Errorf("checkpoint %s: epoch %d has begun: %w", t.Position, k.Epoch, ErrLost)
			case k.Compare(t.Position) >= 0:
				return nil // somebody is farther already
			case t.mark().after(k.mark()) != nil:
				return fmt.Errorf("checkpoint %s: %w", t.Position, t.mark().after(k.mark()))
			}
			next.Before = &k.target
		}
		var doc []byte
		if doc, err = w.log.encodeCheckpoint(next); err != nil {
			return err
		}
		tag := ""
		if w.etag == "" {
			tag, err = w.log.objects.Create(ctx, w.log.checkpointKey(), doc)
		} else {
			tag, err = w.log.objects.Replace(ctx, w.log.checkpointKey(), doc, w.etag)
		}
		if err == nil {
			w.known, w.etag = &next, tag
			return nil
		}
		// Somebody was faster, or the answer was lost: what is there now tells.
		w.known, w.etag = nil, ""
		if e := w.refresh(ctx); isFault(e) {
			err = e
		}
	}
	return fmt.Errorf("write %s: %w", w.log.checkpointKey(), errors.Join(err, ctx.Err()))
}
