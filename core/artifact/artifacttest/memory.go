package artifacttest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ownmesh/ownmesh/core/artifact"
)

// Op is an operation of artifact.Objects.
type Op string

// The operations.
const (
	OpGet          Op = "get"
	OpGetIfChanged Op = "getIfChanged"
	OpCreate       Op = "create"
	OpReplace      Op = "replace"
	OpList         Op = "list"
	OpDelete       Op = "delete"
)

// Call is one call of an operation. Key is the prefix for OpList.
type Call struct {
	Op  Op
	Key string
}

// Fault is what goes wrong with a call. The zero Fault is none.
type Fault struct {
	// Err is returned instead of the answer.
	Err error
	// Lost lets the operation happen before Err is returned: the answer is lost.
	Lost bool
	// Wait holds the call, before anything happens, until it is closed or the call's context ends.
	Wait <-chan struct{}
}

// Counts is what calls have cost.
type Counts struct {
	Calls   map[Op]int
	Read    int // bytes
	Written int // bytes, of calls that succeeded
}

// Total is the number of all calls.
func (c Counts) Total() int {
	total := 0
	for _, n := range c.Calls {
		total += n
	}
	return total
}

// Memory is an artifact store in memory that counts its calls, fails on request, and lets a test damage what is in
// it. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	objects map[string]object
	written int
	counts  Counts
	fault   func(Call) Fault
}

type object struct {
	data []byte
	etag string
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{objects: map[string]object{}, counts: Counts{Calls: map[Op]int{}}}
}

// Inject asks f before each call what is to go wrong with it; f may use the store, and must be safe for
// concurrent use, for a reader calls it at the same time. Nil: nothing goes wrong.
func (m *Memory) Inject(f func(Call) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// Counts says what all calls since the last Counts have cost, those that failed included.
func (m *Memory) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counts
	m.counts = Counts{Calls: map[Op]int{}}
	return c
}

// Keys lists the keys that start with prefix, ascending, without counting as a call.
func (m *Memory) Keys(prefix string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys(prefix)
}

func (m *Memory) keys(prefix string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.objects)), func(k string) bool { return !strings.HasPrefix(k, prefix) })
}

// Bytes is what lies at a key; nil if nothing does.
func (m *Memory) Bytes(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.objects[key].data)
}

// Put overwrites whatever lies at a key, as no writer may.
func (m *Memory) Put(key string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, data)
}

// Lose removes everything that starts with prefix.
func (m *Memory) Lose(prefix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range m.keys(prefix) {
		delete(m.objects, key)
	}
}

func (m *Memory) put(key string, data []byte) string {
	m.written++
	etag := strconv.Itoa(m.written)
	m.objects[key] = object{bytes.Clone(data), etag}
	return etag
}

var segment = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// checkKey refuses what is no key of an artifact store.
func checkKey(key string) error {
	for part := range strings.SplitSeq(key, "/") {
		if !segment.MatchString(part) || part == "." || part == ".." {
			return fmt.Errorf("%.100q is no key", key)
		}
	}
	if len(key) > 1000 {
		return fmt.Errorf("%.100q… is no key: it is too long", key)
	}
	return nil
}

// call counts a call, asks for its fault, and runs it unless the fault prevents that.
func (m *Memory) call(ctx context.Context, c Call, run func() error) error {
	m.mu.Lock()
	m.counts.Calls[c.Op]++
	inject := m.fault
	m.mu.Unlock()
	var f Fault
	if inject != nil {
		f = inject(c)
	}
	if f.Wait != nil {
		select {
		case <-f.Wait:
		case <-ctx.Done():
		}
	}
	err := ctx.Err()
	if err == nil && c.Op != OpList {
		err = checkKey(c.Key)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.Op, c.Key, err)
	}
	if f.Err != nil && !f.Lost {
		return f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := run(); err != nil {
		return fmt.Errorf("%s %s: %w", c.Op, c.Key, err)
	}
	return f.Err
}

// Get implements artifact.Objects.
func (m *Memory) Get(ctx context.Context, key string) (data []byte, etag string, err error) {
	err = m.call(ctx, Call{OpGet, key}, func() error {
		o, ok := m.objects[key]
		if !ok {
			return artifact.ErrNotFound
		}
		data, etag = bytes.Clone(o.data), o.etag
		m.counts.Read += len(data)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return data, etag, nil
}

// GetIfChanged implements artifact.Objects.
func (m *Memory) GetIfChanged(ctx context.Context, key, etag string) (data []byte, newTag string, err error) {
	err = m.call(ctx, Call{OpGetIfChanged, key}, func() error {
		o, ok := m.objects[key]
		if !ok {
			return artifact.ErrNotFound
		}
		if newTag = o.etag; newTag == etag {
			return nil
		}
		data = bytes.Clone(o.data)
		m.counts.Read += len(data)
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return data, newTag, nil
}

// Create implements artifact.Objects.
func (m *Memory) Create(ctx context.Context, key string, data []byte) (etag string, err error) {
	err = m.call(ctx, Call{OpCreate, key}, func() error {
		if _, ok := m.objects[key]; ok {
			return artifact.ErrExists
		}
		etag = m.put(key, data)
		m.counts.Written += len(data)
		return nil
	})
	if err != nil {
		return "", err
	}
	return etag, nil
}

// Replace implements artifact.Objects.
func (m *Memory) Replace(ctx context.Context, key string, data []byte, etag string) (newTag string, err error) {
	err = m.call(ctx, Call{OpReplace, key}, func() error {
		if o, ok := m.objects[key]; !ok || o.etag != etag {
			return artifact.ErrChanged
		}
		newTag = m.put(key, data)
		m.counts.Written += len(data)
		return nil
	})
	if err != nil {
		return "", err
	}
	return newTag, nil
}

// List implements artifact.Objects.
func (m *Memory) List(ctx context.Context, prefix, after string, limit int) (keys []string, err error) {
	if limit < 1 {
		return nil, fmt.Errorf("list %s: limit is %d", prefix, limit)
	}
	err = m.call(ctx, Call{OpList, prefix}, func() error {
		for _, key := range m.keys(prefix) {
			if key > after && len(keys) < limit {
				keys = append(keys, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// Delete implements artifact.Objects.
func (m *Memory) Delete(ctx context.Context, key string) error {
	return m.call(ctx, Call{OpDelete, key}, func() error {
		delete(m.objects, key)
		return nil
	})
}
