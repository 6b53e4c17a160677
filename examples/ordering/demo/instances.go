package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

const flaky = "inventory-v2-flaky"

// showInstance adds an instance to Inventory v2 that fails every other request. Its callers' Envoys learn of it by an
// endpoint update alone: the mesh's configuration doesn't change.
func (d *demo) showInstance(ctx context.Context) error {
	d.report.did("Registered a second instance of Inventory v2, one that fails every other request")
	order := d.workload("order")
	before, err := d.updates(ctx, order)
	if err != nil {
		return err
	}
	w := inventory(flaky, "v2", 2)
	if err := d.start(ctx, w); err != nil {
		return err
	}
	d.running = append(d.running, w)
	if _, err := d.mesh.settled(ctx, len(d.running)); err != nil {
		return err
	}
	began := time.Now()
	if err := d.register(ctx, w); err != nil {
		return err
	}
	if err := d.awaitEndpoint(ctx, order, w.bind); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := d.updates(ctx, order)
	if err != nil {
		return err
	}
	head, row := []any{"instance", "call to order's Envoy"}, []any{w.bind, millis(took)}
	for i, u := range after {
		head, row = append(head, u.of+" updates there"), append(row, u.count-before[i].count)
	}
	d.report.table(head, row)
	for i, u := range after {
		if got := u.count - before[i].count; got > 0 != (u.of == "EDS") {
			return failure{"registering an instance", "an endpoint update (EDS) alone at the Envoy of order", fmt.Sprintf("%d by %s", got, u.of)}
		}
	}
	return nil
}

// updated is how often an Envoy took an update of a kind.
type updated struct {
	of    string
	count int
}

// updates reads how often Order's Envoy was told something, by the kind of what it was told.
func (d *demo) updates(ctx context.Context, order *workload) ([]updated, error) {
	all := []updated{{of: "EDS"}, {of: "CDS"}, {of: "LDS"}, {of: "RDS"}}
	for i, stat := range []string{
		`^cluster\.cds_egress_ordering_inventory-v2_http_8080\.update_success$`,
		`^cluster_manager\.cds\.update_success$`,
		`^listener_manager\.lds\.update_success$`,
		`^http\..*\.rds\..*\.update_success$`,
	} {
		var err error
		if all[i].count, err = d.stat(ctx, order, stat); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// awaitEndpoint waits until a workload's Envoy has an address among its clusters' endpoints.
func (d *demo) awaitEndpoint(ctx context.Context, w *workload, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("waited for 20 s"))
	defer cancel()
	for {
		clusters, err := get(ctx, "http://"+w.admin+"/clusters")
		if err != nil {
			return fmt.Errorf("read the endpoints of %s's Envoy: %w", w.name, err)
		}
		if bytes.Contains(clusters, []byte("::"+address+"::")) {
			return nil
		}
		select {
		case <-ctx.Done():
			return failure{"registering an instance", "an endpoint " + address + " at the Envoy of " + w.name, fmt.Sprintf("%v; its clusters:\n%s", context.Cause(ctx), clusters)}
		case <-time.After(2 * time.Millisecond): // Envoy tells nobody; looking is all there is
		}
	}
}

// showRetries lets the failing instance fail, first seen by customers, then hidden by a retry policy.
func (d *demo) showRetries(ctx context.Context) error {
	const customers, enough = 4, 400
	d.report.did("Hid its failures with a retry policy on the route; App Mesh's default policy retries status 503 alone, and these are 500")
	var rows [][]any
	for _, policy := range []*types.HttpRetryPolicy{nil, {
		MaxRetries:      aws.Int64(3),
		PerRetryTimeout: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(5)},
		HttpRetryEvents: []string{"server-error"},
		TcpRetryEvents:  []types.TcpRetryPolicyEvent{types.TcpRetryPolicyEventConnectionError},
	}} {
		name := "default"
		if policy != nil {
			name = "server-error, 3 times"
			if err := d.change(ctx, "default route's retry policy", func(ctx context.Context) error { return d.setDefault(ctx, 0, 100, policy) }); err != nil {
				return err
			}
		}
		requests, failed, err := d.counts(ctx, flaky)
		if err != nil {
			return err
		}
		l := startLoad(ctx, d.gateway+"/orders/7", customers)
		_, err = l.since(ctx, time.Time{}, enough)
		seen := count(l.stop())
		if err != nil {
			return err
		}
		requestsAfter, failedAfter, err := d.counts(ctx, flaky)
		if err != nil {
			return err
		}
		requests, failed = requestsAfter-requests, failedAfter-failed
		rows = append(rows, []any{name, seen.all, requests, failed, seen.failed})
		expected := failed // nobody hides them
		if policy != nil {
			expected = 0
		}
		if failed == 0 || seen.failed != expected {
			return failure{"retry policy " + name, fmt.Sprintf("failures at the instance, and %d of them seen by customers", expected),
				fmt.Sprintf("%d at the instance, %d seen by customers; the first: %v", failed, seen.failed, seen.first)}
		}
	}
	d.report.table([]any{"retry policy", "customers' requests", "at the instance", "failed there", "failures customers saw"}, rows...)
	return nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := customers.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
