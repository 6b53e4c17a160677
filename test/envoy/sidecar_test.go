package envoy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/environment"
)

// sidecar is one running Envoy.
type sidecar struct {
	m         *mesh
	resource  string            // virtualNode/cart
	name      string            // cart-1: its instance
	addresses map[string]string // by artifact.Fill: service/cart.shop.local:8080 -> 127.0.0.1:11001
	admin     string

	attributes   map[string]string
	unregistered bool
	drain        int               // seconds; 0 for the tests' own
	settings     bootstrap.Options // beyond those that every sidecar has
	where        place
	client       *http.Client // of its admin interface

	cmd   *exec.Cmd
	log   string        // file
	ended chan struct{} // closed when the process has ended
}

// place is where a sidecar runs.
type place struct {
	ip          string // of the instance
	transparent bool   // the kernel redirects to the sidecar; else interception is explicit
	xds         string // the relay, as it is reached from there
	start       func(*exec.Cmd) error
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
}

// here is this machine.
func (m *mesh) here() place {
	return place{ip: "127.0.0.1", xds: m.XDS, start: (*exec.Cmd).Start, dial: new(net.Dialer).DialContext}
}

// at gives a sidecar a fixed address, as at("application/8080", app) or at("bind/8080", …).
func at(place, address string) func(*sidecar) {
	return func(s *sidecar) { s.addresses[place] = address }
}

// withAttributes are what the sidecar is registered with.
func withAttributes(attributes map[string]string) func(*sidecar) {
	return func(s *sidecar) { s.attributes = attributes }
}

// withVariables gives a sidecar environment variables: "NAME=VALUE".
func withVariables(variables ...string) func(*sidecar) {
	return func(s *sidecar) {
		values := map[string]string{}
		for _, v := range variables {
			name, value, _ := strings.Cut(v, "=")
			values[name] = value
		}
		read, err := environment.Read(func(name string) string { return values[name] }, os.ReadFile)
		if err != nil {
			s.m.t.Fatal(err)
		}
		s.settings = read.Options
		s.settings.AdminLog = "" // all sidecars here share one /tmp
	}
}

// loadDrain is drainingFor's seconds where requests go on while listeners are replaced. In them a listener asks its connections
// to close: there may be nobody who tries again, and who tries again may meet another connection that closes. A connection of a
// second must fit in.
const loadDrain = 15

// drainingFor is how many seconds a listener that was replaced lives on: one, if nothing is said; 600 as Envoy has it.
func drainingFor(seconds int) func(*sidecar) { return func(s *sidecar) { s.drain = seconds } }

// unregistered leaves it to the test to register the sidecar.
func unregistered(s *sidecar) { s.unregistered = true }

// sidecar starts an Envoy for a virtual node or gateway, and registers it where the node has Cloud Map discovery. All
// addresses that aren't given are free ones. It doesn't wait: ready does.
func (m *mesh) sidecar(resource string, options ...func(*sidecar)) *sidecar {
	m.t.Helper()
	kind, node, _ := strings.Cut(resource, "/")
	s := &sidecar{m: m, resource: resource, addresses: map[string]string{}, ended: make(chan struct{}), where: m.here()}
	s.name = fmt.Sprintf("%s-%d", node, len(m.sidecars)+1)
	for _, option := range options {
		option(s)
	}
	if s.where.transparent {
		s.addresses, s.admin = nil, local(9901)
	} else {
		s.admin = local(freePort(m.t))
		needed, err := m.Addresses(m.t.Context(), m.Mesh, kind, node)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, one := range needed {
			if s.addresses[one] == "" {
				s.addresses[one] = local(freePort(m.t))
			}
		}
	}
	s.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: s.where.dial}}
	m.t.Cleanup(s.client.CloseIdleConnections)
	s.run()
	m.sidecars = append(m.sidecars, s)
	if !s.unregistered {
		m.register(s)
	}
	return s
}

func (s *sidecar) run() {
	t := s.m.t
	t.Helper()
	o := s.settings
	o.NodeID, o.XDS, o.Admin, o.OutlierLog = "mesh/"+s.m.Mesh+"/"+s.resource, s.where.xds, s.admin, os.DevNull
	o.Metadata = events.NodeMetadata{Instance: s.name, Explicit: s.addresses}
	config, err := bootstrap.Render(o)
	if err != nil {
		t.Fatal(err)
	}
	s.log = filepath.Join(t.TempDir(), "envoy.log")
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(envoybin.Find(t), "--config-yaml", string(config), "--disable-hot-restart", "--concurrency", "1", "-l", "warning",
		"--drain-time-s", strconv.Itoa(cmp.Or(s.drain, 1)), "--file-flush-interval-msec", "20")
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = log, log, attributes()
	if err := s.where.start(s.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // killed, or exited reports it
		log.Close()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			said, _ := os.ReadFile(s.log) // nothing to show is shown as nothing
			t.Logf("%s's Envoy said:\n%s", s.name, said)
		}
	})
}

func (s *sidecar) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// exited says so if the Envoy has ended by itself.
func (s *sidecar) exited() string {
	select {
	case <-s.ended:
		return s.name + "'s Envoy has exited: " + s.cmd.ProcessState.String()
	default:
		return ""
	}
}

// unready is what the sidecar does not do yet; "" if it listens everywhere.
func (s *sidecar) unready() string {
	if s.where.transparent {
		return s.notLive()
	}
	for _, place := range slices.Sorted(maps.Keys(s.addresses)) {
		if strings.HasPrefix(place, "application/") {
			continue
		}
		c, err := net.DialTimeout("tcp", s.addresses[place], time.Second)
		if err != nil {
			return fmt.Sprintf("%s: %v", place, err)
		}
		c.Close()
	}
	return ""
}

// notLive is what the Envoy says of itself until its first listeners are ready.
func (s *sidecar) notLive() string {
	res, err := s.client.Get("http://" + s.admin + "/ready")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return res.Status
	}
	return ""
}

// ask asks the Envoy's admin interface.
func (s *sidecar) ask(path string, into any) {
	t := s.m.t
	t.Helper()
	res, err := s.client.Get("http://" + s.admin + path)
	if err != nil {
		t.Fatalf("ask %s's Envoy for %s: %v", s.name, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("ask %s's Envoy for %s: %s %v", s.name, path, res.Status, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("ask %s's Envoy for %s: %v in %.200s", s.name, path, err, body)
	}
}

// stat is a counter or gauge of the Envoy's; what it has never counted is 0.
func (s *sidecar) stat(name string) int {
	s.m.t.Helper()
	var stats struct {
		Stats []struct {
			Name  string
			Value int
		}
	}
	s.ask("/stats?format=json&filter="+url.QueryEscape("^"+regexp.QuoteMeta(name)+"$"), &stats)
	for _, one := range stats.Stats {
		if one.Name == name {
			return one.Value
		}
	}
	return 0
}

// endpoints are the addresses in each of the Envoy's clusters that the relay gave it, sorted, healthy ones only.
func (s *sidecar) endpoints() map[string][]string {
	s.m.t.Helper()
	var clusters struct {
		Statuses []struct {
			Name  string
			API   bool `json:"added_via_api"`
			Hosts []struct {
				Address struct {
					Socket struct {
						Address string
						Port    int `json:"port_value"`
					} `json:"socket_address"`
				}
				Health struct {
					EDS string `json:"eds_health_status"`
				} `json:"health_status"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	s.ask("/clusters?format=json", &clusters)
	found := map[string][]string{}
	for _, c := range clusters.Statuses {
		if !c.API {
			continue
		}
		found[c.Name] = []string{}
		for _, h := range c.Hosts {
			if h.Health.EDS == "HEALTHY" {
				found[c.Name] = append(found[c.Name], fmt.Sprintf("%s:%d", h.Address.Socket.Address, h.Address.Socket.Port))
			}
		}
		slices.Sort(found[c.Name])
	}
	return found
}
