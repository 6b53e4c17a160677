package installation

import (
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ownmesh/ownmesh/test/machine"
)

// Relay is the relay's program as a task of the stack's service runs it: the task definition's variables, the task role's
// rights, TLS and tokens. Only its addresses are its own.
type Relay struct {
	*process
	Address string // where it listens for Envoys
	admin   string
	cache   string // folder
	i       *Installation
}

// Relay makes a relay that isn't started.
func (i *Installation) Relay(tb testing.TB) *Relay {
	tb.Helper()
	local := func() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(machine.FreePort(tb))) }
	return &Relay{Address: local(), admin: local(), cache: filepath.Join(i.programs, "cache-"+filepath.Base(local())), i: i}
}

// Start starts the relay, or starts it anew with the cache that it left, and waits until it is ready.
func (r *Relay) Start(tb testing.TB) {
	tb.Helper()
	variables, role, err := r.i.relayTask(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	var environment []string
	for name, value := range variables {
		environment = append(environment, name+"="+value)
	}
	// The later of two counts.
	environment = append(append(environment, role.Environment()...), "OWNMESH_RELAY="+r.i.RelayAddress(), "OWNMESH_XDS="+r.Address, "OWNMESH_ADMIN="+r.admin,
		"OWNMESH_CACHE="+r.cache, "OWNMESH_DRAIN=1s",
		"AWS_ENDPOINT_URL="+aws.ToString(r.i.Config.BaseEndpoint), "AWS_ENDPOINT_URL_S3=http://"+r.i.gates.s3.Address(),
		"AWS_ENDPOINT_URL_EVENTBRIDGE=http://"+r.i.gates.eventbridge.Address())
	if r.process, err = start(filepath.Join(r.i.programs, "relay"), environment); err != nil {
		tb.Fatalf("start a relay: %v", err)
	}
	machine.Eventually(tb, "the relay to be ready", func() string {
		if !r.running() {
			tb.Fatalf("the relay has ended:\n%s", r.Log())
		}
		res, err := http.Get("http://" + r.admin + "/readyz")
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return res.Status
		}
		return ""
	})
}

// Stop ends the relay as ECS does.
func (r *Relay) Stop() { r.stop() }

// Relays has two relays run, as the stack's service does, and the name that sidecars dial lead to them. They are shared.
func (i *Installation) Relays(tb testing.TB) []*Relay {
	tb.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.relays == nil {
		one, other := i.Relay(tb), i.Relay(tb)
		one.Start(tb)
		other.Start(tb)
		i.relays = []*Relay{one, other}
		i.Front.Lead(one.Address, other.Address)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			for n, r := range i.relays {
				tb.Logf("relay %d said:\n%s", n, tail(r.Log()))
			}
		}
	})
	return i.relays
}

func (i *Installation) stopRelays() {
	for _, r := range i.relays {
		r.Stop() // its cache lies with the programs
	}
}

// tail is the end of a log.
func tail(log string) string {
	const most = 8 << 10
	if len(log) > most {
		return "…" + log[len(log)-most:]
	}
	return log
}
