package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/ownmesh/ownmesh/sidecar/environment"
)

// settings are what bootstrap's flags and, where they allow, variables say; flags win. Without --from-env and --env no
// variable has a say, so that a stray one can't change what a person asked for.
func (f bootstrapFlags) settings() (environment.Settings, error) {
	var s environment.Settings
	if f.fromEnv || len(f.variables) > 0 {
		get, err := f.lookup()
		if err != nil {
			return s, err
		}
		if s, err = environment.Read(get, os.ReadFile); err != nil {
			return s, usage("%w", err)
		}
	}
	o := &s.Options
	o.NodeID = cmp.Or(f.resource, o.NodeID)
	o.Cluster = cmp.Or(f.cluster, o.Cluster)
	o.XDS = cmp.Or(f.xds, o.XDS, defaultXDS)
	o.Admin = cmp.Or(f.admin, o.Admin)
	o.Metrics = cmp.Or(f.metrics, o.Metrics)
	o.Metadata.Instance = cmp.Or(f.instance, o.Metadata.Instance)
	if f.changed("stats-tags") {
		o.StatsTags = f.statsTags
	}
	if o.NodeID == "" && s.Config == nil {
		return s, usage("--resource is missing: mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME")
	}
	return s, nil
}

// lookup gives the value of a variable: the flags', else the environment's if that may speak.
func (f bootstrapFlags) lookup() (func(string) string, error) {
	known := map[string]bool{}
	for _, v := range environment.Variables {
		known[v.Name] = true
	}
	given := map[string]string{}
	for _, one := range f.variables {
		name, value, ok := strings.Cut(one, "=")
		if !ok || !known[name] {
			return nil, usage("--env %q must be NAME=VALUE, with a name that docs/telemetry.md lists", one)
		}
		given[name] = value
	}
	return func(name string) string {
		if v, ok := given[name]; ok || !f.fromEnv {
			return v
		}
		return os.Getenv(name)
	}, nil
}

// noteVain tells of variables that are set in vain.
func (a *app) noteVain(f bootstrapFlags, idle []environment.Variable) {
	for _, v := range idle {
		a.screen.Note("note: %s has no effect here: %s", v.Name, v.Without)
	}
	if !f.fromEnv {
		return
	}
	for _, m := range environment.Misspelt(os.Environ()) {
		a.screen.Note("note: %s is no variable that is known here: is it %s that was meant?", m.Name, m.Meant)
	}
}
