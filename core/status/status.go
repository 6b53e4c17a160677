// Package status says how the proxies of a mesh stand to its newest published generation: it merges what the live
// relays wrote, and tells once a generation when all proxies have accepted it.
//
// It reads the artifact store alone, never a relay, and changes nothing but the object that remembers what was told.
// Start with Reader.Mesh; converged.go is the other half.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// Reader reads reports and status objects.
type Reader struct {
	Objects artifact.Objects
	Now     func() time.Time
	Logger  *slog.Logger
}

// Mesh is how a mesh's proxies stand.
type Mesh struct {
	Published int64   // compiled and in the log; 0: nothing yet
	Relays    int     // that are alive and serve it
	Proxies   []Proxy // connected ones, by resource and instance
}

// Proxy is one connected Envoy, and the relay that serves it.
type Proxy struct {
	events.ProxyStatus
	Relay string `json:"relay"`
}

// relaysPage is how many status objects are listed at once.
const relaysPage = 100

// deadAfter is how many heartbeats a relay may miss before it counts as gone, and its proxies with it.
const deadAfter = 3

// Mesh merges what live relays say of the mesh with this uid, against the published generation.
func (r Reader) Mesh(ctx context.Context, uid string, published int64) (Mesh, error) {
	relays, err := r.liveRelays(ctx, uid)
	if err != nil {
		return Mesh{}, err
	}
	return Mesh{Published: published, Relays: len(relays), Proxies: merge(relays, published)}, nil
}

// Report is what the newest compilation said of the mesh with this uid, zero if it was never compiled.
func (r Reader) Report(ctx context.Context, uid string) (resource.Report, error) {
	var report resource.Report
	_, err := r.readJSON(ctx, events.ReportPath(uid), &report)
	return report, err
}

// Registration is what register found in a mesh's resources; of one that was never registered, nothing.
func (r Reader) Registration(ctx context.Context, uid string) ([]resource.Finding, error) {
	var report resource.Report
	_, err := r.readJSON(ctx, events.RegistrationPath(uid), &report)
	return report.Findings, err
}

// liveRelays reads the status objects of the relays that serve a mesh now.
func (r Reader) liveRelays(ctx context.Context, uid string) ([]events.RelayStatus, error) {
	oldest := r.Now().Add(-deadAfter * events.StatusHeartbeat)
	var live []events.RelayStatus
	for after, more := "", true; more; {
		keys, err := r.Objects.List(ctx, events.StatusPrefix(uid), after, relaysPage)
		if err != nil {
			return nil, fmt.Errorf("list relays of mesh %s: %w", uid, err)
		}
		for _, key := range keys {
			var s events.RelayStatus
			found, err := r.readJSON(ctx, key, &s)
			if err != nil {
				return nil, err
			}
			if found && s.MeshUID == uid && !s.At.Before(oldest) {
				live = append(live, s)
			}
		}
		if more = len(keys) == relaysPage; more {
			after = keys[len(keys)-1]
		}
	}
	return live, nil
}

// readJSON reads an object that may be missing. A damaged one is logged and counts as missing: its writer will
// replace it, and what else is known of the mesh is still worth an answer.
func (r Reader) readJSON(ctx context.Context, key string, into any) (found bool, err error) {
	data, _, err := r.Objects.Get(ctx, key)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return false, nil
	case errors.Is(err, context.Canceled):
		return false, err
	case err != nil:
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		if r.Logger != nil {
			r.Logger.Warn("unreadable object is left out", "key", key, "error", err)
		}
		return false, nil
	}
	return true, nil
}
