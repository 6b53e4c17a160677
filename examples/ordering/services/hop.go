package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Answer is what every service answers with; each adds to what the next one said.
type Answer struct {
	Order     string `json:"order,omitempty"`
	Stock     int    `json:"stock,omitempty"`     // from Inventory
	Canary    string `json:"canary,omitempty"`    // the header x-canary as Inventory saw it
	RequestID string `json:"requestId,omitempty"` // the header x-request-id as Inventory saw it
	Error     string `json:"error,omitempty"`
	Hops      []Hop  `json:"hops"` // the services that the request came through, in order
}

// Hop is one service that a request came through.
type Hop struct {
	Service string `json:"service"`
	Version string `json:"version"`
}

// passedOn are the headers that a service hands to the next: what steers routes, and what ties traces together, in
// the form of each tracer that an Envoy may have.
var passedOn = []string{
	"X-Canary", "X-Request-Id",
	"Traceparent", "Tracestate", // OpenTelemetry
	"X-Amzn-Trace-Id",                                                                // X-Ray
	"X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags", // Zipkin and Jaeger
	"X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Sampling-Priority", "X-Datadog-Origin", "X-Datadog-Tags",
}

var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 100, IdleConnTimeout: time.Minute},
}

// call passes r on to the service at base, path and headers alike, and returns its status and answer.
func call(r *http.Request, base string) (int, Answer) {
	status, a, err := try(r, base)
	if err != nil {
		return http.StatusBadGateway, Answer{Error: err.Error()}
	}
	return status, a
}

func try(r *http.Request, base string) (int, Answer, error) {
	out, err := http.NewRequestWithContext(r.Context(), http.MethodGet, base+r.URL.RequestURI(), nil)
	if err != nil {
		return 0, Answer{}, fmt.Errorf("make request: %w", err)
	}
	for _, h := range passedOn {
		if v := r.Header.Get(h); v != "" {
			out.Header.Set(h, v)
		}
	}
	in, err := client.Do(out)
	if err != nil {
		return 0, Answer{}, fmt.Errorf("call the next service: %w", err)
	}
	defer in.Body.Close()
	body, err := io.ReadAll(io.LimitReader(in.Body, 1<<20))
	if err != nil {
		return 0, Answer{}, fmt.Errorf("read the next service's answer: %w", err)
	}
	var a Answer
	if err := json.Unmarshal(body, &a); err != nil {
		// Not a service's answer but its Envoy's: a sentence in plain text.
		a = Answer{Error: fmt.Sprintf("%s answered %d: %s", base, in.StatusCode, body)}
	}
	return in.StatusCode, a, nil
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone away is no fault of ours
}
