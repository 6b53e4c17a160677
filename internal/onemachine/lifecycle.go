package onemachine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
)

const (
	sweepEvery   = 30 * time.Second
	collectEvery = 10 * time.Minute
	// certificatesEvery is how soon a certificate counts that was put into its folder.
	certificatesEvery = time.Second
)

// loops is the work that goes on in the background.
type loops struct{ wg sync.WaitGroup }

func (l *loops) start(ctx context.Context, m *Machine) {
	l.wg.Go(func() {
		if err := m.relay.Run(ctx); err != nil && ctx.Err() == nil {
			m.failed <- fmt.Errorf("run the relay: %w", err)
		}
	})
	l.wg.Go(func() { every(ctx, sweepEvery, m.sweep) })
	l.wg.Go(func() { every(ctx, collectEvery, m.collect) })
	l.wg.Go(func() { every(ctx, convergedEvery, m.tellConverged) })
	if m.pem != nil {
		l.wg.Go(func() { every(ctx, certificatesEvery, m.watchCertificates()) })
	}
}

// every calls f now and then at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep tells every part to look at every mesh: those in the store, and those of which anything was ever published, for
// a mesh may have been deleted while nobody listened. Whatever message was lost, this makes up for it.
func (m *Machine) sweep(ctx context.Context) {
	uids, err := sweep.Published(ctx, m.store, m.objects)
	if err != nil && ctx.Err() == nil {
		m.log.Error("sweep failed", "err", err)
	}
	for _, uid := range uids {
		m.changed(events.MeshChanged{UID: uid})
		m.telling.watch(uid)
	}
}

// watchCertificates sweeps when the folder of certificates has changed.
func (m *Machine) watchCertificates() func(context.Context) {
	var before string
	return func(ctx context.Context) {
		now, err := m.pem.Fingerprint()
		if err != nil {
			m.log.Error("the folder of certificates can't be read", "err", err)
			return
		}
		if now != before {
			before = now
			m.sweep(ctx)
		}
	}
}

func (m *Machine) collect(ctx context.Context) {
	if _, err := sweep.Collect(ctx, m.objects, m.collector); err != nil && ctx.Err() == nil {
		m.log.Error("collect failed", "err", err)
	}
}

// awaitReady returns when all three addresses answer.
func (m *Machine) awaitReady(ctx context.Context) error {
	m.ready.Store(true)
	for _, url := range []string{"http://" + m.APIAddr + "/v1/version", "http://" + m.AdminAddr + "/readyz"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("ask %s: %w", url, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("ask %s: %s", url, resp.Status)
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.XDSAddr)
	if err != nil {
		return fmt.Errorf("reach the xDS address: %w", err)
	}
	return conn.Close()
}

// Close drains: requests and handlers under way end, streams are asked to go, data is closed. ctx bounds it; what has
// not ended by then is cut off. What was accepted and is not yet published will be at the next start.
func (m *Machine) Close(ctx context.Context) error {
	m.ready.Store(false)
	var errs []error
	if m.api != nil {
		errs = append(errs, shutDown(ctx, m.api))
		for _, feed := range m.changes {
			feed.Close()
		}
		m.services.Close()
	}
	m.stop()
	m.loops.wg.Wait()
	if m.xds != nil {
		stopped := make(chan struct{})
		go func() { m.xds.GracefulStop(); close(stopped) }()
		select {
		case <-stopped:
		case <-ctx.Done():
			m.xds.Stop()
		}
	}
	if m.admin != nil {
		errs = append(errs, shutDown(ctx, m.admin))
	}
	if m.telling != nil {
		m.telling.end()
		errs = append(errs, m.telling.Close())
	}
	if m.registry != nil {
		errs = append(errs, m.registry.Close())
	}
	if m.store != nil {
		errs = append(errs, m.store.Close())
	}
	if m.pem != nil {
		errs = append(errs, m.pem.Close())
	}
	if m.objects != nil {
		errs = append(errs, m.objects.Close())
	}
	return errors.Join(errs...)
}

// shutDown lets requests under way end, and cuts off those that have not when ctx does.
func shutDown(ctx context.Context, s *http.Server) error {
	err := s.Shutdown(ctx)
	if ctx.Err() != nil {
		return s.Close()
	}
	return err
}
