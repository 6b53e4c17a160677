package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// This file: which addresses of 127.0.0.1 an Envoy is given that starts a moment later.

// Free ports are chosen below those that systems give to outgoing connections: one of those could take a port between
// the choice and Envoy's start.
const lowestPort, highestPort = 20000, 30000

// recently is how long an address is not chosen again: by then its Envoy has started, and it is seen to be in use.
const recently = time.Minute

// chooseAddresses finds n addresses on 127.0.0.1 that nobody listens on, that are not taken, and that were not chosen a
// moment ago by another `ownmesh bootstrap` of the same user: sidecars of one machine are often started all at once.
// Where that can't be known, because there is no folder to keep it in, chance keeps them apart.
func chooseAddresses(n int, taken []string) (free []string, err error) {
	f := openChosen()
	if f == nil {
		return freeAddresses(n, taken)
	}
	defer func() { _ = f.Close() }() // which unlocks; it is but a memory
	chosen := map[string]time.Time{}
	if text, err := io.ReadAll(io.LimitReader(f, 1<<20)); err != nil || json.Unmarshal(text, &chosen) != nil {
		chosen = map[string]time.Time{} // as when it was cut off
	}
	now := time.Now()
	maps.DeleteFunc(chosen, func(_ string, at time.Time) bool { return now.Sub(at).Abs() > recently })
	if free, err = freeAddresses(n, slices.AppendSeq(slices.Clone(taken), maps.Keys(chosen))); err != nil {
		if free, err = freeAddresses(n, taken); err != nil {
			return nil, err
		}
	}
	for _, address := range free {
		chosen[address] = now
	}
	if text, err := json.Marshal(chosen); err == nil && f.Truncate(0) == nil {
		_, _ = f.WriteAt(text, 0)
	}
	return free, nil
}

// openChosen opens and locks the file of what was chosen; nil if that can't be.
func openChosen() *os.File {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	folder := filepath.Join(cache, "ownmesh")
	if os.MkdirAll(folder, 0o700) != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(folder, "chosen-addresses.json"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil
	}
	for until := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f
		}
		if busy := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR); !busy || time.Now().After(until) {
			_ = f.Close()
			return nil
		}
	}
}

// freeAddresses finds n addresses on 127.0.0.1 that nobody listens on and that are not taken. It starts at a random
// one, so that two that choose at the same time hardly meet.
func freeAddresses(n int, taken []string) ([]string, error) {
	var free []string
	first := rand.IntN(highestPort - lowestPort)
	for i := range highestPort - lowestPort {
		if len(free) == n {
			return free, nil
		}
		port := lowestPort + (first+i)%(highestPort-lowestPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if slices.Contains(taken, address) {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("try port %d: %w", port, err)
		}
		free = append(free, address)
	}
	return nil, fmt.Errorf("fewer than %d ports of 127.0.0.1 from %d to %d are free: name addresses with the flags", n, lowestPort, highestPort)
}
