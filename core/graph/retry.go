package graph

import (
	"math"
	"slices"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Retry is when and how a failed request is sent again.
type Retry struct {
	On       []string // Envoy's conditions, in the order in which App Mesh wrote them
	Statuses []uint32 // ascending
	Max      uint32   // retries beyond the first try
	PerTry   Duration
}

// DefaultRetry applies wherever nobody gave a policy.
var DefaultRetry = Retry{
	On:       []string{"unavailable", "connect-failure", "refused-stream", "retriable-status-codes", "reset"},
	Statuses: []uint32{503},
	Max:      2,
}

var (
	serverErrors  = []uint32{500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511}
	gatewayErrors = []uint32{502, 503, 504}
	clientErrors  = []uint32{409}
	grpcEvents    = []string{"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}
)

// retryOrder is the order of conditions in a policy.
var retryOrder = append(slices.Clone(grpcEvents), "connect-failure", "refused-stream", "retriable-status-codes", "reset")

// readHTTPRetry reads an http or http2 route's policy; nil switches retries off.
func readHTTPRetry(p *resource.HTTPRetryPolicy, path string, n *Notes) *Retry {
	if p == nil {
		return &DefaultRetry
	}
	return readRetry(retryPolicy{http: p.HTTPRetryEvents, tcp: p.TCPRetryEvents, max: p.MaxRetries, perTry: p.PerRetryTimeout}, path, n)
}

// readGRPCRetry reads a grpc route's policy; nil switches retries off.
func readGRPCRetry(p *resource.GRPCRetryPolicy, path string, n *Notes) *Retry {
	if p == nil {
		return &DefaultRetry
	}
	return readRetry(retryPolicy{http: p.HTTPRetryEvents, tcp: p.TCPRetryEvents, grpc: p.GRPCRetryEvents, max: p.MaxRetries, perTry: p.PerRetryTimeout}, path, n)
}

type retryPolicy struct {
	http, tcp, grpc []string
	max             int64
	perTry          resource.Duration
}

func readRetry(p retryPolicy, path string, n *Notes) *Retry {
	on := map[string]bool{}
	statuses := map[uint32]bool{}
	use := func(codes []uint32) {
		on["retriable-status-codes"] = true
		for _, c := range codes {
			statuses[c] = true
		}
	}
	for i, event := range p.http {
		switch event {
		case "server-error":
			use(serverErrors)
			on["reset"] = true
		case "gateway-error":
			use(gatewayErrors)
			on["reset"] = true
		case "client-error":
			use(clientErrors)
		case "stream-error":
			on["refused-stream"] = true
		default:
			n.add("retry-event-unknown", at(path+".httpRetryEvents", i), quoted("there is no retry event %s: it is ignored", event), "use server-error, gateway-error, client-error or stream-error")
		}
	}
	if len(p.tcp) > 0 {
		on["connect-failure"] = true
	}
	for _, event := range p.grpc {
		if slices.Contains(grpcEvents, event) {
			on[event] = true
		}
	}
	r := &Retry{Max: uint32(min(max(p.max, 0), math.MaxUint32)), PerTry: readDuration(&p.perTry, path+".perRetryTimeout", n)}
	if p.max > math.MaxUint32 {
		n.add("number-too-large", path+".maxRetries", quoted("%d is more than Envoy counts: %d is used", p.max, r.Max), "use a small number")
	}
	for _, event := range retryOrder {
		if on[event] {
			r.On = append(r.On, event)
		}
	}
	if len(r.On) == 0 {
		n.add("retry-without-event", path, "the policy names no event that exists: nothing is retried", "name an event, such as httpRetryEvents: [server-error], or remove the policy: then the default one holds")
		return nil
	}
	for code := range statuses {
		r.Statuses = append(r.Statuses, code)
	}
	slices.Sort(r.Statuses)
	return r
}

// noteTime notes retries that a request's timeout leaves no time for.
func noteTime(r *Retry, t Timeout, path string, n *Notes) {
	limit := t.Request().Millis
	if r == nil || r.Max == 0 || limit == 0 || r.PerTry.Millis <= limit/int64(r.Max) {
		return
	}
	n.add("retry-timeout", path, quoted("%d times %d ms is more than the %d ms that a request may take: it ends before the last retries", r.Max, r.PerTry.Millis, limit), "raise timeout.perRequest, or lower maxRetries or perRetryTimeout")
}
