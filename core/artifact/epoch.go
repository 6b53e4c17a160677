package artifact

import (
	"context"
	"errors"
	"fmt"

	"github.com/ownmesh/ownmesh/events"
)

// NewEpoch begins the log, or begins it again with the full state s: after ErrDamaged, or to rebuild it. at is the
// last good position that was read; zero if there is none. ErrLost: the log is intact beyond at, or somebody else has
// begun an epoch; read on. ErrBehind: the log holds a higher generation or compiler than s.
//
// First the full state is written, then the old epoch is ended in the place of its next change, so that nobody can
// append to it any more and readers know at once where to look, and then the checkpoint moves. Wherever that breaks
// off, what is there is a valid log, and the next attempt takes another number.
func (w *Writer[S, C]) NewEpoch(ctx context.Context, at Position, s S) (Position, error) {
	w.known, w.etag = nil, ""
	if err := w.refresh(ctx); isFault(err) {
		return at, err
	}
	if err := w.superseded(ctx, at); err != nil {
		return at, fmt.Errorf("begin an epoch after %s: %w", at, err)
	}
	m := w.format.stateMark(s)
	last, newest, err := w.heads(ctx, at)
	if err != nil {
		return at, err
	}
	if err := m.after(last.mark()); err != nil {
		return at, fmt.Errorf("begin an epoch after %s: %w", last, err)
	}
	now := w.now().UTC()
	first := Position{Epoch: max(newest+1, now.UnixMilli())}.with(m)
	t, err := w.writeFull(ctx, first, now, s)
	if errors.Is(err, errTaken) {
		return at, fmt.Errorf("begin epoch %d: %w", first.Epoch, ErrLost)
	}
	if err != nil {
		return at, err
	}
	if err := w.end(ctx, last); err != nil {
		return at, err
	}
	if err := w.advance(ctx, t, last.Epoch); err != nil {
		return at, err
	}
	return t.Position, nil
}

// superseded says ErrLost if somebody who reads the log gets farther than at: whatever is wrong behind that is for
// who has read it all.
func (w *Writer[S, C]) superseded(ctx context.Context, at Position) error {
	r := &Reader[S, C]{log: w.log, format: w.format, now: w.now}
	if _, err := r.Poll(ctx); isFault(err) {
		return err
	}
	if r.exists && r.at.Compare(at) > 0 {
		return ErrLost
	}
	return nil
}

// heads finds the place where the epoch that is in force now ends, with the highest generation and compiler that is
// known to be in the log, and the highest number of any epoch, in force or left behind by somebody who broke off.
func (w *Writer[S, C]) heads(ctx context.Context, at Position) (last Position, newest int64, err error) {
	epochs, err := w.log.epochs(ctx)
	if err != nil {
		return last, 0, err
	}
	last = at
	if w.known != nil && w.known.Compare(last) > 0 {
		last = w.known.Position
	}
	if len(epochs) > 0 {
		newest = epochs[len(epochs)-1]
	}
	newest = max(newest, last.Epoch)
	if last.Epoch == 0 {
		last.Epoch = newest
	}
	if last.Epoch == 0 {
		return last, newest, nil
	}
	// Entries beyond damage can't be followed, but a writer who has not seen the damage may still append to them.
	prefix := events.EpochPrefix(w.log.uid, w.log.name, last.Epoch)
	after := ""
	if last.Seq > 0 {
		after = w.log.entryKey(last.Epoch, last.Seq-1)
	}
	final := last.Seq - 1
	err = w.log.list(ctx, prefix, after, func(key string) bool {
		seq, k, ok := parseKey(prefix, key)
		if ok && k == kindChange {
			final = max(final, seq)
		}
		return !ok || k == kindChange
	})
	if err != nil || final < last.Seq {
		return last, newest, err
	}
	last.Seq, last.Sum = final+1, ""
	d, err := w.log.read(ctx, w.log.entryKey(last.Epoch, final), kindChange, last.Epoch, final)
	switch {
	case isFault(err):
		return last, newest, err
	case err == nil && d.Kind == kindEnd:
		last.Seq = final
	case err == nil && last.mark().after(d.mark) != nil:
		last = last.with(d.mark)
	}
	return last, newest, nil
}

// end ends the epoch at last, in the place of its next change. ErrLost: somebody has appended there.
func (w *Writer[S, C]) end(ctx context.Context, last Position) error {
	if last.Epoch == 0 {
		return nil
	}
	h := w.header(kindEnd, last)
	h.Previous = last.Sum
	doc, sum, err := frame(h, []byte("{}"))
	if err != nil {
		return err
	}
	key := w.log.entryKey(last.Epoch, last.Seq)
	err = w.log.create(ctx, key, doc, sum)
	if !errors.Is(err, errTaken) {
		return err
	}
	d, err := w.log.read(ctx, key, kindChange, last.Epoch, last.Seq)
	switch {
	case isFault(err):
		return err
	case err == nil && d.Kind != kindEnd:
		return fmt.Errorf("end epoch %d: %w", last.Epoch, ErrLost)
	}
	return nil // ended already, or damaged: nobody can append either way
}

// epochs lists the numbers of all epochs of which anything is there, ascending.
func (l log) epochs(ctx context.Context) ([]int64, error) {
	prefix := events.LogPrefix(l.uid, l.name)
	var epochs []int64
	for after := ""; ; {
		keys, err := l.objects.List(ctx, prefix, after, 1)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		if len(keys) == 0 {
			return epochs, nil
		}
		after = keys[0]
		if epoch, ok := parseEpoch(prefix, keys[0]); ok {
			epochs = append(epochs, epoch)
			after = events.EpochPrefix(l.uid, l.name, epoch) + "z" // behind everything in it
		}
	}
}
