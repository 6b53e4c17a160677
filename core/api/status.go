package api

import (
	"fmt"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/status"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// meshStatus is how a mesh's proxies stand to its newest generation.
type meshStatus struct {
	Mesh       string         `json:"mesh"`
	UID        string         `json:"uid"`
	Generation int64          `json:"generation"` // committed
	Published  int64          `json:"published"`  // compiled and in the log; 0: nothing yet
	Proxies    []status.Proxy `json:"proxies"`    // connected ones, by resource and instance
	Summary    statusSummary  `json:"summary"`
}

type statusSummary struct {
	Connected int `json:"connected"`
	Current   int `json:"current"`
	Behind    int `json:"behind"`
	Rejected  int `json:"rejected"`
}

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
	s := meshStatus{Mesh: m.Name, UID: m.UID, Generation: m.Generation, Published: report.Generation, Proxies: []status.Proxy{}}
	if c.h.Objects != nil {
		now, err := c.reader().Mesh(c.ctx, m.UID, report.Generation)
		if err != nil {
			return meshStatus{}, err
		}
		s.Proxies = now.Proxies
	}
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
	if c.h.Objects == nil {
		return resource.Report{}, nil
	}
	return c.reader().Report(c.ctx, m.UID)
}

func (c *call) reader() status.Reader {
	return status.Reader{Objects: c.h.Objects, Now: c.h.Now, Logger: c.h.Logger.With("request", c.id)}
}

// orEmpty makes JSON say [] rather than null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
