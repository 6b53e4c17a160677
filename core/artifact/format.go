package artifact

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/ownmesh/ownmesh/events"
)

// Errors of logs, to be told apart with errors.Is.
var (
	// ErrLost says that the log does not end where the writer thought: somebody else's change follows. Nothing of the
	// writer's is in the log. Read on, then decide again.
	ErrLost = errors.New("somebody else has written to the log meanwhile")
	// ErrDamaged says that an object of the log is missing where one must be, unreadable, or does not fit the rest.
	// Readers go on as soon as a writer has healed the log by NewEpoch.
	ErrDamaged = errors.New("log is damaged")
	// ErrNewer says that an object was written by a newer version of Ownmesh. It is no damage: upgrade the reader.
	ErrNewer = errors.New("written by a newer version of Ownmesh")
	// ErrBehind says that the log already holds a higher generation, or that of a newer compiler, or a tombstone: the
	// writer is late or old, and its change has no place in the log.
	ErrBehind = errors.New("the log is ahead of this change")
	// ErrTooLarge says that a state or change is larger than readers accept.
	ErrTooLarge = errors.New("too large for a log")
)

// Position is a place in a log: the state that Seq changes of Epoch lead to. The zero Position is that of a log that
// does not exist.
type Position struct {
	Epoch int64 `json:"epoch"` // from 1; later epochs have higher numbers
	Seq   int64 `json:"seq"`   // from 0 in each epoch; also the number of the change that will lead on from here
	// Sum is the checksum of the chain so far: that of the change that led here or, at an epoch's first state, of the
	// full state.
	Sum string `json:"sum"`
	// Bytes is the size of the epoch's changes so far, uncompressed. It tells when a checkpoint is due.
	Bytes int64 `json:"bytes,omitempty"`
	// Generation, Compiler and Deleted are those of the state here; zero in logs that have none.
	Generation int64 `json:"generation,omitempty"`
	Compiler   int   `json:"compiler,omitempty"`
	Deleted    bool  `json:"deleted,omitempty"`
}

// Compare orders positions by epoch, then seq.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Seq, q.Seq))
}

// String is "epoch/seq".
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Epoch, p.Seq) }

func (p Position) mark() mark { return mark{p.Generation, p.Compiler, p.Deleted} }

// with is p with another mark.
func (p Position) with(m mark) Position {
	p.Generation, p.Compiler, p.Deleted = m.Generation, m.Compiler, m.Deleted
	return p
}

// mark is what a log never goes back in.
type mark struct {
	Generation int64 `json:"generation,omitempty"`
	Compiler   int   `json:"compiler,omitempty"`
	Deleted    bool  `json:"deleted,omitempty"` // tombstone: nothing follows
}

// after says why m may not follow before, or nil.
func (m mark) after(before mark) error {
	switch {
	case before.Deleted:
		return fmt.Errorf("%w: it ends with a tombstone", ErrBehind)
	case m.Compiler < before.Compiler:
		return fmt.Errorf("%w: it was written by compiler %d, this is compiler %d", ErrBehind, before.Compiler, m.Compiler)
	case m.Generation < before.Generation:
		return fmt.Errorf("%w: it is at generation %d, this is generation %d", ErrBehind, before.Generation, m.Generation)
	}
	return nil
}

// Format says how the states S and changes C of a log are spelt and applied. There are two: ConfigLog and
// EndpointsLog. S is a pointer.
type Format[S, C any] struct {
	name         events.LogName
	encodeState  func(S) ([]byte, error) // deterministic JSON
	decodeState  func([]byte) (S, error) // an error is damage
	encodeChange func(C) ([]byte, error)
	decodeChange func([]byte) (C, error)
	apply        func(S, C) error // in place, all of it or nothing; an error is damage
	stateMark    func(S) mark
	changeMark   func(C) mark
	// manifest spells what decodeState reads as a state without bodies. Nil: full states have none.
	manifest func(S) ([]byte, error)
	// fromManifest makes a reader open the log from manifests where it can.
	fromManifest bool
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}
