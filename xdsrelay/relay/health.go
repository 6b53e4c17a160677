package relay

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reportEvery is how often a relay logs how it is.
const reportEvery = time.Minute

// State is how a relay is.
type State struct {
	Streams, Meshes int
	// Behind is for how long the log that has gone unread for longest could not be read; 0 if all can be.
	Behind time.Duration
	// Unread are the uids of meshes whose logs have not been read yet.
	Unread   []string
	Draining bool
}

// State says how the relay is.
func (r *Relay) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := State{Streams: len(r.streams), Meshes: len(r.meshes), Draining: r.draining}
	for uid, m := range r.meshes {
		select {
		case <-m.ready:
		default:
			s.Unread = append(s.Unread, uid)
		}
		for _, t := range []*tail{m.configTail, m.endpointsTail} {
			if since := t.failing.Load(); since != 0 {
				s.Behind = max(s.Behind, r.now().Sub(time.UnixMilli(since)))
			}
		}
	}
	return s
}

// Ready says why a new stream could not be served now; nil: it could.
func (r *Relay) Ready() error {
	switch s := r.State(); {
	case s.Draining:
		return errors.New("it is stopping")
	case len(s.Unread) > 0:
		return fmt.Errorf("the logs of %d of %d meshes have not been read yet, that of %s among them", len(s.Unread), s.Meshes, s.Unread[0])
	}
	return nil
}

// report logs how the relay is, once a minute, for metrics that are made of log lines.
func (r *Relay) report(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s := r.State()
		r.metrics.behind.Set(s.Behind.Seconds())
		r.log.Info("relay state", "streams", s.Streams, "meshes", s.Meshes, "behindSeconds", int(s.Behind.Seconds()))
	}
}
