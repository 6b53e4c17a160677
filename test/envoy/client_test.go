package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is what a caller gets.
type answer struct {
	Status int
	Header http.Header
	Body   string
	seen   // what the application said; its App is "" if none answered
}

// caller is an application that calls through its sidecar.
type caller struct {
	t      testing.TB
	client *http.Client
}

// calls is the application behind a sidecar, calling by HTTP/1.1. Every name leads to the sidecar's address for that
// service and port.
func (s *sidecar) calls() *caller { return s.caller(byHTTP1) }

// callsHTTP2 is the same by HTTP/2 in plain text.
func (s *sidecar) callsHTTP2() *caller { return s.caller(byHTTP2) }

func (s *sidecar) caller(speak func(*http.Protocols)) *caller {
	protocols := new(http.Protocols)
	speak(protocols)
	transport := &http.Transport{Protocols: protocols, DialContext: s.dial}
	s.m.t.Cleanup(transport.CloseIdleConnections)
	return &caller{s.m.t, &http.Client{Transport: transport, Timeout: 15 * time.Second, CheckRedirect: noRedirect}}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// dial connects to where the sidecar takes what is meant for service:port.
func (s *sidecar) dial(ctx context.Context, network, service string) (net.Conn, error) {
	address, ok := s.addresses["service/"+service]
	if !ok {
		return nil, fmt.Errorf("%s has no address for %s", s.name, service)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// get asks for a URL. The headers are "name: value".
func (c *caller) get(url string, headers ...string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, url, headers...)
}

func (c *caller) do(method, url string, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, url, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *caller) try(method, url string, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Add(name, value)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Body: string(body)}
	_ = json.Unmarshal(body, &a.seen) // Envoy's own answers are no JSON
	return a, nil
}

// reaches says which application a request must reach; with "503" and the like, which status it must get from Envoy.
func (c *caller) reaches(app, method, url string, headers ...string) answer {
	c.t.Helper()
	a := c.do(method, url, headers...)
	if got := a.where(nil); got != app {
		c.t.Errorf("%s %s %q reached %s, want %s: %+v", method, url, headers, got, app, a)
	}
	return a
}

// where is the application that answered, or what there is instead.
func (a answer) where(err error) string {
	switch {
	case err != nil:
		return err.Error()
	case a.App != "":
		return a.App
	}
	return fmt.Sprint(a.Status)
}
