package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// meshStatus is how a mesh's proxies stand to its newest generation.
type meshStatus struct {
	Mesh       string        `json:"mesh"`
	UID        string        `json:"uid"`
	Generation int64         `json:"generation"` // committed
	Published  int64         `json:"published"`  // compiled and in the log; 0: nothing yet
	Proxies    []proxyStatus `json:"proxies"`    // connected ones, by resource and instance
	Summary    statusSummary `json:"summary"`
}

type proxyStatus struct {
	events.ProxyStatus
	Relay string `json:"relay"`
}

type statusSummary struct {
	Connected int `json:"connected"`
	Current   int `json:"current"`
	Behind    int `json:"behind"`
	Rejected  int `json:"rejected"`
}

// relaysPage is how many status objects are listed at once.
const relaysPage = 100

// deadAfter is how many heartbeats a relay may miss before it counts as gone, and its proxies with it.
const deadAfter = 3

func getStatus(c *call) (any, error) {
	if err := refuse(c.params()); err != nil {
		return nil, err
	}
	m, err := c.mesh(c.ctx)
	if err != nil {
		return nil, err
	}
	return c.status(m)
}

func listStatus(c *call) (any, error) {
	all := []meshStatus{}
	for after, more := "", true; more; {
		meshes, err := c.h.Store.Meshes(c.ctx, after, defaultPage)
		if err != nil {
			return nil, fmt.Errorf("list meshes: %w", err)
		}
		for _, m := range meshes {
			s, err := c.status(m)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		if more = len(meshes) == defaultPage; more {
			after = meshes[len(meshes)-1].Name
		}
	}
	return object{"meshes": all}, nil
}

func (c *call) status(m store.Mesh) (meshStatus, error) {
	report, err := c.report(m)
	if err != nil {
		return meshStatus{}, err
	}
	relays, err := c.liveRelays(m.UID)
	if err != nil {
		return meshStatus{}, err
	}
	s := meshStatus{Mesh: m.Name, UID: m.UID, Generation: m.Generation, Published: report.Generation, Proxies: mergeProxies(relays, report.Generation)}
	s.Summary.Connected = len(s.Proxies)
	for _, p := range s.Proxies {
		switch p.State {
		case events.Current:
			s.Summary.Current++
		case events.Rejected:
			s.Summary.Rejected++
		default:
			s.Summary.Behind++
		}
	}
	return s, nil
}

// report is what the newest compilation said of m, zero if it was never compiled.
func (c *call) report(m store.Mesh) (resource.Report, error) {
	var report resource.Report
	if c.h.Objects == nil {
		return report, nil
	}
	_, err := c.readJSON(events.ReportPath(m.UID), &report)
	return report, err
}

// liveRelays reads the status objects of the relays that serve a mesh now.
func (c *call) liveRelays(uid string) ([]events.RelayStatus, error) {
	if c.h.Objects == nil {
		return nil, nil
	}
	oldest := c.h.Now().Add(-deadAfter * events.StatusHeartbeat)
	var live []events.RelayStatus
	for after, more := "", true; more; {
		keys, err := c.h.Objects.List(c.ctx, events.StatusPrefix(uid), after, relaysPage)
		if err != nil {
			return nil, fmt.Errorf("list relays of mesh %s: %w", uid, err)
		}
		for _, key := range keys {
			var s events.RelayStatus
			found, err := c.readJSON(key, &s)
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
func (c *call) readJSON(key string, into any) (found bool, err error) {
	data, _, err := c.h.Objects.Get(c.ctx, key)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return false, nil
	case errors.Is(err, context.Canceled):
		return false, err
	case err != nil:
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		c.h.Logger.Warn("unreadable object is left out", "request", c.id, "key", key, "error", err)
		return false, nil
	}
	return true, nil
}

// mergeProxies puts together what several relays say. A proxy that went from one relay to another is in both until
// the first writes again: the newer connection counts. And a relay's word may be older than what is published.
func mergeProxies(relays []events.RelayStatus, published int64) []proxyStatus {
	type identity struct{ resource, instance string }
	home := map[identity]int{} // the relay that has the proxy's newest connection
	newest := map[identity]events.ProxyStatus{}
	for i, r := range relays {
		for _, p := range r.Proxies {
			id := identity{p.Resource, p.Instance}
			if known, ok := newest[id]; !ok || p.ConnectedSince.After(known.ConnectedSince) {
				home[id], newest[id] = i, p
			}
		}
	}
	merged := []proxyStatus{}
	for i, r := range relays {
		for _, p := range r.Proxies {
			if home[identity{p.Resource, p.Instance}] != i {
				continue
			}
			if p.State == events.Current && p.Generation < published {
				p.State = events.Behind
				p.Waiting = append(p.Waiting, fmt.Sprintf("generation %d is published, and relay %s has not told of it yet", published, r.Relay))
			}
			p.Waiting, p.Unmapped, p.Rejected = orEmpty(p.Waiting), orEmpty(p.Unmapped), orEmpty(p.Rejected)
			merged = append(merged, proxyStatus{ProxyStatus: p, Relay: r.Relay})
		}
	}
	slices.SortStableFunc(merged, func(a, b proxyStatus) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), strings.Compare(a.Instance, b.Instance))
	})
	return merged
}

// orEmpty makes JSON say [] rather than null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
