package relay

import (
	"context"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	firstRequestTimeout = 30 * time.Second
	logsTimeout         = 10 * time.Second // for a mesh's logs to be read the first time
)

// StreamAggregatedResources refuses state-of-the-world xDS.
func (r *Relay) StreamAggregatedResources(discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "state-of-the-world xDS is not served here: set ads_config.api_type to DELTA_GRPC in the bootstrap")
}

// DeltaAggregatedResources serves one Envoy until it goes, its virtual node or gateway is deleted, the stream is old,
// or the relay stops. The statuses that it ends with are for people: Envoy logs them.
func (r *Relay) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	ctx := rpc.Context()
	done, err := r.peers.stream(ctx)
	if err != nil {
		return r.refuse(ctx, node{}, err)
	}
	defer done()
	granted, err := r.authenticate(ctx)
	if err != nil {
		return r.refuse(ctx, node{}, err)
	}
	admitted := make(chan *stream, 1)
	defer close(admitted)
	first, err := firstRequest(rpc, admitted)
	if err != nil {
		return err
	}
	n, err := parseNode(first.Node, peerAddress(ctx))
	if err == nil {
		err = granted.allows(r, n)
	}
	if err != nil {
		return r.refuse(ctx, n, err)
	}
	n.grant = granted
	s, err := r.admit(rpc, n)
	if err != nil {
		return r.refuse(ctx, n, err)
	}
	defer r.dismiss(s)
	if err := s.handle(first); err != nil {
		return err
	}
	first = nil // not kept for the stream's life
	admitted <- s
	err = s.run()
	r.log.Info("stream ended", "mesh", n.mesh, "proxy", n.proxy, "instance", n.instance, "status", status.Convert(err).Message())
	return err
}

// firstRequest reads what a stream begins with, but doesn't wait for it for ever. Who reads it goes on with the rest when
// the stream is admitted.
func firstRequest(rpc grpc.ServerStream, admitted <-chan *stream) (*discoveryv3.DeltaDiscoveryRequest, error) {
	type read struct {
		request *discoveryv3.DeltaDiscoveryRequest
		err     error
	}
	done := make(chan read, 1)
	go func() {
		request := new(discoveryv3.DeltaDiscoveryRequest)
		err := rpc.RecvMsg(request)
		done <- read{request, err}
		request = nil // not kept for the stream's life
		if s, ok := <-admitted; ok {
			s.receive()
		}
	}()
	timer := time.NewTimer(firstRequestTimeout)
	defer timer.Stop()
	select {
	case got := <-done:
		return got.request, got.err
	case <-timer.C:
		return nil, status.Errorf(codes.DeadlineExceeded, "no request came within %v", firstRequestTimeout)
	}
}

func (r *Relay) refuse(ctx context.Context, n node, err error) error {
	r.metrics.refusals.Inc()
	if code := status.Code(err); code == codes.Unauthenticated || code == codes.PermissionDenied {
		r.peers.failed(peerHost(ctx))
	}
	r.log.Warn("stream refused", "peer", peerAddress(ctx), "mesh", n.mesh, "proxy", n.proxy, "instance", n.instance, "status", status.Convert(err).Message())
	return err
}

// admit finds a stream its place. What isn't there yet may be in a moment: it is looked for at once, and then waited
// for as long as Options.Patience, so that who has just been created doesn't pay Envoy's back-off.
func (r *Relay) admit(rpc grpc.ServerStream, n node) (*stream, error) {
	ctx := rpc.Context()
	r.seek(+1)
	defer r.seek(-1)
	deadline := r.now().Add(r.opts.Patience)
	var since time.Time // how young an answer about the name must be
	for {
		news := r.news()
		uid, err := r.names.uid(ctx, n.mesh, since)
		if err != nil {
			return nil, status.Errorf(codes.Unavailable, "the artifact store can't be read: %v", err)
		}
		var refusal error
		if uid == "" {
			refusal = status.Errorf(codes.InvalidArgument, "mesh %q is not known here: create it, or correct node.id (APPMESH_RESOURCE_ARN)", n.mesh)
		} else if refusal = n.grant.allowsMesh(n, uid); refusal == nil {
			s, again, err := r.enter(rpc, n, uid, deadline)
			if s != nil || !again {
				return s, err
			}
			refusal = err
		}
		since = r.now()
		left := deadline.Sub(since)
		if left <= 0 {
			return nil, refusal
		}
		if r.isDraining() {
			return nil, errDraining
		}
		if !r.pause(ctx, min(left, r.opts.Interval), news) {
			return nil, ctx.Err()
		}
	}
}

// enter puts a stream on its view. With again it is worth to look once more what the mesh's name means: the mesh has
// been deleted, and one of the same name may have been made.
func (r *Relay) enter(rpc grpc.ServerStream, n node, uid string, deadline time.Time) (s *stream, again bool, err error) {
	m := r.acquire(uid)
	defer func() {
		if s == nil {
			r.release(m)
		}
	}()
	if err := r.waitForLogs(rpc.Context(), m); err != nil {
		return nil, false, err
	}
	candidate := newStream(r, m, rpc, n)
	for asked := false; ; asked = true {
		if r.isDraining() {
			return nil, false, errDraining
		}
		news, err := m.join(candidate)
		if err == nil {
			if !r.add(candidate) {
				m.leave(candidate)
				return nil, false, errDraining
			}
			candidate.tellConnected()
			return candidate, false, nil
		}
		if !asked {
			m.configTail.hurry()
		}
		left := deadline.Sub(r.now())
		switch {
		case m.isDeleted():
			return nil, true, err
		case left <= 0:
			return nil, false, err
		}
		if !r.pause(rpc.Context(), min(left, r.opts.Interval), news) {
			return nil, false, rpc.Context().Err()
		}
	}
}

var errDraining = status.Error(codes.Unavailable, "this relay is stopping: reconnect")

// waitForLogs waits until both logs of a mesh have been read.
func (r *Relay) waitForLogs(ctx context.Context, m *mesh) error {
	select {
	case <-m.ready:
		return nil
	default:
	}
	timer := time.NewTimer(logsTimeout)
	defer timer.Stop()
	select {
	case <-m.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return errDraining
	case <-timer.C:
		return status.Error(codes.Unavailable, "the mesh's logs can't be read yet: the artifact store doesn't answer, or they are damaged")
	}
}

// dismiss lets a stream go that has ended.
func (r *Relay) dismiss(s *stream) {
	s.mesh.leave(s)
	r.mu.Lock()
	delete(r.streams, s)
	r.metrics.streams.Set(float64(len(r.streams)))
	r.mu.Unlock()
	r.release(s.mesh)
}

// add counts a stream in, unless the relay is draining.
func (r *Relay) add(s *stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	r.streams[s] = struct{}{}
	r.metrics.streams.Set(float64(len(r.streams)))
	return true
}

func (r *Relay) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

func (r *Relay) seek(by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seeking += by
}

// news gives a channel that is closed by the next Wake.
func (r *Relay) news() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nudged
}
