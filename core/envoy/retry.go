package envoy

import (
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// retryPolicy is nil where nothing is retried. A retry goes to another host, if one is found in five attempts.
func retryPolicy(r *graph.Retry) *routev3.RetryPolicy {
	if r == nil {
		return nil
	}
	return &routev3.RetryPolicy{
		RetryOn:              strings.Join(r.On, ","),
		NumRetries:           number(r.Max),
		PerTryTimeout:        spanOf(r.PerTry),
		RetriableStatusCodes: r.Statuses,
		RetryHostPredicate: []*routev3.RetryPolicy_RetryHostPredicate{{
			Name:       "envoy.retry_host_predicates.previous_hosts",
			ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: packed(&previoushostsv3.PreviousHostsPredicate{})},
		}},
		HostSelectionRetryMaxAttempts: 5,
	}
}
