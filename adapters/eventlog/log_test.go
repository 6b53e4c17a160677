package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/eventlog"
	"github.com/ownmesh/ownmesh/events"
)

func open(t *testing.T, folder string, maxBytes int64) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(folder, eventlog.Options{MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// add publishes events of the generations from one to another.
func add(t *testing.T, l *eventlog.Log, from, to int64) {
	t.Helper()
	for g := from; g <= to; g++ {
		if err := l.Publish(t.Context(), converged(g)); err != nil {
			t.Fatal(err)
		}
	}
}

func converged(generation int64) events.Event {
	return events.MeshConverged{About: events.About{Mesh: "shop", Generation: generation, Time: time.Unix(generation, 0).UTC()}}.Event()
}

// check reads all events and wants those with these numbers, each with its number as generation.
func check(t *testing.T, l *eventlog.Log, oldest, newest int64) {
	t.Helper()
	if a, b := l.Range(); a != oldest || b != newest {
		t.Errorf("the range is %d to %d, want %d to %d", a, b, oldest, newest)
	}
	all, err := l.Read(0, 1<<20)
	if err != nil || int64(len(all)) != newest-oldest+1 {
		t.Fatalf("read %d events, want %d to %d: %v", len(all), oldest, newest, err)
	}
	for i, e := range all {
		about, _ := e.About()
		if want := oldest + int64(i); e.ID != strconv.FormatInt(want, 10) || about.Generation != want || about.Mesh != "shop" {
			t.Fatalf("number %d is %+v", want, e)
		}
	}
}

func TestEventsStay(t *testing.T) {
	folder := t.TempDir()
	l := open(t, folder, 0)
	check(t, l, 1, 0)
	add(t, l, 1, 2)
	if err := l.Publish(t.Context(), converged(3), converged(4)); err != nil {
		t.Fatal(err)
	}
	check(t, l, 1, 4)
	if got, err := l.Read(1, 2); err != nil || len(got) != 2 || got[0].ID != "2" || got[1].ID != "3" {
		t.Errorf("after 1 come %+v, %v", got, err)
	}
	for _, after := range []int64{4, 5, 1 << 40} {
		if got, err := l.Read(after, 2); err != nil || len(got) != 0 {
			t.Errorf("after %d come %+v, %v", after, got, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, folder, 0)
	check(t, l, 1, 4)
	add(t, l, 5, 5)
	check(t, l, 1, 5)
}

func TestTheLogIsBounded(t *testing.T) {
	folder := t.TempDir()
	const bound = 4000
	l := open(t, folder, bound)
	for g := int64(1); g <= 200; g++ {
		add(t, l, g, g)
		oldest, newest := l.Range()
		if newest != g || g > 50 && oldest < 2 {
			t.Fatalf("after %d events the range is %d to %d", g, oldest, newest)
		}
		check(t, l, oldest, g)
	}
	var size int64
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > bound+1000 || len(files) != 2 {
		t.Errorf("%d files have %d bytes", len(files), size)
	}
	oldest, _ := l.Range()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, open(t, folder, bound), oldest, 200)
}

// Whatever was done to the files, the log opens, gives what is whole, and goes on.
func TestDamage(t *testing.T) {
	line := func(id int) string {
		return fmt.Sprintf(`{"id":"%d","detail-type":"Mesh Converged","source":"ownmesh","time":"2026-11-21T09:30:00Z","resources":[],"detail":{"mesh":"shop","generation":%d}}`+"\n", id, id)
	}
	for name, c := range map[string]struct {
		older, newest      string
		oldest, newestLeft int64
	}{
		"cut off":              {"", line(1) + line(2) + line(3)[:40], 1, 2},
		"no JSON":              {"", line(1) + "oops\n" + line(2), 1, 1},
		"a gap":                {"", line(1) + line(3), 1, 1},
		"a wrong number":       {"", line(0) + line(1), 1, 0},
		"older, cut off":       {line(1) + line(2)[:40], line(3) + line(4), 3, 4},
		"older, and no newest": {line(7) + line(8), "", 7, 8},
		"newest, and no older": {"", line(7) + line(8), 7, 8},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range map[string]string{"events.old.jsonl": c.older, "events.jsonl": c.newest} {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l := open(t, folder, 0)
			if c.older == "" {
				c.oldest = max(c.oldest, 1)
			}
			_, newest := l.Range()
			if newest != c.newestLeft {
				t.Fatalf("the newest is %d, want %d", newest, c.newestLeft)
			}
			add(t, l, newest+1, newest+2)
			if oldest, _ := l.Range(); oldest != c.oldest {
				t.Errorf("the oldest is %d, want %d", oldest, c.oldest)
			}
			all, err := l.Read(0, 100)
			if err != nil || len(all) == 0 || all[0].ID != strconv.FormatInt(c.oldest, 10) || int64(len(all)) != newest+2-c.oldest+1 {
				t.Errorf("read %+v, %v", all, err)
			}
		})
	}
}

func TestFollowers(t *testing.T) {
	l := open(t, t.TempDir(), 0)
	const count = 200
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for after := int64(0); after < count; {
				if err := l.Wait(t.Context(), after); err != nil {
					t.Error(err)
					return
				}
				got, err := l.Read(after, 7)
				if err != nil || len(got) == 0 || got[0].ID != strconv.FormatInt(after+1, 10) {
					t.Errorf("after %d: %+v, %v", after, got, err)
					return
				}
				after += int64(len(got))
			}
		})
	}
	add(t, l, 1, count)
	all.Wait()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Wait(ctx, count); !errors.Is(err, context.Canceled) {
		t.Errorf("a follower who gave up got %v", err)
	}
	ended := make(chan error)
	go func() { ended <- l.Wait(t.Context(), count) }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("a follower of a closed log got %v", err)
	}
	if err := l.Publish(t.Context(), converged(1)); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("a closed log took an event: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestAFolderThatIsNotThere(t *testing.T) {
	if _, err := eventlog.Open(filepath.Join(t.TempDir(), "missing"), eventlog.Options{}); err == nil || !strings.Contains(err.Error(), "event log") {
		t.Errorf("got %v", err)
	}
}
