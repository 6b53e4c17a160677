package envoy

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// moody is an application that answers with its name, or with an error as long as it has one.
type moody struct {
	name  string
	fails atomic.Int64 // the status; 0: none
}

func newMoody(name string, fails int) *moody {
	a := &moody{name: name}
	a.fails.Store(int64(fails))
	return a
}

func (a *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if code := a.fails.Load(); code != 0 {
		w.WriteHeader(int(code))
		return
	}
	answering(a.name)(w, r)
}

// ejecting is a listener that has callers stop using an instance after so many errors in a row.
func ejecting(errors, percent int) string {
	return listener(8080, "http", fmt.Sprintf("outlierDetection: {maxServerErrors: %d, interval: {unit: ms, value: 100}, "+
		"baseEjectionDuration: {unit: s, value: 2}, maxEjectionPercent: %d}", errors, percent))
}

// An instance that fails is left alone for a while, and then tried again. Callers decide that, each for itself, as many
// instances as the node lets them.
func TestOutlierDetection(t *testing.T) {
	nodes := []string{"fails", "falters", "dead", "half", "none"}
	m := start(t, justMesh+exposed("fails", ejecting(3, 50))+exposed("falters", ejecting(3, 100))+exposed("dead", ejecting(2, 50))+
		exposed("half", ejecting(1, 50))+exposed("none", ejecting(1, 0))+callerOf(nodes...))
	bad := newMoody("bad", http.StatusInternalServerError)
	m.registerBare("fails", "bad", serve(t, bad))
	m.registerBare("fails", "good-1", echo(t, "good"))
	m.registerBare("fails", "good-2", echo(t, "good"))
	var odd atomic.Int64
	m.registerBare("falters", "odd", serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := odd.Add(1); {
		case r.URL.Path == "/missing":
			w.WriteHeader(http.StatusNotFound)
		case n%3 == 0:
			answering("falters")(w, r)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})))
	m.registerBare("dead", "good", echo(t, "good"))
	m.registerBare("dead", "gone", local(freePort(t)))
	for n := range 4 {
		for _, node := range []string{"half", "none"} {
			m.registerBare(node, fmt.Sprint(n), serve(t, newMoody("", http.StatusInternalServerError)))
		}
	}
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()
	stat := func(node, name string) int {
		return ui.stat("cluster.cds_egress_shop_" + node + "_http_8080.outlier_detection." + name)
	}
	ask := func(node string, requests int) map[string]int {
		counts := map[string]int{}
		for range requests {
			counts[c.get("http://"+node+".shop.local:8080/").where(nil)]++
		}
		return counts
	}

	t.Run("an instance is left alone after errors in a row, and comes back", func(t *testing.T) {
		errors := 0
		machine.Eventually(t, "the bad instance to be left alone", func() string {
			counts := ask("fails", 3)
			errors += counts["500"]
			if stat("fails", "ejections_active") == 0 {
				return fmt.Sprint(counts)
			}
			return ""
		})
		if errors < 3 {
			t.Errorf("it was left alone after %d errors, want 3", errors)
		}
		machine.Eventually(t, "requests that all come while it is left alone", func() string {
			times := stat("fails", "ejections_enforced_total")
			counts := ask("fails", 12)
			if stat("fails", "ejections_active") == 0 || stat("fails", "ejections_enforced_total") != times {
				return "it came back meanwhile" // on a busy machine
			}
			if counts["good"] != 12 {
				t.Errorf("while it is left alone, requests reach %v", counts)
			}
			return ""
		})
		bad.fails.Store(0)
		machine.Eventually(t, "the instance that is well again to be used", func() string {
			if counts := ask("fails", 3); counts["bad"] != 1 {
				return fmt.Sprint(counts)
			}
			return ""
		})
	})
	t.Run("errors with successes between them don't count, nor do those that are the caller's", func(t *testing.T) {
		ask("falters", 30)
		for range 10 {
			c.reaches("404", http.MethodGet, "http://falters.shop.local:8080/missing")
		}
		if n := stat("falters", "ejections_enforced_total"); n != 0 {
			t.Errorf("it was left alone %d times", n)
		}
	})
	t.Run("connections that fail count", func(t *testing.T) {
		machine.Eventually(t, "the dead instance to be left alone", func() string {
			if counts := ask("dead", 4); counts["good"] != 4 { // retries hide it
				t.Errorf("requests reach %v", counts)
			}
			if stat("dead", "ejections_active") == 0 {
				return "it is used"
			}
			return ""
		})
	})
	for node, want := range map[string]int{"half": 2, "none": 1} {
		t.Run("no more instances than the node lets callers, but one: "+node, func(t *testing.T) {
			machine.Eventually(t, "too many errors", func() string {
				ask(node, 4)
				if stat(node, "ejections_active") > want {
					t.Fatalf("%d of 4 instances are left alone, want %d", stat(node, "ejections_active"), want)
				}
				if stat(node, "ejections_enforced_consecutive_5xx") < want || stat(node, "ejections_overflow") == 0 {
					return fmt.Sprintf("%d ejected, %d not", stat(node, "ejections_enforced_consecutive_5xx"), stat(node, "ejections_overflow"))
				}
				return ""
			})
		})
	}
}
