// Package eventlog keeps the events of one machine in its data folder, a line of JSON each, for those who ask and those
// who follow: what the bus is in AWS.
//
// It is bounded: the newest events stay, in two files, events.jsonl and the one before it, events.old.jsonl. It is no
// part of the mesh: who deletes the files loses events and nothing else. One process at a time may have it open, which
// the store's lock on the folder sees to. Start with Open.
package eventlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/ownmesh/ownmesh/events"
)

// ErrClosed ends those who wait for events of a log that is closed.
var ErrClosed = errors.New("the event log is closed")

// Options of a log; zero values mean the defaults in parentheses.
type Options struct {
	MaxBytes int64 // of both files together, give or take an event (16 MB)
	Logger   *slog.Logger
}

const (
	newestFile = "events.jsonl"
	olderFile  = "events.old.jsonl"
)

// Log is an open event log. It is safe for concurrent use.
type Log struct {
	folder string
	max    int64
	log    *slog.Logger

	mu     sync.RWMutex
	older  *segment // nil: none yet
	newest *segment // nil: closed
	grown  chan struct{}
}

// Open opens the log in a folder, or begins one.
func Open(folder string, o Options) (*Log, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{folder: folder, max: o.MaxBytes, log: o.Logger, grown: make(chan struct{})}
	older, err := openSegment(filepath.Join(folder, olderFile), 1, o.Logger)
	if err != nil {
		return nil, err
	}
	newest, err := openSegment(filepath.Join(folder, newestFile), older.next(), o.Logger)
	if err != nil {
		return nil, errors.Join(err, older.close())
	}
	if len(older.ends) > 0 && older.next() != newest.first {
		o.Logger.Warn("older events don't lead on to the newest ones, and are left out", "file", older.file.Name())
		if err := older.empty(newest.first); err != nil {
			return nil, errors.Join(err, older.close(), newest.close())
		}
	}
	l.older, l.newest = older, newest
	return l, nil
}

// Publish adds events and gives each its number as ID.
func (l *Log) Publish(_ context.Context, all ...events.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest == nil {
		return ErrClosed
	}
	if l.newest.size() >= l.max/2 {
		if err := l.turn(); err != nil {
			return err
		}
	}
	var lines bytes.Buffer
	var ends []int64
	for i, e := range all {
		e.ID = strconv.FormatInt(l.newest.next()+int64(i), 10)
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode an event %q: %w", e.DetailType, err)
		}
		lines.Write(append(line, '\n'))
		ends = append(ends, l.newest.size()+int64(lines.Len()))
	}
	if err := l.newest.append(lines.Bytes(), ends); err != nil {
		return err
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return nil
}

// turn begins a new file, and lets go of the older one.
func (l *Log) turn() error {
	next := l.newest.next()
	if err := os.Rename(filepath.Join(l.folder, newestFile), filepath.Join(l.folder, olderFile)); err != nil {
		return fmt.Errorf("set old events aside: %w", err)
	}
	if err := l.older.close(); err != nil {
		l.log.Warn("old events were not closed", "err", err)
	}
	l.older = l.newest
	fresh, err := openSegment(filepath.Join(l.folder, newestFile), next, l.log)
	if err != nil {
		// Nothing can be added until the next start, and what there is can still be read.
		l.newest = nil
		return err
	}
	l.newest = fresh
	return nil
}

// Range is the numbers of the oldest and the newest event that are kept; where none is, the newest is the one before the
// oldest.
func (l *Log) Range() (oldest, newest int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	last := l.newest
	if last == nil {
		last = l.older
	}
	if len(l.older.ends) == 0 {
		return last.first, last.next() - 1
	}
	return l.older.first, last.next() - 1
}

// Read gives events with a number greater than after, in order, at most limit.
func (l *Log) Read(after int64, limit int) ([]events.Event, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all, err := l.older.read(after, limit)
	if err != nil || l.newest == nil {
		return all, err
	}
	more, err := l.newest.read(after, limit-len(all))
	return append(all, more...), err
}

// Wait returns when there is an event with a number greater than after.
func (l *Log) Wait(ctx context.Context, after int64) error {
	for {
		l.mu.RLock()
		closed, found, grown := l.newest == nil, l.newest != nil && l.newest.next()-1 > after, l.grown
		l.mu.RUnlock()
		switch {
		case closed:
			return ErrClosed
		case found:
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends those who wait. What was published stays.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newest == nil {
		return nil
	}
	err := errors.Join(l.newest.close(), l.older.close())
	l.newest, l.older = nil, &segment{first: l.newest.next()}
	close(l.grown)
	return err
}
