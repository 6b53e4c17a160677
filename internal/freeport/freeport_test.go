package freeport

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What two processes are given never overlaps, and neither gives a port twice before it has to.
func TestNoPortIsGivenTwice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const each = 3 * blockSize
	a, b := &claims{folder: folder, most: 3}, &claims{folder: folder, most: 3}
	given := map[int]bool{}
	for range each / 2 { // some are in use on this machine
		for _, c := range []*claims{a, b} {
			port, err := c.next(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if given[port] || port < lowest || port >= highest {
				t.Errorf("%d is given, of %d", port, len(given))
			}
			given[port] = true
		}
	}
	first := a.given[0]
	for range 2 * each {
		if port, err := a.next(time.Second); err != nil || port == first {
			return // its own once more, not another's
		}
	}
	t.Errorf("%d, the first port, is never given again", first)
}

func TestAPortInUseIsNotGiven(t *testing.T) {
	t.Parallel()
	c := &claims{folder: t.TempDir(), most: 1}
	if _, err := c.next(time.Second); err != nil {
		t.Fatal(err)
	}
	taken := c.fresh[0]
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", taken))
	if err == nil { // else somebody else has it
		defer l.Close()
	}
	for range 2 * blockSize {
		if port, err := c.next(time.Second); err != nil || port == taken {
			t.Fatalf("got %d, %v", port, err)
		}
	}
}

// Where others hold everything, it says so.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	others := &claims{folder: folder, most: blocks}
	for range blocks {
		if err := others.claim(); err != nil {
			t.Fatal(err)
		}
	}
	if port, err := (&claims{folder: folder, most: 1}).next(20 * time.Millisecond); err == nil || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %d, %v", port, err)
	}
	runtime.KeepAlive(others) // a file that nobody refers to is closed, and so its lock is gone
}
