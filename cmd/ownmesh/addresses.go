package main

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/sidecar/explicit"
)

// This file: the local addresses of explicit interception, by the forms of artifact.Fill.

// given reads the addresses that flags name.
func (f bootstrapFlags) given() (map[string]string, error) {
	given := map[string]string{}
	add := func(flag, place, address string, err error) error {
		if err != nil {
			return usage("--%s: %w", flag, err)
		}
		if _, twice := given[place]; twice {
			return usage("--%s: %s is there twice", flag, place)
		}
		given[place] = address
		return nil
	}
	for flag, values := range map[string][]string{explicit.Bind: f.bind, explicit.Application: f.application} {
		for _, v := range values {
			place, address, err := explicit.ParsePort(flag, v)
			if err := add(flag, place, address, err); err != nil {
				return nil, err
			}
		}
	}
	for _, v := range f.services {
		place, address, err := explicit.ParseService(v)
		if err := add("service", place, address, err); err != nil {
			return nil, err
		}
	}
	if f.proxy != "" {
		address, err := explicit.FullAddress(f.proxy)
		if err := add("proxy", "proxy", address, err); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// choose fills in an address for everything that is needed, and the admin interface's. What is given and not needed
// is kept: a backend may come later.
func (r *rendered) choose(needed []string, given map[string]string) error {
	r.Addresses = maps.Clone(given)
	var open []string
	for _, what := range needed {
		if _, ok := r.Addresses[what]; ok {
			continue
		}
		if port, ok := strings.CutPrefix(what, "application/"); ok {
			r.Addresses[what] = net.JoinHostPort("127.0.0.1", port)
			continue
		}
		open = append(open, what)
	}
	if err := r.collisions(); err != nil {
		return err
	}
	taken := slices.Collect(maps.Values(r.Addresses))
	free, err := chooseAddresses(len(open)+1, append(taken, r.Admin, r.Metrics))
	if err != nil {
		return err
	}
	for i, what := range open {
		r.Addresses[what] = free[i]
	}
	if r.Admin == "" {
		r.Admin = free[len(open)]
	}
	return nil
}

func (r *rendered) collisions() error {
	if problems := explicit.Collisions(r.Addresses); len(problems) > 0 {
		return &failure{code: exitUsage, err: errors.Join(problems...), hint: "say where the application really listens with --application PORT=ADDR"}
	}
	return nil
}
