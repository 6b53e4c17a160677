package main

import (
	"context"
	"fmt"
	"time"
)

// demo is a running application and what was measured on it so far.
type demo struct {
	*application
	report  *report
	changes []change
}

// change is one change of configuration: how long it took from the call to the last Envoy's ACK.
type change struct {
	what       string
	generation int64
	envoys     int
	took       time.Duration
}

// scenes are what the demo shows, in this order: each one's state is the next one's start.
var scenes = []func(*demo, context.Context) error{
	(*demo).showFirstRequest,
	(*demo).showRoutes,  // weights are 100/0, so that only a route leads to v2
	(*demo).showWeights, // ends at 0/100: all customers on v2
	(*demo).showInstance,
	(*demo).showRetries, // the new instance fails every other request
	(*demo).showChanges,
}

// change does something to the mesh, waits until all Envoys have accepted it, and notes how long that took.
func (d *demo) change(ctx context.Context, what string, do func(context.Context) error) error {
	began := time.Now()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	done, err := d.mesh.settled(ctx, len(d.running))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	d.changes = append(d.changes, change{what, done.generation, len(d.running), done.last.Sub(began)})
	return nil
}

// showFirstRequest sends one request and looks who saw it.
func (d *demo) showFirstRequest(ctx context.Context) error {
	d.report.did("Sent one request to the gateway: GET /orders/7")
	path := []string{"gateway", "ui", "order", "inventory-v1", "inventory-v2"}
	took := func() (n [5]int, err error) {
		for i, name := range path {
			if n[i], err = d.stat(ctx, d.workload(name), `^http\.ingress\.downstream_rq_total$`); err != nil {
				return n, err
			}
		}
		return n, nil
	}
	before, err := took()
	if err != nil {
		return err
	}
	r := request(ctx, d.gateway+"/orders/7")
	after, err := took()
	if err != nil {
		return err
	}
	got := "" // the hops as the answer names them
	for _, h := range r.answer.Hops {
		got += " " + h.Service + " " + h.Version
	}
	const want = " ui v1 order v1 inventory v1"
	if !r.ok() || got != want || r.answer.Order != "7" {
		return failure{"the first request", "status 200 for order 7 by way of" + want, fmt.Sprintf("%v by way of%s", r, got)}
	}
	rows := make([][]any, len(path))
	for i, name := range path {
		says, expect := "", 1
		switch {
		case name == "inventory-v2":
			expect = 0
		case i > 0:
			says = r.answer.Hops[i-1].Service + " " + r.answer.Hops[i-1].Version
		}
		rows[i] = []any{name, says, d.workload(name).bind, after[i] - before[i]}
		if after[i]-before[i] != expect {
			return failure{"the way of the first request", fmt.Sprintf("%d request at the Envoy of %s", expect, name), fmt.Sprint(after[i] - before[i])}
		}
	}
	d.report.table([]any{"hop", "in the answer", "its Envoy listens on", "requests its Envoy took in"}, rows...)
	return nil
}

// showRoutes sends requests that the router's routes tell apart.
func (d *demo) showRoutes(ctx context.Context) error {
	const each = 20
	d.report.did("Sent %d requests of each kind while the weights are v1 100, v2 0: routes lead some to Inventory v2", each)
	var rows [][]any
	for _, c := range []struct {
		path   string
		header []string
		route  string
		want   string
	}{
		{"/orders/7", nil, "default", "v1"},
		{"/v2/orders/7", nil, "v2-path", "v2"},
		{"/orders/7", []string{"x-canary", "yes"}, "canary", "v2"},
		{"/orders/7", []string{"x-canary", "no"}, "default", "v1"},
	} {
		results := make([]result, each)
		for i := range results {
			results[i] = request(ctx, d.gateway+c.path, c.header...)
		}
		n := count(results)
		kind := "GET " + c.path
		if c.header != nil {
			kind += "  " + c.header[0] + ": " + c.header[1]
		}
		rows = append(rows, []any{kind, c.route, n.v1, n.v2, n.failed})
		if n.failed > 0 || map[string]int{"v1": n.v1, "v2": n.v2}[c.want] != each {
			return failure{kind, fmt.Sprintf("all %d by Inventory %s", each, c.want),
				fmt.Sprintf("%d by v1, %d by v2, %d failed %v", n.v1, n.v2, n.failed, n.first)}
		}
	}
	d.report.table([]any{"request", "route", "by v1", "by v2", "failed"}, rows...)
	return nil
}

// showChanges sums up how long each change took.
func (d *demo) showChanges(context.Context) error {
	d.report.did("Measured each change, from the API call to the last Envoy's ACK")
	var rows [][]any
	for _, c := range d.changes {
		rows = append(rows, []any{c.what, c.generation, c.envoys, millis(c.took)})
		if c.took <= 0 {
			return failure{c.what, "an ACK after the call", "one " + millis(-c.took) + " before it"}
		}
	}
	d.report.table([]any{"change", "generation", "Envoys", "call to last ACK"}, rows...)
	return nil
}
