package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Admin asks an Envoy over its admin interface, or what is exposed of it.
type Admin struct{ http *http.Client }

// NewAdmin makes an Admin at host:port, or at a socket: unix:///path.
func NewAdmin(address string) *Admin {
	var dialer net.Dialer
	return &Admin{http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // each question is asked seldom, and none should count as a connection that is open
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if path, ok := strings.CutPrefix(address, "unix://"); ok {
				return dialer.DialContext(ctx, "unix", path)
			}
			return dialer.DialContext(ctx, "tcp", address)
		},
	}}}
}

// FailHealth has the Envoy say that it is not ready, and tell each connection, as it answers on it, to be made anew: so
// none is idle and open when it ends. It goes on to serve all, new connections included.
func (a *Admin) FailHealth(ctx context.Context) error {
	_, err := a.call(ctx, http.MethodPost, "/healthcheck/fail")
	return err
}

// Ready is nil if the Envoy has its configuration and serves.
func (a *Admin) Ready(ctx context.Context) error {
	_, err := a.call(ctx, http.MethodGet, "/ready")
	return err
}

// active are the gauges of requests in flight. The admin interface's own questions are in flight, too, while asked.
const active = `^http\.(ingress|egress).*\.downstream_rq_active$`

// Active counts the HTTP requests in flight, in both directions.
func (a *Admin) Active(ctx context.Context) (int, error) {
	answer, err := a.call(ctx, http.MethodGet, "/stats?format=json&filter="+url.QueryEscape(active))
	if err != nil {
		return 0, err
	}
	var stats struct{ Stats []struct{ Value int } }
	if err := json.Unmarshal(answer, &stats); err != nil {
		return 0, fmt.Errorf("read Envoy's counters: %w", err)
	}
	sum := 0
	for _, s := range stats.Stats {
		sum += s.Value
	}
	return sum, nil
}

func (a *Admin) call(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://envoy"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask Envoy: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // what was read is checked
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read Envoy's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("Envoy says %s %s", res.Status, strings.TrimSpace(string(answer[:min(len(answer), 200)])))
	}
	return answer, nil
}
