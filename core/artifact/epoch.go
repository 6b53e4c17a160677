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
	heads, newest, err := w.heads(ctx, at)
	if err != nil {
		return at, err
	}
	for _, head := range heads {
		if err := m.after(head.mark()); err != nil {
			return at, fmt.Errorf("begin an epoch after %s: %w", head, err)
		}
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
	for _, head := range heads {
		if err := w.end(ctx, head); err != nil {
			return at, err
		}
	}
	if err := w.advance(ctx, t, newest); err != nil {
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

// heads finds the places where epochs may still be appended to, each with the highest generation and compiler that is
// known to be in it, and the highest number of any epoch, in force or left behind by somebody who broke off. Which
// epoch is in force, the checkpoint tells; without one it may be any that is not older than at.
func (w *Writer[S, C]) heads(ctx context.Context, at Position) (heads []Position, newest int64, err error) {
	epochs, err := w.log.epochs(ctx)
	if err != nil {
		return nil, 0, err
	}
	newest = at.Epoch
	if at.Epoch > 0 {
		heads = append(heads, at)
	}
	for _, epoch := range epochs {
		newest = max(newest, epoch)
		if epoch > at.Epoch {
			heads = append(heads, Position{Epoch: epoch})
		}
	}
	if k := w.known; k != nil {
		heads = []Position{k.Position}
		if at.Compare(k.Position) > 0 {
			heads[0] = at
		}
		newest = max(newest, k.Epoch)
	}
	for i := range heads {
		if heads[i], err = w.head(ctx, heads[i]); err != nil {
			return nil, 0, err
		}
	}
	return heads, newest, nil
}

// head finds where the epoch of from ends, from there on. Changes beyond damage can't be followed, but a writer that
// has not seen the damage may still append to them.
func (w *Writer[S, C]) head(ctx context.Context, from Position) (Position, error) {
	prefix, after := events.EpochPrefix(w.log.uid, w.log.name, from.Epoch), ""
	if from.Seq > 0 {
		after = w.log.entryKey(from.Epoch, from.Seq-1)
	}
	final := from.Seq - 1
	err := w.log.list(ctx, prefix, after, func(key string) bool {
		seq, k, ok := parseKey(prefix, key)
		if ok && k == kindChange {
			final = max(final, seq)
		}
		return !ok || k == kindChange
	})
	if err != nil || final < from.Seq {
		return from, err
	}
	head := Position{Epoch: from.Epoch, Seq: final + 1}.with(from.mark())
	d, err := w.log.read(ctx, w.log.entryKey(from.Epoch, final), kindChange, from.Epoch, final)
	switch {
	case isFault(err):
		return head, err
	case err == nil && d.Kind == kindEnd:
		head.Seq = final
	case err == nil && head.mark().after(d.mark) != nil:
		head = head.with(d.mark)
	}
	return head, nil
}

// end ends an epoch at its head, in the place of its next change. ErrLost: somebody has appended there.
func (w *Writer[S, C]) end(ctx context.Context, head Position) error {
	h := w.header(kindEnd, head)
	h.Previous = head.Sum
	doc, sum, err := frame(h, []byte("{}"))
	if err != nil {
		return err
	}
	key := w.log.entryKey(head.Epoch, head.Seq)
	err = w.log.create(ctx, key, doc, sum)
	if !errors.Is(err, errTaken) {
		return err
	}
	d, err := w.log.read(ctx, key, kindChange, head.Epoch, head.Seq)
	switch {
	case isFault(err):
		return err
	case err == nil && d.Kind != kindEnd:
		return fmt.Errorf("end epoch %d: %w", head.Epoch, ErrLost)
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
