package onemachine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

const (
	sweepEvery   = 30 * time.Second
	collectEvery = 10 * time.Minute
	meshPage     = 100
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

// sweep tells every part to look at every mesh, deleted ones too: whatever message was lost, this makes up for it.
func (m *Machine) sweep(ctx context.Context) {
	uids, err := m.publishedUIDs(ctx)
	if err == nil {
		var present []string
		present, err = m.meshUIDs(ctx)
		uids = append(uids, present...)
	}
	if err != nil && ctx.Err() == nil {
		m.log.Error("sweep failed", "err", err)
	}
	for _, uid := range uids {
		m.changed(events.MeshChanged{UID: uid})
	}
}

// meshUIDs lists the meshes in the store.
func (m *Machine) meshUIDs(ctx context.Context) ([]string, error) {
	var uids []string
	for after := ""; ; {
		page, err := m.store.Meshes(ctx, after, meshPage)
		if err != nil {
			return nil, fmt.Errorf("list meshes: %w", err)
		}
		for _, mesh := range page {
			uids, after = append(uids, mesh.UID), mesh.Name
		}
		if len(page) < meshPage {
			return uids, nil
		}
	}
}

// publishedUIDs lists what the published names mean: a mesh deleted while nobody listened is still among them.
func (m *Machine) publishedUIDs(ctx context.Context) ([]string, error) {
	var uids []string
	prefix := strings.TrimSuffix(events.NamePath("x"), "x")
	for after := ""; ; {
		keys, err := m.objects.List(ctx, prefix, after, meshPage)
		if err != nil {
			return nil, fmt.Errorf("list published names: %w", err)
		}
		for _, key := range keys {
			uid, _, err := m.objects.Get(ctx, key)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", key, err)
			}
			uids, after = append(uids, string(uid)), key
		}
		if len(keys) < meshPage {
			return uids, nil
		}
	}
}

// collect deletes what no reader can need any more.
func (m *Machine) collect(ctx context.Context) {
	uids, err := m.publishedUIDs(ctx)
	for _, uid := range uids {
		if err == nil {
			_, err = m.collector.Collect(ctx, uid)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, artifact.ErrNotFound) {
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
		errs = append(errs, m.api.Shutdown(ctx))
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
		errs = append(errs, m.admin.Shutdown(ctx))
	}
	if m.registry != nil {
		errs = append(errs, m.registry.Close())
	}
	if m.store != nil {
		errs = append(errs, m.store.Close())
	}
	return errors.Join(errs...)
}
