package environment

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// This file: the types of values. A wrong one is reported, and then stands for the default.

func (r *reader) or(name, without string) string {
	if v := r.text(name); v != "" {
		return v
	}
	return without
}

func (r *reader) truth(name string, without bool) bool {
	v := r.text(name)
	if v == "" {
		return without
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.wrong(name, v, "must be true or false, 1 or 0")
		return without
	}
	return b
}

func (r *reader) oneOf(name string, choices ...string) string {
	v := r.text(name)
	if v == "" {
		return choices[0]
	}
	if !slices.Contains(choices, v) {
		r.wrong(name, v, "must be one of "+strings.Join(choices, ", "))
		return choices[0]
	}
	return v
}

// number reads an integer that ok approves of.
func (r *reader) number(name string, without int, ok func(int) bool, must string) int {
	v := r.text(name)
	if v == "" {
		return without
	}
	n, err := strconv.Atoi(v)
	if err != nil || !ok(n) {
		r.wrong(name, v, must)
		return without
	}
	return n
}

func (r *reader) port(name, without string) string {
	v := r.text(name)
	if v == "" {
		return without
	}
	if n, err := strconv.ParseUint(v, 10, 16); err != nil || n == 0 {
		r.wrong(name, v, "must be a port between 1 and 65535")
		return without
	}
	return v
}

// ip reads an IP address; brackets around one of version 6 do no harm.
func (r *reader) ip(name, without string) string {
	v := r.text(name)
	if v == "" {
		return without
	}
	ip, err := netip.ParseAddr(strings.Trim(v, "[]"))
	if err != nil {
		r.wrong(name, v, "must be an IP address: Envoy looks no name up here")
		return without
	}
	return ip.String()
}

// host reads an IP address or a name.
func (r *reader) host(name, without string) string {
	v := strings.Trim(r.text(name), "[]")
	if v == "" {
		return without
	}
	if _, err := netip.ParseAddr(v); err != nil && strings.ContainsAny(v, ":/ ") {
		r.wrong(name, v, "must be a host's name or IP address, without scheme and port")
		return without
	}
	return v
}

// share reads a number between 0 and 1; nil if there is none.
func (r *reader) share(name string) *float64 {
	v := r.text(name)
	if v == "" {
		return nil
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		r.wrong(name, v, "must be a number between 0 and 1")
		return nil
	}
	return &f
}

// path reads an absolute path.
func (r *reader) path(name string) string {
	v := r.text(name)
	if v != "" && !strings.HasPrefix(v, "/") {
		r.wrong(name, v, "must be an absolute path")
		return ""
	}
	return v
}
