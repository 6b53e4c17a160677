package artifact

import (
	"context"
	"errors"
	"fmt"

	"github.com/ownmesh/ownmesh/events"
)

// recheck looks whether a reader that was stuck, and now finds no next change at all, is at a gap or simply at the end.
func (r *Reader[S, C]) recheck(ctx context.Context) error {
	if r.stuck == nil {
		return nil
	}
	return r.probe(ctx, true)
}

// probe looks whether the next change is not yet written, or lost: then later ones exist. Wholly it lists them, else
// it asks for the one after the next, which costs a tenth.
func (r *Reader[S, C]) probe(ctx context.Context, wholly bool) error {
	gap, err := r.later(ctx, wholly)
	if err != nil {
		return err
	}
	if gap { // or the next one was written a moment ago
		key := r.log.entryKey(r.at.Epoch, r.at.Seq)
		_, _, err := r.log.objects.Get(ctx, key)
		if gap = errors.Is(err, ErrNotFound); err != nil && !gap {
			return fmt.Errorf("read %s: %w", key, err)
		}
	}
	if !gap {
		r.stuck, r.stuckAt = nil, 0
		return nil
	}
	r.stuck = damaged("change %d of epoch %d is lost, later ones exist", r.at.Seq, r.at.Epoch)
	r.stuckAt++
	return nil
}

func (r *Reader[S, C]) later(ctx context.Context, wholly bool) (bool, error) {
	if !wholly {
		key := r.log.entryKey(r.at.Epoch, r.at.Seq+1)
		_, _, err := r.log.objects.Get(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return false, fmt.Errorf("read %s: %w", key, err)
		}
		return err == nil, nil
	}
	prefix := events.EpochPrefix(r.log.uid, r.log.name, r.at.Epoch)
	keys, err := r.log.objects.List(ctx, prefix, r.log.entryKey(r.at.Epoch, r.at.Seq), 1)
	if err != nil {
		return false, fmt.Errorf("list %s: %w", prefix, err)
	}
	if len(keys) == 0 {
		return false, nil
	}
	_, k, ok := parseKey(prefix, keys[0])
	return ok && k == kindChange, nil
}

// leaveFork reads the log afresh, from its checkpoint, when the next change leads on from another state than the one
// that was read: a change was lost after we had read it, and somebody has written another in its place. If the log
// leads beyond that place without us, we go there.
func (r *Reader[S, C]) leaveFork(ctx context.Context) (jumped bool, err error) {
	if r.stuckAt > 1 && !r.intervalOver(r.forked) {
		return false, nil
	}
	r.forked = r.now()
	fresh := &Reader[S, C]{log: r.log, format: r.format, now: r.now, every: r.every}
	if jumped, err = fresh.consult(ctx); err != nil || !jumped {
		return false, err
	}
	if _, err = fresh.tail(ctx); err != nil {
		return false, err
	}
	if fresh.at.Compare(r.at) <= 0 {
		return false, nil
	}
	*r = *fresh
	return true, nil
}
