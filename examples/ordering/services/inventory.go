package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Counts is what Inventory says of itself at /counts: requests that came, and how many of them it failed on purpose.
type Counts struct {
	Requests int64 `json:"requests"`
	Failed   int64 `json:"failed"`
}

// inventory knows the stock. With failEvery n, each n-th request fails with status 500.
func inventory(version, failEvery string) (http.Handler, error) {
	every, err := strconv.ParseInt(cmp.Or(failEvery, "0"), 10, 64)
	if err != nil || every < 0 {
		return nil, fmt.Errorf("FAIL_EVERY is %q, which is no number from 0 up", failEvery)
	}
	self := Hop{Service: "inventory", Version: version}
	var requests atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if every > 0 && n%every == 0 {
			reply(w, http.StatusInternalServerError, Answer{Error: "inventory fails on purpose", Hops: []Hop{self}})
			return
		}
		reply(w, http.StatusOK, Answer{Stock: 12, Canary: r.Header.Get("x-canary"), RequestID: r.Header.Get("x-request-id"), Hops: []Hop{self}})
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		c := Counts{Requests: requests.Load()}
		if every > 0 {
			c.Failed = c.Requests / every
		}
		reply(w, http.StatusOK, c)
	})
	return mux, nil
}
