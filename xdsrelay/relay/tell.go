package relay

import (
	"context"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// Publisher carries events to the outside.
type Publisher interface {
	Publish(ctx context.Context, all ...events.Event) error
}

const (
	maxUntold   = 8_192 // events that wait to be told
	tellAtOnce  = 100
	tellTimeout = 10 * time.Second
)

// tell has the outside told of something. It never waits: what doesn't fit is dropped, and counted.
func (r *Relay) tell(e events.Event) {
	if r.opts.Publisher == nil {
		return
	}
	select {
	case r.untold <- e:
	default:
		r.metrics.untold.Inc()
	}
}

// publish tells until ctx ends, and then what is left.
func (r *Relay) publish(ctx context.Context) {
	for {
		select {
		case e := <-r.untold:
			r.publishWith(e)
		case <-ctx.Done():
			select {
			case e := <-r.untold:
				if r.publishWith(e) != nil {
					return // a bus that doesn't answer must not hold up the end
				}
			default:
				return
			}
		}
	}
}

// publishWith tells of an event, and of what waits behind it.
func (r *Relay) publishWith(e events.Event) error {
	batch := []events.Event{e}
	for more := true; more && len(batch) < tellAtOnce; {
		select {
		case e := <-r.untold:
			batch = append(batch, e)
		default:
			more = false
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	err := r.opts.Publisher.Publish(ctx, batch...)
	if err != nil {
		r.metrics.untold.Add(float64(len(batch)))
		r.log.Warn("events may not have been told", "events", len(batch), "error", err)
	}
	return err
}

func (s *stream) about(generation int64) events.About {
	return events.About{Mesh: s.node.mesh, MeshUID: s.mesh.uid, Generation: generation, Time: s.relay.now().UTC()}
}

func (s *stream) interception() string {
	if s.explicit() {
		return "explicit"
	}
	return "transparent"
}

// arns are those of the node and of the task, as far as the proxy said them.
func (s *stream) arns() (arns []string) {
	for _, arn := range []string{s.node.arn, s.node.instance} {
		if strings.HasPrefix(arn, "arn:") {
			arns = append(arns, arn)
		}
	}
	return arns
}

func (s *stream) tellConnected() {
	if s.relay.opts.Publisher == nil {
		return
	}
	s.mesh.mu.RLock()
	generation := s.mesh.generation
	s.mesh.mu.RUnlock()
	s.relay.tell(events.ProxyConnected{
		About: s.about(generation), Resource: string(s.node.proxy), Instance: s.node.instance,
		Interception: s.interception(), Relay: s.relay.opts.ID,
	}.Event(s.arns()...))
}

func (s *stream) tellRejected(k kind, name string, generation int64, message string) {
	s.relay.tell(events.ProxyRejected{
		About: s.about(generation), Resource: string(s.node.proxy), Instance: s.node.instance, Relay: s.relay.opts.ID,
		Type: k.String(), Name: name, Message: message,
	}.Event(s.arns()...))
}
