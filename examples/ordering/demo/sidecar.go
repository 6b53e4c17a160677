package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
)

// What a sidecar's local addresses are for: see artifact.Fill.
const (
	bindKey        = "bind/8080"
	applicationKey = "application/8080"
	orderKey       = "service/order.ordering.local:8080"
	inventoryKey   = "service/inventory.ordering.local:8080"
)

// sidecar is what `ownmesh bootstrap -o json` says of an Envoy to be.
type sidecar struct {
	File      string            `json:"file"`  // its configuration
	Admin     string            `json:"admin"` // its own interface
	Addresses map[string]string `json:"addresses"`
}

// bootstrap makes a workload's Envoy's configuration, which knows its local addresses and where the relay is;
// everything else comes from there.
func (a *application) bootstrap(ctx context.Context, w *workload) (sidecar, error) {
	args := []string{
		"bootstrap", "--resource", "mesh/" + meshName + "/" + w.resource, "--instance", w.name,
		"--xds", a.mesh.xds, "--admin", a.ports.free(), "--out", filepath.Join(a.folder, w.name+".yaml"), "-o", "json",
		"--explicit", "--bind", fmt.Sprint(nodePort, "=", w.bind),
	}
	if w.service != "" {
		args = append(args, "--application", fmt.Sprint(nodePort, "=", a.ports.free()))
	}
	printed, err := a.mesh.run(ctx, args...)
	if err != nil {
		return sidecar{}, err
	}
	var s sidecar
	if err := json.Unmarshal([]byte(printed), &s); err != nil {
		return sidecar{}, fmt.Errorf("read what ownmesh bootstrap printed: %w", err)
	}
	return s, nil
}

// environment is what a service must know of its sidecar: where to listen for it, and where its backends are.
func (s sidecar) environment() []string {
	env := []string{"LISTEN=" + s.Addresses[applicationKey]}
	for variable, key := range map[string]string{"ORDER_URL": orderKey, "INVENTORY_URL": inventoryKey} {
		if address := s.Addresses[key]; address != "" {
			env = append(env, variable+"=http://"+address)
		}
	}
	return env
}

// node is the name in mesh.yaml, which is also the name that instances are registered under.
func (w *workload) node() string { return w.resource[strings.LastIndex(w.resource, "/")+1:] }
