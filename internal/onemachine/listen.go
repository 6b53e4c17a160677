package onemachine

import (
	"context"
	"fmt"
	"net"
)

// listenAll binds all addresses or none.
func listenAll(ctx context.Context, addresses ...string) ([]net.Listener, error) {
	var all []net.Listener
	for _, a := range addresses {
		l, err := listen(ctx, a)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // a server that already owns it has closed it
	}
}

// listen refuses what is not loopback: nothing here asks who is calling.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q must be host:port: %w", address, err)
	}
	if host == "" {
		host = net.IPv4zero.String() // an address without a host means every interface
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return nil, fmt.Errorf("address %q is not loopback: this mode has no authentication and listens on 127.0.0.1 or ::1 only", address)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
