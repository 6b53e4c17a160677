package explicit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/sidecar/explicit"
)

func TestComplete(t *testing.T) {
	node := []string{"application/8080", "bind/8080", "proxy", "service/stock.shop.local:80", "service/tax.shop.local:80"}
	for name, c := range map[string]struct {
		needed    []string
		given     map[string]string
		want      map[string]string
		unreached []string
		problem   string
	}{
		"a node": {
			needed: node,
			given:  map[string]string{"application/8080": "127.0.0.1:9080", "service/stock.shop.local:80": "127.0.0.1:7001"},
			want: map[string]string{
				"application/8080": "127.0.0.1:9080", "bind/8080": "0.0.0.0:8080", "proxy": explicit.Proxy,
				"service/stock.shop.local:80": "127.0.0.1:7001",
			},
			unreached: []string{"tax.shop.local:80"},
		},
		"a gateway": {
			needed: []string{"bind/8088", "self"},
			want:   map[string]string{"bind/8088": "0.0.0.0:8088", "self": explicit.Self},
		},
		"the sidecar on the task's own address": {
			needed: []string{"application/8080", "bind/8080"},
			given:  map[string]string{"application/8080": "127.0.0.1:8080", "bind/8080": "10.0.0.7:8080"},
			want:   map[string]string{"application/8080": "127.0.0.1:8080", "bind/8080": "10.0.0.7:8080"},
		},
		"a backend that is not there yet": {
			given: map[string]string{"service/later.shop.local:80": "127.0.0.1:7009"},
			want:  map[string]string{"service/later.shop.local:80": "127.0.0.1:7009"},
		},
		"no application": {
			needed:  node,
			problem: "nothing says where the application listens for port 8080",
		},
		"the application where the sidecar is": {
			needed:  []string{"application/8080", "bind/8080"},
			given:   map[string]string{"application/8080": "127.0.0.1:8080"},
			problem: "application/8080 (127.0.0.1:8080) and bind/8080 (0.0.0.0:8080) would be in each other's way",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, unreached, problems := explicit.Complete(c.needed, c.given)
			if err := errors.Join(problems...); c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("got %v, want an error with %q", err, c.problem)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if d := cmp.Diff(c.unreached, unreached); d != "" {
				t.Errorf("unreached (-want +got)\n%s", d)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string][2]string{
		"8080=9080":           {"bind/8080", "127.0.0.1:9080"},
		"8080=localhost:9080": {"bind/8080", "127.0.0.1:9080"},
		"80=[::1]:9080":       {"bind/80", "[::1]:9080"},
		"8080":                {"", `"8080" must be PORT=ADDR`},
		"0=9":                 {"", `"0=9" must be PORT=ADDR`},
		"80=host:9":           {"", `"host:9" must be IP:PORT or a port`},
		"80=0":                {"", `"127.0.0.1:0" must be IP:PORT or a port`},
	} {
		place, address, err := explicit.ParsePort(explicit.Bind, text)
		if want[0] == "" {
			if err == nil || !strings.Contains(err.Error(), want[1]) {
				t.Errorf("%s: got %v, want an error with %q", text, err, want[1])
			}
		} else if err != nil || place != want[0] || address != want[1] {
			t.Errorf("%s: got %s %s %v, want %s", text, place, address, err, want)
		}
	}
	if place, address, err := explicit.ParseService("stock.shop.local:80=7001"); err != nil || place != "service/stock.shop.local:80" || address != "127.0.0.1:7001" {
		t.Error(place, address, err)
	}
	if _, _, err := explicit.ParseService("stock.shop.local=7001"); err == nil {
		t.Error("a service without a port is taken")
	}
}
