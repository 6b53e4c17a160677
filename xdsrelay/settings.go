package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/xdsrelay/cache"
	"github.com/ownmesh/ownmesh/xdsrelay/certify"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
)

// settings are what flags and environment say; a flag counts more.
type settings struct {
	artifacts, bucket string
	xds, admin, id    string
	name              string // host:port that sidecars dial
	tokenKeys         []string
	caKey             string
	bus               string
	cache             string
	cacheSize         int64 // bytes
	interval, drain   time.Duration
	limits            relay.Limits
	level             slog.Level
}

// secure says whether Envoys come by TLS and with tokens.
func (s settings) secure() bool { return s.caKey != "" }

// Bounds of durations. A relay asks each log of each mesh once an interval.
const (
	minInterval = 10 * time.Millisecond
	maxInterval = time.Minute
	maxDrain    = 10 * time.Minute
)

// reader reads flags whose defaults come from variables, and collects what is wrong with those.
type reader struct {
	flags  *flag.FlagSet
	getenv func(string) string
	errs   []error
}

func (r *reader) text(to *string, name, variable, otherwise, usage string) {
	if v := r.getenv(variable); v != "" {
		otherwise = v
	}
	r.flags.StringVar(to, name, otherwise, usage+" ($"+variable+")")
}

func (r *reader) duration(to *time.Duration, name, variable string, otherwise time.Duration, usage string) {
	if v := r.getenv(variable); v != "" {
		if d, err := time.ParseDuration(v); err == nil {
			otherwise = d
		} else {
			r.errs = append(r.errs, fmt.Errorf("%s=%q must be a duration such as 500ms or 5s", variable, v))
		}
	}
	r.flags.DurationVar(to, name, otherwise, usage+" ($"+variable+")")
}

func (r *reader) number(to *int, name, variable string, otherwise int, usage string) {
	if v := r.getenv(variable); v != "" {
		if n, err := strconv.Atoi(v); err == nil {
			otherwise = n
		} else {
			r.errs = append(r.errs, fmt.Errorf("%s=%q must be a number", variable, v))
		}
	}
	r.flags.IntVar(to, name, otherwise, usage+" ($"+variable+")")
}

func parse(arguments []string, getenv func(string) string, out io.Writer) (settings, error) {
	var s settings
	var tokenKeys, level string
	var megabytes int
	r := reader{flags: flag.NewFlagSet("xdsrelay", flag.ContinueOnError), getenv: getenv}
	r.flags.SetOutput(io.Discard) // package flag would answer each slip with all that there is to know
	r.text(&s.artifacts, "artifacts", "OWNMESH_ARTIFACTS", "", "`folder` of artifacts to serve")
	r.text(&s.bucket, "bucket", "OWNMESH_BUCKET", "", "S3 `bucket` of artifacts to serve, instead of a folder")
	r.text(&s.xds, "xds", "OWNMESH_XDS", "127.0.0.1:15010", "`address` for Envoys; beyond loopback with TLS and tokens only")
	r.text(&s.admin, "admin", "OWNMESH_ADMIN", "127.0.0.1:15011", "`address` of /metrics, /healthz and /readyz, on loopback")
	r.text(&s.id, "id", "OWNMESH_RELAY_ID", "", "name of this relay; random if empty")
	r.text(&s.name, "name", "OWNMESH_RELAY", "", "`host:port` that sidecars dial: the host is in the relay's certificate")
	r.text(&tokenKeys, "token-key", "OWNMESH_TOKEN_KEY", "", "what stream tokens are checked with: ARN of a KMS `key`, or a PEM file with a public key; several with commas")
	r.text(&s.caKey, "ca-key", "OWNMESH_RELAY_CA_KEY", "", "what the relay's certificate is signed with: ARN of a KMS `key`, or a PEM file with a private key")
	r.text(&s.bus, "bus", "OWNMESH_BUS", "", "EventBridge `bus` that is told of proxies; none if empty")
	r.text(&s.cache, "cache", "OWNMESH_CACHE", "", "`folder` for a copy of what was read last, for a start without the store; none if empty")
	r.number(&megabytes, "cache-size", "OWNMESH_CACHE_MIB", cache.DefaultSize>>20, "most `MiB` in the cache")
	r.duration(&s.interval, "interval", "OWNMESH_INTERVAL", time.Second, "how often each log is asked for news")
	r.duration(&s.drain, "drain", "OWNMESH_DRAIN", 20*time.Second, "over what time streams are ended when the relay stops")
	d := relay.DefaultLimits
	r.number(&s.limits.Connections, "connections", "OWNMESH_CONNECTIONS", d.Connections, "most connections; 0: no limit")
	r.number(&s.limits.PeerConnections, "peer-connections", "OWNMESH_PEER_CONNECTIONS", d.PeerConnections, "most connections of one address; 0: no limit")
	r.number(&s.limits.PeerStreams, "peer-streams", "OWNMESH_PEER_STREAMS", d.PeerStreams, "most streams of one address; 0: no limit")
	r.number(&s.limits.PeerFailures, "peer-failures", "OWNMESH_PEER_FAILURES", d.PeerFailures, "most failed attempts of one address in a row, of which one comes free each second; 0: no limit")
	r.text(&level, "log-level", "OWNMESH_LOG_LEVEL", "info", "debug, info, warn or error")
	if err := r.flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		r.flags.SetOutput(out)
		r.flags.PrintDefaults()
		return s, err
	} else if err != nil {
		return s, fmt.Errorf("%w; `xdsrelay -help` lists the flags", err)
	}
	if r.flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: there are the commands health and version, and flags", r.flags.Arg(0))
	}
	for key := range strings.SplitSeq(tokenKeys, ",") {
		if key = strings.TrimSpace(key); key != "" {
			s.tokenKeys = append(s.tokenKeys, key)
		}
	}
	s.cacheSize = int64(megabytes) << 20
	if err := s.level.UnmarshalText([]byte(level)); err != nil {
		r.errs = append(r.errs, fmt.Errorf("log level %q must be debug, info, warn or error", level))
	}
	return s, errors.Join(append(r.errs, s.check())...)
}

// check says all that is wrong.
func (s settings) check() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(s.artifacts == "" && s.bucket == "", "nothing to serve: give -bucket (OWNMESH_BUCKET), or a folder of artifacts by -artifacts (OWNMESH_ARTIFACTS)")
	wrong(s.artifacts != "" && s.bucket != "", "both a bucket and a folder of artifacts are given: give one of -bucket and -artifacts")
	wrong(s.interval < minInterval || s.interval > maxInterval, "the interval must be between %v and %v, got %v", minInterval, maxInterval, s.interval)
	wrong(s.drain < 0 || s.drain > maxDrain, "the drain time must be between 0s and %v, got %v", maxDrain, s.drain)
	wrong(s.cache != "" && s.cacheSize <= 0, "the cache's size must be 1 MiB or more")
	for name, limit := range map[string]int{"connections": s.limits.Connections, "peer-connections": s.limits.PeerConnections, "peer-streams": s.limits.PeerStreams, "peer-failures": s.limits.PeerFailures} {
		wrong(limit < 0, "%s must be 0 or more, got %d", name, limit)
	}
	wrong((s.caKey == "") != (len(s.tokenKeys) == 0), "TLS and tokens go together: give both -ca-key (OWNMESH_RELAY_CA_KEY) and -token-key (OWNMESH_TOKEN_KEY), or neither")
	if s.secure() {
		host, err := s.host()
		if err == nil {
			err = certify.CheckHost(host)
		}
		wrong(err != nil, "-name (OWNMESH_RELAY) must be the host:port that sidecars dial, got %q", s.name)
	}
	return errors.Join(errs...)
}

// host is the name in the relay's certificate.
func (s settings) host() (string, error) {
	host, _, err := net.SplitHostPort(s.name)
	return host, err
}

const notAlone = "%s is not on loopback, and beyond it the relay needs TLS and stream tokens: set -token-key (OWNMESH_TOKEN_KEY), -ca-key (OWNMESH_RELAY_CA_KEY) and -name (OWNMESH_RELAY), or listen on 127.0.0.1"

// listen opens an address. One beyond loopback is refused unless who comes there is checked.
func listen(address string, checked bool, refusal string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() && !checked {
		return nil, fmt.Errorf(refusal, address)
	}
	return net.ListenTCP("tcp", resolved)
}
