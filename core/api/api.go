package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/events"
)

// Options is what the API needs of the world.
type Options struct {
	Store    store.Store       // required
	Registry endpoint.Registry // required
	Objects  artifact.Objects  // where relays' status and compilers' reports lie; nil: there are none

	Now   func() time.Time // required
	NewID func() string    // required: a new UUID at each call

	Account   string // 12 digits: owns every mesh
	Region    string // in the ARNs of answers to requests that aren't signed for a region
	Partition string // "" is aws

	Caller           func(*http.Request) string // who asks, for the journal; nil: "local"
	Committed        func(events.MeshChanged)   // called after each commit, before its answer; may be nil
	InstancesChanged func(endpoint.ServiceKey)  // called after each change of a service's instances; may be nil

	Tokens Tokens // makes stream tokens for sidecars; nil: none are, because the relay is on loopback
	Relay  string // host:port that sidecars dial; "": they can't ask this API for it

	Events EventLog // what was told to the outside; nil: it went to a bus, and can't be read here

	Version  string       // of Ownmesh, for GET /v1/version
	Compiler int          // version of the compiler's output, for the same: this package must not import the compiler
	Logger   *slog.Logger // nil: nothing is logged
}

// patience is how long a write waits for its turn and tries again after lost races before it gives up.
const patience = 10 * time.Second

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

type handler struct {
	Options
	operations []operation
	writers    locks // by name of the mesh
	services   locks // by namespace and service
	followers  atomic.Int64
	patience   time.Duration
	relayCA    atomic.Pointer[authority]
}

// New makes the handler of everything under /v20190125 and /v1. Mount it at the root, and behind nothing that cleans
// paths: names may hold encoded slashes.
func New(o Options) http.Handler { return newHandler(o) }

func newHandler(o Options) *handler {
	if o.Partition == "" {
		o.Partition = "aws"
	}
	if o.Caller == nil {
		o.Caller = func(*http.Request) string { return "local" }
	}
	if o.Committed == nil {
		o.Committed = func(events.MeshChanged) {}
	}
	if o.InstancesChanged == nil {
		o.InstancesChanged = func(endpoint.ServiceKey) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &handler{Options: o, operations: table(), patience: patience}
}

// ServeHTTP answers every request with JSON and a request id, whatever happens. Only who follows events gets lines of it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := h.NewID()
	w.Header().Set("x-amzn-RequestId", id)
	answer, err := h.serve(w, r, id)
	if stream, ok := answer.(streamed); ok && err == nil {
		stream(w)
		return
	}
	if err == nil {
		var body []byte
		if body, err = store.Encode(answer); err == nil {
			write(w, http.StatusOK, body)
			return
		}
	}
	e := render(err, id)
	if e.kind == internalError {
		if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
			e = fail(serviceUnavailable, "the request was given up by its client")
		} else {
			h.Logger.Error("request failed", "request", id, "method", r.Method, "path", r.URL.EscapedPath(), "error", err)
		}
	}
	writeError(w, e)
}

// serve finds the operation, reads the request, and runs it. A panic becomes an error.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, id string) (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	op, vars, err := h.find(r)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fail(badRequest, "query must be name=value pairs with & between them, in percent-encoding, got %s", shown(r.URL.RawQuery))
	}
	c := &call{h: h, r: r, ctx: r.Context(), op: op, id: id, vars: vars, region: cmp.Or(signedRegion(r.Header, query), h.Region), query: query}
	if op.body {
		if c.body, err = readBody(w, r); err != nil {
			return nil, err
		}
	}
	return op.run(c)
}

// readBody reads a whole body of at most maxBody bytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fail(badRequest, "the body must be at most %d bytes", maxBody)
	case err != nil:
		return nil, fail(badRequest, "the body could not be read whole")
	}
	return body, nil
}

// write sends headers and body at once. With a Content-Length and one Write, net/http puts an answer of up to 4 KiB
// into a single segment, which clients with smithy-go 1.22.0 need: they lose bodies that come later.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who hung up needs no answer
}

func writeError(w http.ResponseWriter, e *failure) {
	body, err := store.Encode(struct {
		Message string `json:"message"`
	}{e.message})
	if err != nil {
		panic(err) // a string always marshals
	}
	w.Header().Set("x-amzn-ErrorType", e.kind)
	write(w, statuses[e.kind], body)
}
