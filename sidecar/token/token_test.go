package token_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ownmesh/ownmesh/sidecar/api"
	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
	"github.com/ownmesh/ownmesh/sidecar/token"
)

// server is a source of tokens that are good for an hour.
type server struct {
	mu    sync.Mutex
	times []time.Time
	fault error
}

func (s *server) asked() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.times)
}

func (s *server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

func (s *server) fetch(context.Context) (api.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Now())
	if s.fault != nil {
		return api.Token{}, s.fault
	}
	return api.Token{Token: fmt.Sprintf("secret-%d", len(s.times)), Expires: time.Now().Add(time.Hour), Relay: "relay:15010", CA: "PEM"}, nil
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestKeep(t *testing.T) {
	var log strings.Builder
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		k := &token.Keeper{Fetch: s.fetch, Dir: dir, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		first, err := k.Get(t.Context())
		if err != nil || first.Relay != "relay:15010" || read(t, dir, bootstrap.TokenFile) != "secret-1" {
			t.Fatal(first, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Keep(ctx, first) }()

		time.Sleep(23 * time.Minute)
		synctest.Wait()
		if len(s.asked()) != 1 {
			t.Errorf("renewed before 24 minutes: %v", s.asked())
		}
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		if got := read(t, dir, bootstrap.TokenFile); got != "secret-2" {
			t.Errorf("after 36 minutes the token is %q", got)
		}

		// The API is gone for longer than the token is good: it is asked ever less often, and the files stay.
		s.fail(errors.New("gone"))
		before := len(s.asked())
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := len(s.asked()) - before; n < 70 || n > 200 {
			t.Errorf("asked %d times in two hours", n)
		}
		if got := read(t, dir, bootstrap.TokenFile); got != "secret-2" {
			t.Errorf("while the API is gone the token is %q", got)
		}
		s.fail(nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := read(t, dir, bootstrap.TokenFile); got == "secret-2" {
			t.Error("no new token after the API came back")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if strings.Contains(log.String(), "secret-") {
		t.Error("the log has a token:", log.String())
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		if i, err := f.Info(); err != nil || i.Mode().Perm() != 0o600 {
			t.Error(i.Mode(), err)
		}
	}
	if want := []string{bootstrap.CAFile, bootstrap.TokenFile, bootstrap.SecretFile}; !slices.Equal(names, want) {
		t.Errorf("files are %v, want %v", names, want)
	}
}

// A relay that is elsewhere, or signed by another, is nothing that a running Envoy can be told: the log says so.
func TestChangedRelay(t *testing.T) {
	var log strings.Builder
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		k := &token.Keeper{Fetch: s.fetch, Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
		defer stop()
		for _, before := range []string{"relay:15010", "elsewhere:15010"} {
			log.Reset()
			if err := k.Keep(ctx, api.Token{Token: "t", Expires: time.Now().Add(time.Hour), Relay: before, CA: "PEM"}); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(log.String(), "address or authority has changed"); (n == 1) != (before != "relay:15010") || n > 1 {
				t.Errorf("from %s: told %d times:\n%s", before, n, &log)
			}
			ctx, stop = context.WithTimeout(t.Context(), 3*time.Hour)
			defer stop()
		}
	})
}

// Many that began at the same moment don't ask at the same moment.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var all []*server
		for range 20 {
			s := &server{}
			all = append(all, s)
			k := &token.Keeper{Fetch: s.fetch, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
			go func() {
				first, err := k.Get(ctx)
				if err != nil {
					t.Error(err)
				}
				_ = k.Keep(ctx, first) // nil, or told above
			}()
		}
		time.Sleep(37 * time.Minute)
		synctest.Wait()
		moments := map[time.Time]bool{}
		for _, s := range all {
			moments[s.asked()[1]] = true
		}
		if len(moments) < 15 {
			t.Errorf("20 keepers renewed at %d moments", len(moments))
		}
		stop()
		synctest.Wait()
	})
}

// A clock that is far ahead makes each token look old: that is no reason to ask without end.
func TestNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		old := func(ctx context.Context) (api.Token, error) {
			got, err := s.fetch(ctx)
			got.Expires = time.Now().Add(-time.Hour)
			return got, err
		}
		k := &token.Keeper{Fetch: old, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
		first, err := k.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := k.Keep(ctx, first); err != nil || len(s.asked()) > 13 {
			t.Error(len(s.asked()), err)
		}
	})
}

// What waiting can't cure is told at once: a folder that can't be written.
func TestNoFolder(t *testing.T) {
	s := &server{}
	k := &token.Keeper{Fetch: s.fetch, Dir: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.DiscardHandler)}
	if _, err := k.Get(t.Context()); err == nil || len(s.asked()) != 1 {
		t.Error(len(s.asked()), err)
	}
}

// On one machine there is no token, and nothing to keep.
func TestWithoutToken(t *testing.T) {
	dir := t.TempDir()
	k := &token.Keeper{Dir: dir, Log: slog.New(slog.DiscardHandler), Fetch: func(context.Context) (api.Token, error) {
		return api.Token{Relay: "127.0.0.1:15010"}, nil
	}}
	got, err := k.Get(t.Context())
	if err != nil || k.Keep(t.Context(), got) != nil {
		t.Fatal(got, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 { // it exists
		t.Error(files)
	}
}
