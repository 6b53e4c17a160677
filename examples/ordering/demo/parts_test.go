package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/client"
)

func TestAllAccepted(t *testing.T) {
	early, late := time.Unix(100, 0), time.Unix(200, 0)
	proxy := func(generation int64, acked time.Time) client.Proxy {
		return client.Proxy{ProxyStatus: events.ProxyStatus{Generation: generation, AckedAt: acked}}
	}
	rejecting := proxy(7, late)
	rejecting.Rejected = []events.RejectedPart{{Type: "cluster"}}
	waiting := proxy(7, late)
	waiting.Waiting = []string{"listener waits"}
	for name, c := range map[string]struct {
		status client.Status
		want   bool
	}{
		"all":              {client.Status{Published: 7, Proxies: []client.Proxy{proxy(7, late), proxy(7, early)}}, true},
		"further on":       {client.Status{Published: 9, Proxies: []client.Proxy{proxy(9, late), proxy(8, early)}}, true},
		"not published":    {client.Status{Published: 6, Proxies: []client.Proxy{proxy(7, late), proxy(7, early)}}, false},
		"one missing":      {client.Status{Published: 7, Proxies: []client.Proxy{proxy(7, late)}}, false},
		"one behind":       {client.Status{Published: 7, Proxies: []client.Proxy{proxy(7, late), proxy(6, early)}}, false},
		"one has refused":  {client.Status{Published: 7, Proxies: []client.Proxy{proxy(7, late), rejecting}}, false},
		"one is held back": {client.Status{Published: 7, Proxies: []client.Proxy{proxy(7, late), waiting}}, false},
	} {
		last, ok := allAccepted(c.status, 7, 2)
		if ok != c.want || ok && !last.Equal(late) {
			t.Errorf("%s: accepted %v at %v, want %v at %v", name, ok, last, c.want, late)
		}
	}
}

func TestWatcherFindsALineThatComesInPieces(t *testing.T) {
	w := &watcher{wanted: readyLine, found: make(chan []string, 1)}
	for _, piece := range []string{"starting\nrea", "dy api=127.0.0.1:1 xds=127.0.0.1:2 adm", "in=127.0.0.1:3", "\n", "more\n"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("write gave %d, %v", n, err)
		}
	}
	if m := <-w.found; m[1] != "127.0.0.1:1" || m[2] != "127.0.0.1:2" || m[3] != "127.0.0.1:3" {
		t.Errorf("got %q", m)
	}
}

// inventories answers as the application does: each request as next says.
func inventories(t *testing.T, next func(n int) (status int, version string)) string {
	t.Helper()
	requests := make(chan int, 1)
	requests <- 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := <-requests
		requests <- n + 1
		status, version := next(n)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"hops":[{"service":"ui","version":"v9"},{"service":"inventory","version":%q}]}`, version)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestLoadCountsWhatCustomersSaw(t *testing.T) {
	url := inventories(t, func(n int) (int, string) {
		switch n % 4 {
		case 0:
			return 500, "v1"
		case 1:
			return 200, "v1"
		}
		return 200, "v2"
	})
	l := startLoad(t.Context(), url, 3)
	if _, err := l.since(t.Context(), time.Time{}, 400); err != nil {
		t.Fatal(err)
	}
	n := count(l.stop())
	if n.all < 400 || n.failed+n.v1+n.v2 != n.all {
		t.Errorf("counts don't add up: %+v", n)
	}
	// The last requests of the three customers may have broken off the pattern's last round.
	if n.failed < n.all/4 || n.failed > n.all/4+1 || n.first.status != 500 || n.share() < 0.64 || n.share() > 0.69 {
		t.Errorf("want a quarter failed, two thirds of the rest by v2: %+v, share %v", n, n.share())
	}
}

func TestLoadCountsRefusedConnectionsAndForeignAnswersAsFailures(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "welcome") }))
	defer foreign.Close()
	short := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"hops":[{"service":"ui"}]}`) }))
	defer short.Close()
	for _, url := range []string{gone.URL, foreign.URL, short.URL, "http://[", "http://127.0.0.1:0"} {
		if r := request(t.Context(), url); r.ok() || r.String() == "" {
			t.Errorf("%s: %+v counts as an answer", url, r)
		}
	}
}

func TestLoadSinceEndsWithItsContext(t *testing.T) {
	url := inventories(t, func(int) (int, string) { return 200, "v1" })
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	l := startLoad(t.Context(), url, 1)
	defer l.stop()
	cancel(why)
	if _, err := l.since(ctx, time.Time{}, 1<<30); !errors.Is(err, why) {
		t.Errorf("got %v, want it to say why", err)
	}
}

func TestLoadSinceLeavesOutEarlierRequests(t *testing.T) {
	url := inventories(t, func(int) (int, string) { return 200, "v1" })
	l := startLoad(t.Context(), url, 2)
	defer l.stop()
	if _, err := l.since(t.Context(), time.Time{}, 20); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	later, err := l.since(t.Context(), now, 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range later {
		if !r.began.After(now) {
			t.Errorf("a request of %v counts as after %v", r.began, now)
		}
	}
}

func TestPortsAreFreeAndBelowTheKernelsOwn(t *testing.T) {
	p := newPorts()
	seen := map[string]bool{}
	for range 200 {
		a := p.free()
		_, port, err := split(a)
		if err != nil || port < lowest || port >= highest || seen[a] {
			t.Fatalf("%s: %v, seen before: %v", a, err, seen[a])
		}
		seen[a] = true
	}
	busy := httptest.NewServer(nil)
	defer busy.Close()
	_, port, err := split(busy.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := p.prefer(port); got == local(port) {
		t.Errorf("%s was handed out, but something listens there", got)
	}
}

func TestProcessThatEndsByItselfFailsTheDemo(t *testing.T) {
	ctx, fail := context.WithCancelCause(t.Context())
	ps := newProcesses(t.TempDir(), fail)
	defer ps.stop()
	if err := ps.start("some thing", nil, []string{"WORD=last"}, "sh", "-c", "echo first; echo $WORD words; exit 3"); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	cause := context.Cause(ctx).Error()
	for _, want := range []string{"some thing ended by itself", "exit status 3", "last words"} {
		if !strings.Contains(cause, want) {
			t.Errorf("want %q in %q", want, cause)
		}
	}
}

func TestStopEndsWholeGroupsEvenStubbornOnes(t *testing.T) {
	_, fail := context.WithCancelCause(t.Context())
	ps := newProcesses(t.TempDir(), fail)
	ps.patience = 100 * time.Millisecond
	said := &watcher{wanted: mustCompile(`pid (\d+)`), found: make(chan []string, 1)}
	// The child of the child has its own trap: only the whole group's end reaches it.
	err := ps.start("stubborn", said, nil, "sh", "-c", `trap "" TERM; sh -c 'trap "" TERM; echo pid $$; while :; do sleep 1; done' & wait`)
	if err != nil {
		t.Fatal(err)
	}
	pid := (<-said.found)[1]
	ps.stop()
	deadline := time.Now().Add(20 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %s still runs", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := ps.start("late", nil, nil, "true"); err == nil {
		t.Error("a process was started after stop")
	}
}

// alive tells whether a process runs; one that is dead but not yet waited for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return false
	}
	after := string(stat[strings.LastIndex(string(stat), ")")+1:])
	return !strings.HasPrefix(after, " Z")
}

// childrenOf lists running programs from a folder.
func childrenOf(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var running []string
	for _, link := range found {
		if exe, err := os.Readlink(link); err == nil && strings.HasPrefix(exe, folder) {
			running = append(running, exe)
		}
	}
	return running
}

func mustCompile(s string) *regexp.Regexp { return regexp.MustCompile(s) }
