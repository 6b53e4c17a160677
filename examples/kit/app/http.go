package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// handler answers "NAME: METHOD PATH, host HOST".
func (b behaviour) handler() http.Handler {
	var requests atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		select {
		case <-time.After(b.delay):
		case <-r.Context().Done():
			return
		}
		if b.failEvery > 0 && n%int64(b.failEvery) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = fmt.Fprintf(w, "%s: %s %s, host %s\n", b.name, r.Method, r.URL.RequestURI(), r.Host) // who went away misses it
	})
}
