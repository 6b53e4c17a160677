package graph

import "github.com/ownmesh/ownmesh/core/resource"

// Pool bounds what a listener lets through to its application (a gateway's: to itself). 0 is no bound.
type Pool struct {
	MaxConnections, MaxPendingRequests, MaxRequests int
}

// readPool reads a listener's connection pool: that of its own protocol counts.
func readPool(c *resource.VirtualNodeConnectionPool, of Protocol, path string, n *Notes) Pool {
	var pool Pool
	if c == nil {
		return pool
	}
	use := func(p Protocol, given bool, read func() Pool) {
		switch {
		case !given:
		case p != of:
			n.add("pool-protocol", path+"."+string(p), quoted("the listener speaks %s: this pool is ignored, and nothing is limited", of), "move it to connectionPool."+string(of))
		default:
			pool = read()
		}
	}
	use(TCP, c.TCP != nil, func() Pool { return Pool{MaxConnections: c.TCP.MaxConnections} })
	use(HTTP, c.HTTP != nil, func() Pool {
		p := Pool{MaxConnections: c.HTTP.MaxConnections}
		if c.HTTP.MaxPendingRequests != nil {
			p.MaxPendingRequests = *c.HTTP.MaxPendingRequests
		}
		return p
	})
	use(HTTP2, c.HTTP2 != nil, func() Pool { return Pool{MaxRequests: c.HTTP2.MaxRequests} })
	use(GRPC, c.GRPC != nil, func() Pool { return Pool{MaxRequests: c.GRPC.MaxRequests} })
	return pool
}
