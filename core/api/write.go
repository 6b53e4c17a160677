package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// plan is what an operation makes of a mesh as it is at one generation: what to commit, and what to answer then.
// With neither put nor remove there is nothing to do: the request was done before.
type plan struct {
	put        *store.Record
	remove     *resource.Key
	tags       map[string]string
	addRefs    []store.Ref
	removeRefs []store.Ref
	answer     any
}

// planner checks a change against the mesh and plans it. Everything that it reads is at least as new as m; since the
// commit happens only if the mesh is still at m's generation, every check still holds when it does.
type planner func(ctx context.Context, m store.Mesh, now time.Time) (plan, error)

// maxFaults is how often a write goes on after the store failed, before the client is told.
const maxFaults = 3

// change runs the optimistic loop on the mesh that the path names: read it, plan, commit if nobody was faster.
func (c *call) change(decide planner) (any, error) {
	w := &writer{c: c, decide: decide}
	return c.settle(c.vars["meshName"], w.attempt)
}

// settle repeats attempt until it succeeds or fails for good: on a lost race with jittered pauses as long as patience
// lasts, on faults of the store a few times. Writers of one mesh in this process take turns. A client that hangs up
// ends the waiting, but cuts no attempt short.
func (c *call) settle(mesh string, attempt func(context.Context) (any, error)) (any, error) {
	waiting, cancel := context.WithTimeout(c.ctx, c.h.patience)
	defer cancel()
	release, err := c.h.writers.acquire(waiting, mesh)
	if err != nil {
		return nil, busy("mesh "+mesh, err)
	}
	defer release()

	whole, stop := uncut(c.ctx)
	defer stop()
	var last error
	faults := 0
	answer, err := backoff.Retry(waiting, func() (any, error) {
		answer, err := attempt(whole)
		last = err
		var refused *failure
		switch {
		case err == nil || errors.As(err, &refused):
			return answer, permanent(err)
		case lostRace(err), errors.Is(err, store.ErrBusy):
			return nil, err
		default:
			if faults++; faults == maxFaults {
				return nil, permanent(err)
			}
			return nil, err
		}
	}, backoff.WithBackOff(&pauses{}), backoff.WithMaxElapsedTime(0))
	if err != nil && last != nil && !errors.Is(err, context.Canceled) {
		err = last // not the deadline that ended the waiting, but what was waited for
	}
	if lostRace(err) {
		return nil, busy("mesh "+mesh, err)
	}
	return answer, err
}

// uncut is a context that lasts as long as ctx has time, though its client may hang up.
func uncut(ctx context.Context) (context.Context, context.CancelFunc) {
	whole := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(whole, deadline)
	}
	return whole, func() {}
}

func permanent(err error) error {
	if err == nil {
		return nil
	}
	return backoff.Permanent(err)
}

// lostRace tells whether a commit's condition did not hold: nothing happened, and it is worth another attempt.
func lostRace(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists)
}

// busy is the answer when patience is over.
func busy(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fail(tooManyRequests, "too many changes of %s at once: try again", what)
}

// writer is one change on its way through the optimistic loop.
type writer struct {
	c      *call
	decide planner
	// open is a commit of which it is not known whether it happened, nil if there is none. It can't be forgotten
	// before that is settled: it may still happen as long as its generation is the mesh's.
	open *openCommit
}

type openCommit struct {
	commit store.Commit
	answer any
}

// attempt is one round of the loop. Whatever went wrong in it: if the open commit happened after all, the change is
// done.
func (w *writer) attempt(ctx context.Context) (any, error) {
	answer, err := w.try(ctx)
	if err == nil || w.open == nil {
		return answer, err
	}
	happened, lookErr := w.happened(ctx)
	if lookErr != nil {
		// Whatever err is, it may be our own commit's doing: it is told, but not as what went wrong.
		return nil, fmt.Errorf("%w, after: %s", lookErr, err.Error())
	}
	if happened {
		return w.done(*w.open), nil
	}
	return nil, err
}

func (w *writer) try(ctx context.Context) (any, error) {
	m, err := w.c.mesh(ctx)
	if err != nil {
		return nil, err
	}
	next, err := w.next(ctx, m)
	if err != nil || next.commit.Put == nil && next.commit.Delete == nil {
		return next.answer, err
	}
	err = w.c.h.Store.Commit(ctx, next.commit)
	switch {
	case err == nil:
		return w.done(next), nil
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrBusy):
		return nil, err
	default:
		w.open = &next
		return nil, fmt.Errorf("commit generation %d of mesh %s: %w", m.Generation+1, m.Name, err)
	}
}

// next is what to commit at m's generation: the open commit once more, exactly as it was, if it may still happen; else
// a new plan.
func (w *writer) next(ctx context.Context, m store.Mesh) (openCommit, error) {
	if w.open != nil {
		if w.open.commit.MeshUID == m.UID && w.open.commit.IfGeneration == m.Generation {
			return *w.open, nil
		}
		happened, err := w.happened(ctx)
		if err != nil {
			return openCommit{}, err
		}
		if happened {
			return openCommit{answer: w.done(*w.open)}, nil
		}
		w.open = nil // its generation is somebody else's
	}
	c, now := w.c, w.c.h.now()
	p, err := w.decide(ctx, m, now)
	if err != nil || p.put == nil && p.remove == nil {
		return openCommit{answer: p.answer}, err
	}
	return openCommit{answer: p.answer, commit: store.Commit{
		MeshUID: m.UID, IfGeneration: m.Generation, RequestID: c.id, Caller: c.h.Caller(c.r), At: now,
		Put: p.put, Delete: p.remove, Tags: p.tags, AddRefs: p.addRefs, RemoveRefs: p.removeRefs,
	}}, nil
}

// happened looks for the open commit in the journal.
func (w *writer) happened(ctx context.Context) (bool, error) {
	open := w.open.commit
	entries, err := w.c.h.Store.Journal(ctx, open.MeshUID, open.IfGeneration, 1)
	if err != nil {
		return false, fmt.Errorf("look for generation %d in the journal: %w", open.IfGeneration+1, err)
	}
	return len(entries) > 0 && entries[0].Generation == open.IfGeneration+1 && entries[0].RequestID == open.RequestID, nil
}

// done tells the world about a commit that happened.
func (w *writer) done(o openCommit) any {
	w.c.h.Committed(events.MeshChanged{UID: o.commit.MeshUID, Generation: o.commit.IfGeneration + 1})
	return o.answer
}
