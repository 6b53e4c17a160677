package relay

import (
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// This file: route configurations that another one of the same proxy leads to (artifact.Resource.Overlap). What a new
// version lacks is served on for Options.Overlap, as requests may be under way to it.

// Field numbers of envoy.config.route.v3: RouteConfiguration and VirtualHost.
const (
	routesVirtualHosts = 2
	hostName           = 1
	hostDomains        = 2
)

// virtualHost is one of a route configuration, as bytes.
type virtualHost struct {
	names []string // its name and domains; two with one in common can't be in one configuration
	body  []byte
	needs []string // the clusters of the whole configuration that it comes from
}

// overlap makes the newest version of a route configuration serve the virtual hosts that only the version before it
// has, besides its own, for a while. A configuration that can't be read is served as it is.
func (m *mesh) overlap(s *slot, before *resource) {
	hosts, err := virtualHosts(s.now.source)
	old, oldErr := virtualHosts(before.source)
	if errors.Join(err, oldErr) != nil {
		return
	}
	taken := map[string]bool{}
	take := func(h *virtualHost) (free bool) {
		if slices.ContainsFunc(h.names, func(n string) bool { return taken[n] }) {
			return false
		}
		for _, n := range h.names {
			taken[n] = true
		}
		return true
	}
	for _, h := range hosts {
		take(h)
	}
	var lost []*virtualHost
	for _, h := range old {
		if take(h) {
			lost = append(lost, h)
		}
	}
	s.now.leaving = lost
	for _, h := range before.leaving {
		if take(h) {
			s.now.leaving = append(s.now.leaving, h)
		}
	}
	s.now.join()
	if len(lost) > 0 {
		time.AfterFunc(m.relay.opts.Overlap, func() { m.update(func() { m.letGo(s, lost) }) })
	}
}

// letGo ends the overlap of some virtual hosts. It is not a matter of generations: nobody waits for it.
func (m *mesh) letGo(s *slot, hosts []*virtualHost) {
	if s.now == nil {
		return
	}
	left := slices.DeleteFunc(slices.Clone(s.now.leaving), func(h *virtualHost) bool { return slices.Contains(hosts, h) })
	if len(left) == len(s.now.leaving) {
		return
	}
	s.now.leaving = left
	s.now.join()
	for _, h := range s.holders {
		for stream := range h.view.streams {
			m.markOne(stream, route, s.Name, noGeneration)
		}
	}
}

// join makes the entry of a route configuration's own virtual hosts and of those that are leaving.
func (r *resource) join() {
	if len(r.leaving) == 0 {
		r.entry = newEntry(r.kind, r.name, r.source.Hash, r.source.Body, r.source.Needs)
		return
	}
	body, needs := slices.Clone(r.source.Body), slices.Clone(r.source.Needs)
	for _, h := range r.leaving {
		body = protowire.AppendTag(body, routesVirtualHosts, protowire.BytesType)
		body = protowire.AppendBytes(body, h.body)
		needs = append(needs, h.needs...)
	}
	slices.Sort(needs)
	r.entry = newEntry(r.kind, r.name, contentHash(body), body, slices.Compact(needs))
}

// virtualHosts reads those of a route configuration.
func virtualHosts(r artifact.Resource) (hosts []*virtualHost, err error) {
	err = eachBytes(r.Body, func(field protowire.Number, body []byte) error {
		if field != routesVirtualHosts {
			return nil
		}
		h := &virtualHost{body: body, needs: r.Needs}
		hosts = append(hosts, h)
		return eachBytes(body, func(field protowire.Number, text []byte) error {
			switch field {
			case hostName:
				h.names = append(h.names, "name "+string(text))
			case hostDomains:
				h.names = append(h.names, "domain "+string(text))
			}
			return nil
		})
	})
	return hosts, err
}
