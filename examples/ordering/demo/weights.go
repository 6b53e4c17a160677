package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// setDefault replaces Inventory's route for everybody, as any App Mesh client would. Without a retry policy App
// Mesh's default one holds: two retries, of status 503 alone.
func (d *demo) setDefault(ctx context.Context, v1, v2 int32, retry *types.HttpRetryPolicy) error {
	_, err := d.mesh.aws.UpdateRoute(ctx, &appmesh.UpdateRouteInput{
		MeshName:          aws.String(meshName),
		VirtualRouterName: aws.String("inventory"),
		RouteName:         aws.String("default"),
		Spec: &types.RouteSpec{HttpRoute: &types.HttpRoute{
			Match: &types.HttpRouteMatch{Prefix: aws.String("/")},
			Action: &types.HttpRouteAction{WeightedTargets: []types.WeightedTarget{
				{VirtualNode: aws.String("inventory-v1"), Weight: v1},
				{VirtualNode: aws.String("inventory-v2"), Weight: v2},
			}},
			RetryPolicy: retry,
		}},
	})
	return err
}

// sigmas is how far a share may be from what the weights say: in standard deviations of the binomial distribution.
// One honest run in 500 million is farther out than 6.
const sigmas = 6

// showWeights moves all customers from v1 to v2 while they go on sending requests.
func (d *demo) showWeights(ctx context.Context) error {
	const customers, enough = 4, 1500
	d.report.did("Moved the weights through the API while %d customers kept sending requests", customers)
	l := startLoad(ctx, d.gateway+"/orders/7", customers)
	defer l.stop()
	var rows [][]any
	status := ""
	from := time.Now()
	for i, step := range []struct{ v1, v2 int32 }{{100, 0}, {50, 50}, {0, 100}} {
		weights := fmt.Sprintf("%d/%d", step.v1, step.v2)
		if i > 0 {
			what := fmt.Sprintf("default route's weights to %s", weights)
			if err := d.change(ctx, what, func(ctx context.Context) error { return d.setDefault(ctx, step.v1, step.v2, nil) }); err != nil {
				return err
			}
			from = time.Now()
		}
		if i == 1 {
			var err error
			if status, err = d.mesh.run(ctx, "status", meshName); err != nil {
				return err
			}
		}
		results, err := l.since(ctx, from, enough)
		if err != nil {
			return err
		}
		n, p := count(results), float64(step.v2)/float64(step.v1+step.v2)
		off := sigmas * math.Sqrt(p*(1-p)/float64(n.all))
		rows = append(rows, []any{weights, n.all, n.v1, n.v2, percent(n.share()), percent(p) + " ± " + percent(off), n.failed})
		if math.Abs(n.share()-p) > off {
			return failure{"weights " + weights, fmt.Sprintf("%s ± %s by v2", percent(p), percent(off)), fmt.Sprintf("%s of %d", percent(n.share()), n.all)}
		}
	}
	all := count(l.stop())
	rows = append(rows, []any{"all, changes included", all.all, all.v1, all.v2, percent(all.share()), "", all.failed})
	d.report.table([]any{"weights v1/v2", "requests", "by v1", "by v2", "share of v2", "expected", "failed"}, rows...)
	d.report.note("expected: the weights' share ± %d standard deviations of the binomial distribution", sigmas)
	if all.failed > 0 {
		return failure{"requests while weights moved", "none failed", fmt.Sprintf("%d of %d; the first: %v", all.failed, all.all, all.first)}
	}
	d.report.note("What `ownmesh status %s` said at 50/50, customers still busy:", meshName)
	d.report.text(status)
	return nil
}

func percent(p float64) string { return fmt.Sprintf("%.1f %%", 100*p) }
