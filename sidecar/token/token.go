// Package token keeps a proxy's stream token good: it has one fetched, writes the files that Envoy reads it from, and
// renews it at about half of its life.
//
// It never logs a token, never stops a proxy because a renewal fails (Envoy goes on with what it has), and knows no HTTP.
// Start with Keeper.
package token

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/sidecar/api"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/folder"
)

// How faults are answered: soon at first, for a throttled or restarting API, and then not as a burden to it.
const (
	firstPause = time.Second
	maxPause   = time.Minute
	// Tokens are good for a minute at least: what says otherwise is a clock that is wrong, and must not make a storm.
	leastWait = 5 * time.Second
)

// Keeper keeps one proxy's token.
type Keeper struct {
	Fetch func(context.Context) (api.Token, error)
	Dir   string // where the files lie; must exist
	Log   *slog.Logger
	// Failed, if not nil, hears of each fault.
	Failed func(error)

	last api.Token
}

// Get gets a token, for as long as ctx lasts, and writes the files if there is one. The relay's address is in the answer.
func (k *Keeper) Get(ctx context.Context) (api.Token, error) {
	return Insist(ctx, func() (api.Token, error) {
		t, err := k.Fetch(ctx)
		if err != nil {
			return t, err
		}
		if t.Token != "" {
			if err := k.write(t); err != nil {
				return t, backoff.Permanent(err)
			}
		}
		k.noteChanges(t)
		return t, nil
	}, func(err error, pause time.Duration) {
		if k.Failed != nil {
			k.Failed(err)
		}
		k.Log.Warn("no new token", "error", err.Error(), "again in", pause.String())
	})
}

// Keep renews t, the token that Get gave, until ctx ends. It returns at once where no tokens are needed.
func (k *Keeper) Keep(ctx context.Context, t api.Token) error {
	k.last = t
	for t.Token != "" {
		// A few tenths apart, so that tasks started together don't all ask together for ever.
		wait := time.Duration(float64(time.Until(t.Expires)) * (0.4 + 0.2*rand.Float64()))
		select {
		case <-time.After(max(wait, leastWait)):
		case <-ctx.Done():
			return nil
		}
		next, err := k.Get(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		t = next
		k.Log.Debug("token renewed", "expires", t.Expires)
	}
	return nil
}

// Insist does what it is told until it works, with longer and longer pauses, each of which is told. What can't be
// helped by waiting is marked by backoff.Permanent.
func Insist[T any](ctx context.Context, do func() (T, error), failed func(error, time.Duration)) (T, error) {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstPause, maxPause
	b.RandomizationFactor = 0.5
	t, err := backoff.Retry(ctx, do, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0), backoff.WithNotify(failed))
	if p := (*backoff.PermanentError)(nil); errors.As(err, &p) {
		err = p.Unwrap()
	}
	return t, err
}

// noteChanges tells of what a running Envoy can't take in.
func (k *Keeper) noteChanges(t api.Token) {
	if k.last.Relay != "" && (k.last.Relay != t.Relay || k.last.CA != t.CA) {
		k.Log.Warn("the relay's address or authority has changed: start this task anew before the old one goes", "relay", t.Relay)
	}
	k.last = t
}

// write writes all three files: by another file and a rename each, since Envoy sees no other change. The token comes
// first: the secret names it.
func (k *Keeper) write(t api.Token) error {
	secret, err := bootstrap.TokenSecret(k.Dir)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{bootstrap.TokenFile, []byte(t.Token)}, {bootstrap.CAFile, []byte(t.CA)}, {bootstrap.SecretFile, secret}} {
		if err := folder.Write(k.Dir, f.name, f.data); err != nil {
			return err
		}
	}
	return nil
}
