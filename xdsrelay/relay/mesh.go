package relay

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

// mesh is one mesh as its two logs describe it, and the streams that are served from it.
type mesh struct {
	uid   string
	relay *Relay

	configTail, endpointsTail *tail
	// ready is closed once both logs have been read, or are known not to exist: an endpoints log that could not be
	// read yet must not look like one without instances.
	ready chan struct{}
	stop  func() // ends the tails

	// refs, guarded by Relay.mu, counts the streams that use or seek the mesh; lingering is set while it is zero.
	refs      int
	lingering *time.Timer

	// statusDirty says that the status object is behind.
	statusDirty atomic.Bool
	status      statusObject

	mu         sync.RWMutex
	name       string
	exists     bool // the config log does
	deleted    bool
	generation int64
	appliedAt  time.Time // when generation was reached
	slots      map[artifact.ID]*slot
	proxies    map[artifact.ProxyKey]*proxy
	state      endpoint.State // its maps of instances are the endpoints log's reader's, too
	// hasEndpoints: the endpoints log exists. Until then no service is waited for.
	hasEndpoints bool
	selectors    map[endpoint.ServiceKey]map[*slot]struct{} // clusters by the service that they select from
	heads        [kinds]mem.Buffer
	changed      chan struct{} // closed, and made anew, whenever the config log has moved
	woken        []*stream     // streams marked by the change that is being applied; woken when mu is free
}

// resource is the newest version of a resource of the config log.
type resource struct {
	*entry
	kind     kind
	source   artifact.Resource
	selector *endpoint.Selector // EDS clusters
	leaving  []*virtualHost     // of routes: only an earlier version has them, see overlap.go
	// assignment is the cluster's endpoints, made when the first stream asks. Who makes it holds mesh.mu for reading
	// at least, so it is of the present state; two who do so at once make the same.
	assignment atomic.Pointer[entry]
}

// proxy is a virtual node or gateway, with its views by explicit or not.
type proxy struct {
	artifact.Proxy
	transparent, explicit *view
}

func (p *proxy) view(explicit bool) **view {
	if explicit {
		return &p.explicit
	}
	return &p.transparent
}

func newMesh(r *Relay, uid string) *mesh {
	m := &mesh{
		uid: uid, relay: r, ready: make(chan struct{}), changed: make(chan struct{}),
		slots: map[artifact.ID]*slot{}, proxies: map[artifact.ProxyKey]*proxy{},
		state:     endpoint.State{Services: map[endpoint.ServiceKey]map[string]endpoint.Instance{}},
		selectors: map[endpoint.ServiceKey]map[*slot]struct{}{},
	}
	m.setGeneration(0)
	return m
}

func (m *mesh) setGeneration(generation int64) {
	m.generation = generation
	m.appliedAt = m.relay.now()
	for k := range kinds {
		m.heads[k] = newHead(k, generation, m.relay.opts.ID)
	}
}

func (m *mesh) isDeleted() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.deleted
}

// join puts a stream on its proxy's view. Where that can't be now but may be soon, it gives a channel that is closed
// at the next news, besides the error to end with if there is none in time.
func (m *mesh) join(s *stream) (news <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch p := m.proxies[s.node.proxy]; {
	case m.deleted:
		return m.changed, status.Errorf(codes.InvalidArgument, "mesh %q is deleted", s.node.mesh)
	case !m.exists:
		return m.changed, status.Errorf(codes.Unavailable, "nothing is published yet for mesh %q", s.node.mesh)
	case p == nil:
		return m.changed, status.Errorf(codes.InvalidArgument, "%s is not in mesh %q (generation %d): create it, or correct node.id (APPMESH_RESOURCE_ARN)",
			s.node.describe(), s.node.mesh, m.generation)
	default:
		set := setOf(p.Proxy, s.explicit())
		if set == nil {
			return m.changed, errNotExplicit(s.node)
		}
		at := p.view(s.explicit())
		if *at == nil {
			*at = &view{key: s.node.proxy, uid: p.UID, explicit: s.explicit(), streams: map[*stream]struct{}{}}
			m.give(*at, set)
		}
		(*at).streams[s] = struct{}{}
		s.view = *at
		m.statusDirty.Store(true)
		return nil, nil
	}
}

func errNotExplicit(n node) error {
	return status.Errorf(codes.InvalidArgument, "%s asks for explicit interception, which is off for it: turn it on by an interception of mode explicit for it or for mesh %q (PUT /v1/meshes/%s/interceptions)",
		n.describe(), n.mesh, n.mesh)
}

// leave takes a stream off its view.
func (m *mesh) leave(s *stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := s.view
	delete(v.streams, s)
	m.statusDirty.Store(true)
	if len(v.streams) > 0 {
		return
	}
	m.take(v)
	if p := m.proxies[v.key]; p != nil && *p.view(v.explicit) == v {
		*p.view(v.explicit) = nil
	}
}

// assignment gives the endpoints of an EDS cluster. m.mu is held, for reading at least.
func (m *mesh) assignment(r *resource) *entry {
	if e := r.assignment.Load(); e != nil {
		return e
	}
	e := assign(r.name, endpoint.Join(*r.selector, m.state))
	r.assignment.Store(e)
	return e
}
