package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// answer is what the application says: see services/hop.go.
type answer struct {
	Order string `json:"order"`
	Error string `json:"error"`
	Hops  []struct {
		Service string `json:"service"`
		Version string `json:"version"`
	} `json:"hops"`
}

// result is one request and what came of it.
type result struct {
	began   time.Time
	status  int    // 0 where there was no answer
	version string // of the Inventory that answered: v1, v2
	answer  answer
	err     error
}

// ok tells whether a customer would be content.
func (r result) ok() bool { return r.err == nil && r.status == http.StatusOK && r.version != "" }

func (r result) String() string {
	switch {
	case r.err != nil:
		return r.err.Error()
	case r.answer.Error != "":
		return fmt.Sprintf("status %d: %s", r.status, r.answer.Error)
	}
	return fmt.Sprintf("status %d by Inventory %q", r.status, r.version)
}

var customers = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// request is one customer's request.
func request(ctx context.Context, url string, header ...string) result {
	r := result{began: time.Now()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		r.err = err
		return r
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := customers.Do(req)
	if err != nil {
		r.err = err
		return r
	}
	defer resp.Body.Close()
	r.status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		r.err = fmt.Errorf("read the answer: %w", err)
		return r
	}
	if json.Unmarshal(body, &r.answer) != nil {
		r.answer.Error = string(body) // an Envoy's own sentence
	}
	if n := len(r.answer.Hops); n > 0 && r.answer.Hops[n-1].Service == "inventory" {
		r.version = r.answer.Hops[n-1].Version
	}
	return r
}

// load is customers who send one request after the other until stop.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	grown   *sync.Cond
	results []result // in the order of their ends
}

func startLoad(ctx context.Context, url string, customers int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel}
	l.grown = sync.NewCond(&l.mu)
	for range customers {
		l.done.Go(func() {
			for ctx.Err() == nil {
				// A request that has begun is finished: stop must not look like a failure.
				r := request(context.WithoutCancel(ctx), url)
				l.mu.Lock()
				l.results = append(l.results, r)
				l.mu.Unlock()
				l.grown.Broadcast()
			}
		})
	}
	return l
}

// since waits until n requests that began after t have ended, and returns them.
func (l *load) since(ctx context.Context, t time.Time, n int) ([]result, error) {
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock() // not between the look at ctx and the wait below
		defer l.mu.Unlock()
		l.grown.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	var picked []result
	for seen := 0; ; l.grown.Wait() {
		picked = append(picked, between(l.results[seen:], t, time.Time{})...)
		seen = len(l.results)
		if len(picked) >= n {
			return picked, nil
		}
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("send %d requests: %w", n, err)
		}
	}
}

// stop lets requests finish and returns all there were.
func (l *load) stop() []result {
	l.cancel()
	l.done.Wait()
	return l.results
}

// between picks the results that began after from and, unless to is zero, before to.
func between(results []result, from, to time.Time) []result {
	var picked []result
	for _, r := range results {
		if r.began.After(from) && (to.IsZero() || r.began.Before(to)) {
			picked = append(picked, r)
		}
	}
	return picked
}

// counts is what became of some requests.
type counts struct {
	all, v1, v2, failed int
	first               result // the first that failed
}

func count(results []result) counts {
	c := counts{all: len(results)}
	for _, r := range results {
		switch {
		case !r.ok():
			if c.failed == 0 {
				c.first = r
			}
			c.failed++
		case r.version == "v1":
			c.v1++
		case r.version == "v2":
			c.v2++
		}
	}
	return c
}

// share is the part of the answered requests that v2 answered, 0 to 1.
func (c counts) share() float64 { return float64(c.v2) / float64(max(1, c.v1+c.v2)) }
