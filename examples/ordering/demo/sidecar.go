package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// Keys of a sidecar's local addresses: see artifact.Fill.
const (
	bindKey        = "bind/8080"
	applicationKey = "application/8080"
)

// sidecar is what `ownmesh bootstrap -o json` says of an Envoy to be.
type sidecar struct {
	Admin     string            `json:"admin"`
	Addresses map[string]string `json:"addresses"` // of explicit interception, by what they are for
	Bootstrap string            `json:"bootstrap"` // Envoy's configuration, YAML

	file string // that it is in
}

// bootstrap asks for a workload's Envoy's configuration.
func (a *application) bootstrap(ctx context.Context, w *workload) (sidecar, error) {
	printed, err := a.mesh.run(ctx, "bootstrap", "--resource", "mesh/"+meshName+"/"+w.resource, "--xds", a.mesh.xds,
		"--admin", a.ports.free(), "--instance", w.name, "--explicit", "-o", "json")
	if err != nil {
		return sidecar{}, err
	}
	var s sidecar
	if err := json.Unmarshal([]byte(printed), &s); err != nil {
		return sidecar{}, fmt.Errorf("read what ownmesh bootstrap printed: %w", err)
	}
	s.file, err = a.write(w, s.Bootstrap)
	return s, err
}

// address is the local address for a key, "" where the sidecar has no need of it.
func (s sidecar) address(key string) string { return s.Addresses[key] }
