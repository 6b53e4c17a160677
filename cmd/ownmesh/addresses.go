package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// This file: the local addresses of explicit interception, by the forms of artifact.Fill.

// given reads the addresses that flags name.
func (f bootstrapFlags) given() (map[string]string, error) {
	given := map[string]string{}
	add := func(flag, what, address string) error {
		address, err := fullAddress(address)
		if err != nil {
			return usage("--%s: %w", flag, err)
		}
		if _, twice := given[what]; twice {
			return usage("--%s: %s is there twice", flag, what)
		}
		given[what] = address
		return nil
	}
	for flag, values := range map[string][]string{"bind": f.bind, "application": f.application} {
		for _, v := range values {
			port, address, ok := strings.Cut(v, "=")
			if n, err := strconv.ParseUint(port, 10, 16); !ok || err != nil || n == 0 {
				return nil, usage("--%s %q must be PORT=ADDR, such as 8080=127.0.0.1:20001", flag, v)
			}
			if err := add(flag, flag+"/"+port, address); err != nil {
				return nil, err
			}
		}
	}
	for _, v := range f.services {
		name, address, ok := strings.Cut(v, "=")
		if i := strings.LastIndex(name, ":"); !ok || i < 1 {
			return nil, usage("--service %q must be NAME:PORT=ADDR, such as stock.shop.local:80=127.0.0.1:20002", v)
		}
		if err := add("service", "service/"+name, address); err != nil {
			return nil, err
		}
	}
	if f.proxy != "" {
		if err := add("proxy", "proxy", f.proxy); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// fullAddress makes 127.0.0.1:PORT of a mere port.
func fullAddress(s string) (string, error) {
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		s = net.JoinHostPort("127.0.0.1", s)
	}
	a, err := netip.ParseAddrPort(strings.Replace(s, "localhost:", "127.0.0.1:", 1))
	if err != nil || a.Port() == 0 {
		return "", fmt.Errorf("address %q must be IP:PORT or a port", s)
	}
	return a.String(), nil
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
	free, err := freeAddresses(len(open)+1, append(taken, r.Admin, r.Metrics))
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

// collisions finds addresses that two things would have: a sidecar that binds its application's own address would
// call itself for ever.
func (r *rendered) collisions() error {
	by := map[string]string{}
	var problems []error
	for _, what := range slices.Sorted(maps.Keys(r.Addresses)) {
		address := r.Addresses[what]
		before, twice := by[address]
		bothApplication := strings.HasPrefix(what, "application/") && strings.HasPrefix(before, "application/")
		if twice && !bothApplication {
			problems = append(problems, fmt.Errorf("%s and %s would both be %s", before, what, address))
		}
		by[address] = what
	}
	if len(problems) > 0 {
		return &failure{code: exitUsage, err: errors.Join(problems...), hint: "say where the application really listens with --application PORT=ADDR"}
	}
	return nil
}

// Free ports are chosen below those that systems give to outgoing connections: one of those could take a port between
// the choice and Envoy's start.
const lowestPort, highestPort = 20000, 30000

// freeAddresses finds n addresses on 127.0.0.1 that nobody listens on and that are not taken. It starts at a random
// one, so that two that choose at the same time hardly meet.
func freeAddresses(n int, taken []string) ([]string, error) {
	var free []string
	first := rand.IntN(highestPort - lowestPort)
	for i := range highestPort - lowestPort {
		if len(free) == n {
			return free, nil
		}
		port := lowestPort + (first+i)%(highestPort-lowestPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if slices.Contains(taken, address) {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("try port %d: %w", port, err)
		}
		free = append(free, address)
	}
	return nil, fmt.Errorf("fewer than %d ports of 127.0.0.1 from %d to %d are free: name addresses with the flags", n, lowestPort, highestPort)
}
