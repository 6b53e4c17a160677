package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ownmesh/ownmesh/events"
)

// Rebuild gives the state at any place of the log that is still kept, bit for bit as it was published. It leaves the
// reader where it is. ErrNotFound: that place is collected, or never was.
func (r *Reader[S, C]) Rebuild(ctx context.Context, epoch, seq int64) (S, Position, error) {
	var none S
	bases, err := r.log.fulls(ctx, epoch)
	if err != nil {
		return none, Position{}, err
	}
	err = ErrNotFound
	for _, base := range slices.Backward(bases) {
		if base > seq {
			continue
		}
		state, at, e := r.rebuildFrom(ctx, Position{Epoch: epoch, Seq: base}, seq)
		if e == nil {
			return state, at, nil
		}
		if isFault(e) {
			return none, Position{}, e
		}
		err = e // another full state, farther back, may do
	}
	return none, Position{}, fmt.Errorf("rebuild state %d of epoch %d: %w", seq, epoch, err)
}

func (r *Reader[S, C]) rebuildFrom(ctx context.Context, base Position, seq int64) (S, Position, error) {
	var none S
	d, err := r.log.read(ctx, r.log.fullKey(base), kindFull, base.Epoch, base.Seq)
	if err != nil {
		return none, base, err
	}
	state, err := r.format.state(r.log, d)
	if err != nil {
		return none, base, err
	}
	at := d.position()
	for at.Seq < seq {
		key := r.log.entryKey(at.Epoch, at.Seq)
		data, _, err := r.log.objects.Get(ctx, key)
		if err != nil {
			return none, at, fmt.Errorf("read %s: %w", key, err)
		}
		step, err := follow(r.log, r.format, state, at, data)
		if errors.Is(err, errEnd) {
			return none, at, fmt.Errorf("the epoch ends with %d: %w", at.Seq, ErrNotFound)
		}
		if err != nil {
			return none, at, err
		}
		at = step.Position
	}
	return state, at, nil
}

// listPage is how many keys are listed at a time.
const listPage = 1000

// fulls lists the seqs of an epoch's full states, ascending.
func (l log) fulls(ctx context.Context, epoch int64) ([]int64, error) {
	prefix := events.EpochPrefix(l.uid, l.name, epoch)
	var seqs []int64
	err := l.list(ctx, prefix+"full-", "", func(key string) bool {
		if seq, k, ok := parseKey(prefix, key); ok && k == kindFull {
			seqs = append(seqs, seq)
		}
		return true
	})
	return seqs, err
}

// list calls each with the keys under prefix, ascending, greater than after, until it returns false.
func (l log) list(ctx context.Context, prefix, after string, each func(key string) bool) error {
	for {
		keys, err := l.objects.List(ctx, prefix, after, listPage)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, key := range keys {
			if !each(key) {
				return nil
			}
			after = key
		}
		if len(keys) < listPage {
			return nil
		}
	}
}
