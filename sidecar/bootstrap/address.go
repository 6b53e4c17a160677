package bootstrap

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

const unixScheme = "unix://"

// loopback reads what, an address that must not leave this machine: host:port, localhost or a loopback IP, or a
// socket. Port 0 is allowed where anyPort says so.
func loopback(what, address string, anyPort bool) (*corev3.Address, error) {
	if pipe, err := pipe(what, address); pipe != nil || err != nil {
		return pipe, err
	}
	ip, port, err := splitAddress(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if !ip.IsLoopback() {
		return nil, fmt.Errorf("%s %q must be on loopback: it carries no authentication", what, address)
	}
	if port == 0 && !anyPort {
		return nil, fmt.Errorf("%s %q must have a port", what, address)
	}
	return socket(ip, port), nil
}

// pipe reads "unix:///path"; what is none gives neither an address nor an error.
func pipe(what, address string) (*corev3.Address, error) {
	path, ok := strings.CutPrefix(address, unixScheme)
	if !ok {
		return nil, nil
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%s %q must name an absolute path: unix:///run/x.sock", what, address)
	}
	return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}, nil
}

// splitAddress takes "127.0.0.1:20001", "[::1]:20001" or "localhost:20001" apart. Other names are refused: an
// Envoy address is an IP.
func splitAddress(address string) (netip.Addr, uint32, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("%q must be host:port", address)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("%q must have a port between 0 and 65535", address)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, 0, fmt.Errorf("%q must start with an IP address or localhost", address)
	}
	return ip, uint32(n), nil
}

func socket(ip netip.Addr, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       ip.String(),
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
