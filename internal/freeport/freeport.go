// Package freeport gives tests ports of 127.0.0.1 that another process, an Envoy or an emulator, binds a moment later.
//
// A port that the kernel chose (port 0) and that was closed again can go to anybody meanwhile. These are below those
// that the kernel gives, and no two processes that ask here are given the same: each holds blocks of them by file locks,
// which end with it. It is for tests, and for one user of a machine. Start with Next.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	lowest, highest = 11000, 19000
	blockSize       = 50
	blocks          = (highest - lowest) / blockSize
	// most is how many blocks a process holds before it gives its own ports once more, the oldest first: a test may
	// count on nobody listening on one.
	most = blocks / 4
	// patience is how long a block is waited for while other processes hold all of them.
	patience = time.Minute
)

var mine = claims{folder: filepath.Join(os.TempDir(), fmt.Sprintf("ownmesh-test-ports-%d", os.Getuid())), most: most}

// Next gives a port that nothing listens on, and that nobody else who asks is given.
func Next() (int, error) { return mine.next(patience) }

// claims are the ports of one process.
type claims struct {
	folder string
	most   int

	mu    sync.Mutex
	held  []*os.File // locked; what closes them is the end of the process
	fresh []int
	given []int // longest ago first
}

func (c *claims) next(patience time.Duration) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		for range len(c.fresh) + len(c.given) + 1 {
			if len(c.fresh) == 0 && len(c.held) < c.most {
				if err := c.claim(); err != nil {
					return 0, fmt.Errorf("claim ports: %w", err)
				}
			}
			if port, ok := c.take(); ok && isFree(port) {
				return port, nil
			}
		}
		if time.Now().After(until) {
			return 0, fmt.Errorf("no port from %d to %d is free: somebody listens there, or other tests hold them by the locks in %s", lowest, highest, c.folder)
		}
	}
}

func (c *claims) take() (port int, ok bool) {
	from := &c.fresh
	if len(c.fresh) == 0 {
		from = &c.given
	}
	if len(*from) == 0 {
		return 0, false
	}
	port, *from = (*from)[0], (*from)[1:]
	c.given = append(c.given, port)
	return port, true
}

// claim takes a block that no process holds, if there is one.
func (c *claims) claim() error {
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return err
	}
	first := rand.IntN(blocks)
	for i := range blocks {
		block := (first + i) % blocks
		// Each descriptor has a lock of its own, so that a block held here is refused here as well.
		f, err := os.OpenFile(filepath.Join(c.folder, strconv.Itoa(block)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			c.held = append(c.held, f)
			for i := range blockSize {
				c.fresh = append(c.fresh, lowest+block*blockSize+i)
			}
			return nil
		}
		_ = f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
	return nil
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
