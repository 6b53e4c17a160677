package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

const (
	namespace = "ordering.local" // where the nodes of mesh.yaml look for instances
	nodePort  = 8080             // every listener's port in mesh.yaml
)

// workload is one instance of a virtual node, or of the gateway: a service and its Envoy.
type workload struct {
	name     string // of its logs, and its id as an instance: inventory-v2-b
	resource string // virtualNode/inventory-v2, virtualGateway/gateway
	service  string // what the program is told to be: inventory; "" for the gateway
	env      []string

	bind        string // where its Envoy takes what is meant for the node's port; set before start, or chosen there
	application string // where the service listens, for its Envoy alone
	admin       string // its Envoy's own interface
}

// inventory is an instance of Inventory; failEvery as in services/inventory.go.
func inventory(name, version string, failEvery int) *workload {
	return &workload{name: name, resource: "virtualNode/inventory-" + version, service: "inventory",
		env: []string{"VERSION=" + version, "FAIL_EVERY=" + strconv.Itoa(failEvery)}}
}

// application is what mesh.yaml describes, running: the gateway first, then the services as requests go.
type application struct {
	mesh      *mesh
	processes *processes
	programs  programs
	folder    string // for Envoys' configurations and all logs
	ports     *ports
	front     string // where the gateway is to listen; "": on any free port
	gateway   string // the same as an URL, once it runs
	running   []*workload
}

// programs are what the demo runs.
type programs struct{ ownmesh, services, envoy string }

// startApplication starts one instance of everything and returns when requests get through.
func startApplication(ctx context.Context, a *application) error {
	all := []*workload{
		{name: "gateway", resource: "virtualGateway/gateway", bind: a.front},
		{name: "ui", resource: "virtualNode/ui", service: "ui"},
		{name: "order", resource: "virtualNode/order", service: "order"},
		inventory("inventory-v1", "v1", 0),
		inventory("inventory-v2", "v2", 0),
	}
	together, each := errgroup.WithContext(ctx)
	for _, w := range all {
		together.Go(func() error {
			if err := a.start(each, w); err != nil || w.service == "" {
				return err
			}
			return a.register(each, w)
		})
	}
	if err := together.Wait(); err != nil {
		return err
	}
	a.running = all
	a.gateway = "http://" + all[0].bind
	return a.ready(ctx)
}

// start gives a workload its addresses, and starts its service and its Envoy.
func (a *application) start(ctx context.Context, w *workload) error {
	if w.bind == "" {
		w.bind = a.ports.free()
	}
	side, err := a.bootstrap(ctx, w)
	if err != nil {
		return err
	}
	w.application, w.admin = side.Addresses[applicationKey], side.Admin
	if w.service != "" {
		if err := a.processes.start(w.name, nil, append(w.env, side.environment()...), a.programs.services, w.service); err != nil {
			return err
		}
	}
	return a.processes.start(w.name+" envoy", nil, nil, a.programs.envoy, "-c", side.File, "--use-dynamic-base-id",
		"--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1", "--parent-shutdown-time-s", "2")
}

// register says that a workload is an instance of its node: callers connect to its Envoy, not to the service.
func (a *application) register(ctx context.Context, w *workload) error {
	host, port, err := split(w.bind)
	if err != nil {
		return err
	}
	_, err = a.mesh.own.Register(ctx, endpoint.Instance{
		Namespace: namespace, Service: w.node(), ID: w.name, IPv4: host, Ports: map[int]int{nodePort: port},
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", w.name, err)
	}
	return nil
}

// ready waits until requests to both Inventories get through: endpoints are no part of a generation, and a service
// needs a moment to listen.
func (a *application) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("waited for 20 s"))
	defer cancel()
	for _, path := range []string{"/orders/0", "/v2/orders/0"} {
		for r := request(ctx, a.gateway+path); !r.ok(); r = request(ctx, a.gateway+path) {
			select {
			case <-ctx.Done():
				return failure{"wait for the application behind " + a.gateway, "an answer with status 200", fmt.Sprintf("%v; %v", context.Cause(ctx), r)}
			case <-time.After(20 * time.Millisecond): // nothing tells when an Envoy listens but trying
			}
		}
	}
	return nil
}

// workload finds a running one by its name.
func (a *application) workload(name string) *workload {
	for _, w := range a.running {
		if w.name == name {
			return w
		}
	}
	panic("no workload " + name) // the names are literals in this program
}

// counts asks an Inventory directly, past all Envoys, what it saw.
func (a *application) counts(ctx context.Context, name string) (requests, failed int, err error) {
	var c struct{ Requests, Failed int }
	if err := getJSON(ctx, "http://"+a.workload(name).application+"/counts", &c); err != nil {
		return 0, 0, fmt.Errorf("ask %s what it counted: %w", name, err)
	}
	return c.Requests, c.Failed, nil
}

// stat sums the counters of a workload's Envoy whose names match a regular expression; that none does is an error.
func (a *application) stat(ctx context.Context, w *workload, pattern string) (sum int, err error) {
	var s struct{ Stats []struct{ Value int } }
	if err := getJSON(ctx, "http://"+w.admin+"/stats?format=json&filter="+url.QueryEscape(pattern), &s); err != nil {
		return 0, fmt.Errorf("read %s of %s's Envoy: %w", pattern, w.name, err)
	}
	if len(s.Stats) == 0 {
		return 0, fmt.Errorf("%s's Envoy has no stat %s", w.name, pattern)
	}
	for _, one := range s.Stats {
		sum += one.Value
	}
	return sum, nil
}

func getJSON(ctx context.Context, url string, into any) error {
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}
