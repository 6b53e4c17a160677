package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// segment is a full state, at from, and the changes that lead on from it up to the next full state, at to.
type segment struct {
	epoch, from int64
	to          int64    // -1: to the epoch's end
	entries     []int64  // seqs, ascending
	base        []string // keys of the full state and its manifest, as far as they are there; the full state's is first
}

// end is the first place behind the segment.
func (s segment) end() Position {
	if s.to < 0 {
		return Position{Epoch: s.epoch + 1}
	}
	return Position{Epoch: s.epoch, Seq: s.to}
}

// log deletes the segments of a log that are old and covered, and epochs that somebody left behind half begun.
func (r *collection) log(ctx context.Context, l log) error {
	newest, _, err := l.readCheckpoint(ctx, "")
	if isFault(err) {
		return err
	}
	if err != nil || newest.Before == nil {
		return nil
	}
	for _, t := range []Position{newest.Position, newest.Before.Position} {
		if base, err := l.base(ctx, t); err != nil || len(base) == 0 || base[0] != l.fullKey(t) {
			return err // one of the two that must stay is lost: then nothing else may go
		}
	}
	epochs, err := l.epochs(ctx)
	if err != nil {
		return err
	}
	for _, epoch := range epochs {
		if epoch > newest.Epoch {
			err = r.abandoned(ctx, l, epoch)
		} else {
			err = r.epoch(ctx, l, epoch, newest.Before.Position)
		}
		if errors.Is(err, errBounded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// epoch deletes an epoch's segments before covered, oldest first, up to the first that is too young. One whose age
// can't be read, for it is damaged, is older than the next.
func (r *collection) epoch(ctx context.Context, l log, epoch int64, covered Position) error {
	fulls, err := l.fulls(ctx, epoch)
	if err != nil {
		return err
	}
	if len(fulls) == 0 || fulls[0] != 0 {
		fulls = slices.Insert(fulls, 0, 0) // changes of which the full state is gone
	}
	var old []segment
	for i, from := range fulls {
		s := segment{epoch: epoch, from: from, to: -1}
		if i+1 < len(fulls) {
			s.to = fulls[i+1]
		}
		if s.end().Compare(covered) > 0 {
			break
		}
		if err := s.list(ctx, l); err != nil {
			return err
		}
		written, err := l.lastWritten(ctx, s)
		if err != nil {
			return err
		}
		old = append(old, s)
		if written.IsZero() {
			continue
		}
		if !r.older(written, r.Keep) {
			break
		}
		for _, s := range old {
			if err := r.drop(ctx, l, s); err != nil {
				return err
			}
		}
		old = nil
	}
	return nil
}

// abandoned deletes an epoch that was begun but that no checkpoint ever named, once it is old.
func (r *collection) abandoned(ctx context.Context, l log, epoch int64) error {
	s := segment{epoch: epoch, to: -1}
	if err := s.list(ctx, l); err != nil {
		return err
	}
	written, err := l.lastWritten(ctx, s)
	if err != nil || len(s.entries) > 0 || !r.older(written, r.Keep) {
		return err
	}
	return r.drop(ctx, l, s)
}

// drop deletes a segment from its end on, so that what is left of it can still be rebuilt.
func (r *collection) drop(ctx context.Context, l log, s segment) error {
	for _, seq := range slices.Backward(s.entries) {
		if err := r.delete(ctx, l.entryKey(s.epoch, seq)); err != nil {
			return err
		}
	}
	for _, key := range slices.Backward(s.base) {
		if err := r.delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// list finds what is there of the segment.
func (s *segment) list(ctx context.Context, l log) (err error) {
	if s.base, err = l.base(ctx, Position{Epoch: s.epoch, Seq: s.from}); err != nil {
		return err
	}
	prefix, after := events.EpochPrefix(l.uid, l.name, s.epoch), ""
	if s.from > 0 {
		after = l.entryKey(s.epoch, s.from-1)
	}
	return l.list(ctx, prefix, after, func(key string) bool {
		seq, k, ok := parseKey(prefix, key)
		if !ok || k != kindChange || s.to >= 0 && seq >= s.to {
			return false
		}
		s.entries = append(s.entries, seq)
		return true
	})
}

// base lists the full state at a place and its manifest, as far as they are there.
func (l log) base(ctx context.Context, at Position) ([]string, error) {
	keys, err := l.objects.List(ctx, l.fullKey(at), "", 2)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", l.fullKey(at), err)
	}
	return keys, nil
}

// lastWritten says when the last object of a segment was written; zero if that can't be read.
func (l log) lastWritten(ctx context.Context, s segment) (time.Time, error) {
	for _, seq := range slices.Backward(s.entries) {
		d, err := l.read(ctx, l.entryKey(s.epoch, seq), kindChange, s.epoch, seq)
		if err == nil {
			return d.At, nil
		}
		if isFault(err) {
			return time.Time{}, err
		}
	}
	d, err := l.read(ctx, l.fullKey(Position{Epoch: s.epoch, Seq: s.from}), kindFull, s.epoch, s.from)
	if err == nil {
		return d.At, nil
	}
	if isFault(err) {
		return time.Time{}, err
	}
	return time.Time{}, nil
}
