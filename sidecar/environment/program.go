package environment

import (
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/explicit"
)

// This file: what the sidecar program itself does, beyond the bootstrap.

// Program is what the variables ask of the sidecar program.
type Program struct {
	API   string // URL of Ownmesh's API; "" if the relay is on loopback and asks for no token
	Dir   string // folder for the bootstrap and the token
	Envoy string // a path, or a name on PATH
	Level slog.Level
	// Explicit asks for local addresses instead of redirects, and Addresses are those that are given.
	Explicit  bool
	Addresses map[string]string
	// Drain bounds how long the proxy goes on serving after SIGTERM.
	Drain time.Duration
}

const (
	defaultDir   = "/run/ownmesh"
	defaultDrain = 20 // seconds, App Mesh's, and 10 less than what ECS gives a container to stop
)

func (r *reader) program() Program {
	p := Program{
		API:      r.url("OWNMESH_API"),
		Dir:      r.or("OWNMESH_DIR", defaultDir),
		Envoy:    r.or("OWNMESH_ENVOY", "envoy"),
		Explicit: r.oneOf("OWNMESH_INTERCEPTION", "transparent", "explicit") == "explicit",
	}
	r.path("OWNMESH_DIR")
	if err := p.Level.UnmarshalText([]byte(r.or("OWNMESH_LOG_LEVEL", "info"))); err != nil {
		r.wrong("OWNMESH_LOG_LEVEL", r.text("OWNMESH_LOG_LEVEL"), "must be one of debug, info, warn, error")
	}
	const wait = "LISTENER_DRAIN_WAIT_TIME_S"
	inBounds := func(n int) bool { return n >= 0 && n <= 3600 }
	p.Drain = time.Duration(r.number(wait, defaultDrain, inBounds, "must be a number of seconds from 0 to 3600")) * time.Second
	p.Addresses = r.addresses()
	for _, name := range []string{"OWNMESH_BIND", "OWNMESH_APPLICATION", "OWNMESH_SERVICES", "OWNMESH_PROXY"} {
		if v := r.text(name); v != "" && !p.Explicit {
			r.wrong(name, v, "makes sense with OWNMESH_INTERCEPTION=explicit only")
		}
	}
	if p.Explicit && p.API == "" {
		r.faults = append(r.faults, errors.New("OWNMESH_INTERCEPTION is \"explicit\", and OWNMESH_API must say whom to ask which addresses are needed"))
	}
	return p
}

// addresses reads the places that are given.
func (r *reader) addresses() map[string]string {
	given := map[string]string{}
	add := func(name, place, address string, err error) {
		if err != nil {
			r.wrong(name, r.text(name), err.Error())
		} else if _, twice := given[place]; twice {
			r.wrong(name, r.text(name), "must have "+place+" once only")
		}
		given[place] = address
	}
	for name, kind := range map[string]string{"OWNMESH_BIND": explicit.Bind, "OWNMESH_APPLICATION": explicit.Application} {
		for _, one := range strings.Fields(r.text(name)) {
			place, address, err := explicit.ParsePort(kind, one)
			add(name, place, address, err)
		}
	}
	for _, one := range strings.Fields(r.text("OWNMESH_SERVICES")) {
		place, address, err := explicit.ParseService(one)
		add("OWNMESH_SERVICES", place, address, err)
	}
	if v := r.text("OWNMESH_PROXY"); v != "" {
		address, err := explicit.FullAddress(v)
		add("OWNMESH_PROXY", "proxy", address, err)
	}
	return given
}

func (r *reader) url(name string) string {
	v := r.text(name)
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		r.wrong(name, v, "must be a URL such as https://abc.execute-api.eu-central-1.amazonaws.com/mesh")
		return ""
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		r.wrong(name, v, "must be https beyond this machine: a token is a secret")
	}
	return strings.TrimRight(v, "/")
}
