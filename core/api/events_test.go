package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/eventlog"
	"github.com/ownmesh/ownmesh/events"
)

// withEvents gives the server a log of events.
func withEvents(t *testing.T) (*eventlog.Log, option) {
	t.Helper()
	l, err := eventlog.Open(t.TempDir(), eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, func(_ *server, o *Options) { o.Events = l }
}

// tell publishes an event about a mesh, of a type by turns.
func tell(t *testing.T, l *eventlog.Log, mesh string, n int64) {
	t.Helper()
	about := events.About{Mesh: mesh, Generation: n, Time: time.Unix(n, 0).UTC()}
	e := events.MeshConverged{About: about}.Event()
	if n%2 == 0 {
		e = events.ConfigurationPublished{About: about}.Event()
	}
	if err := l.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// ids are the numbers of the events in an answer.
func (a answer) ids() string {
	a.t.Helper()
	var all []string
	for _, e := range a.ok()["events"].([]any) {
		all = append(all, e.(map[string]any)["id"].(string))
	}
	return strings.Join(all, " ")
}

func TestEvents(t *testing.T) {
	l, with := withEvents(t)
	s := newServer(t, with)
	s.ask("GET", "/v1/events", "").equal(`{"events":[],"newest":"0"}`)
	for n := range int64(6) {
		tell(t, l, []string{"shop", "other"}[n/3], n+1)
	}
	for query, want := range map[string]string{
		"":                                  "1 2 3 4 5 6",
		"?limit=2":                          "5 6",
		"?limit=2&mesh=shop":                "2 3",
		"?after=0&limit=2":                  "1 2",
		"?after=4":                          "5 6",
		"?after=6":                          "",
		"?mesh=other":                       "4 5 6",
		"?mesh=none":                        "",
		"?type=mesh-converged":              "1 3 5",
		"?type=Mesh%20Converged&mesh=other": "5",
		"?type=Configuration+Published&after=1&limit=1&follow=false": "2",
	} {
		if got := s.ask("GET", "/v1/events"+query, "").ids(); got != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?after=7":      `after must be a number between 0 and 6, got "7"`,
		"?limit=0":      "limit must be a number between 1 and 1000",
		"?type=Moon":    "type must be one of Resource Changed, Configuration Published",
		"?follow=maybe": `follow must be true or false, got "maybe"`,
	} {
		a := s.ask("GET", "/v1/events"+query, "")
		a.failsWith(badRequest)
		if !strings.Contains(string(a.raw), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%s is refused with %s, want %s", query, a.raw, want)
		}
	}
}

func TestManyEvents(t *testing.T) {
	l, with := withEvents(t)
	s := newServer(t, with)
	for n := range int64(2*eventsPage + 10) {
		tell(t, l, "shop", n+1)
	}
	if got := s.ask("GET", "/v1/events?limit=3", "").ids(); got != "408 409 410" {
		t.Errorf("the newest are %s", got)
	}
	if got := s.ask("GET", "/v1/events?limit=1000&after=3", "").ids(); strings.Count(got, " ") != 406 {
		t.Errorf("after 3 come %s", got)
	}
}

func TestEventsOfABusAreNotReadHere(t *testing.T) {
	a := newServer(t).ask("GET", "/v1/events?follow=true", "")
	a.failsWith(badRequest)
	if !strings.Contains(string(a.raw), "make a rule on that bus") {
		t.Errorf("got %s", a.raw)
	}
}

// follow reads lines as they come.
func follow(t *testing.T, s *server, query string) (next func() events.Event, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/events?follow=true"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func() (e events.Event) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("no more lines: %v", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}, resp.StatusCode
}

func TestFollowEvents(t *testing.T) {
	l, with := withEvents(t)
	s := newServer(t, with)
	tell(t, l, "shop", 1)
	tell(t, l, "shop", 2)
	all, _ := follow(t, s, "&after=0")
	fresh, _ := follow(t, s, "")
	some, _ := follow(t, s, "&mesh=shop&type=mesh-converged")
	if a, b := all(), all(); a.ID != "1" || b.ID != "2" {
		t.Errorf("the first are %s and %s", a.ID, b.ID)
	}
	for n := int64(3); n <= 20; n++ {
		tell(t, l, []string{"shop", "other"}[n/12], n)
		if e := all(); e.ID != fmt.Sprint(n) {
			t.Errorf("number %d is %s", n, e.ID)
		}
		if e := fresh(); e.ID != fmt.Sprint(n) {
			t.Errorf("number %d is %s to who came late", n, e.ID)
		}
		if n%2 == 1 && n < 12 {
			if e := some(); e.ID != fmt.Sprint(n) {
				t.Errorf("who wants some gets %s, want %d", e.ID, n)
			}
		}
	}
}

func TestFollowersAreBoundedAndLetGo(t *testing.T) {
	_, with := withEvents(t)
	s := newServer(t, with)
	ctx, cancel := context.WithCancel(t.Context())
	ask := func() int {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/events?follow=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp.StatusCode
	}
	for range maxFollowers {
		if got := ask(); got != http.StatusOK {
			t.Fatalf("a follower got %d", got)
		}
	}
	if got := ask(); got != http.StatusTooManyRequests {
		t.Errorf("one too many got %d", got)
	}
	cancel()
	for end := time.Now().Add(20 * time.Second); s.handler.followers.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d followers that went are still counted", s.handler.followers.Load())
		}
	}
}
