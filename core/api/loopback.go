package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// LoopbackOnly guards a handler that listens on loopback without authentication against the web pages that its user
// visits. A browser marks what a page sends with Origin or Sec-Fetch-Site, and a page that rebinds its own name to
// 127.0.0.1 still sends that name as Host: all of these are refused. Command-line clients and SDKs send none of them.
func LoopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, header := range []string{"Origin", "Sec-Fetch-Site"} {
			if _, sent := r.Header[header]; sent {
				writeError(w, fail(forbidden, "requests from web pages are refused: the request has a header %s", header))
				return
			}
		}
		if !loopbackHost(r.Host) {
			writeError(w, fail(forbidden, "the host %q is refused: it must be localhost or a loopback address", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost tells whether a Host header names this machine's loopback, whatever a resolver might say.
func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}
