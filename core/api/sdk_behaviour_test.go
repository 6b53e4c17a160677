package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// This file: what the SDK does besides sending and reading members: paging, tags, error types, idempotency tokens.

// several are names in the order of lists. Paths must carry them all.
var several = []string{"a", "a b", "a+b", "a/b", "ab", "b%2F", "é"}

// pager is one of the SDK's paginators.
type pager[Output any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*appmesh.Options)) (*Output, error)
}

// all reads every page and gives what name says of the items. Each page but the last must hold limit items.
func all[Output, Item any](t *testing.T, p pager[Output], limit int, items func(*Output) []Item, name func(Item) *string) []string {
	t.Helper()
	var names []string
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := items(page); len(got) != limit && p.HasMorePages() || len(got) == 0 {
			t.Errorf("a page of %d items", len(got))
		}
		for _, item := range items(page) {
			names = append(names, *name(item))
		}
	}
	return names
}

func TestPaginators(t *testing.T) {
	s := serve(t)
	s.populate(t)
	c, mesh := s.client(), aws.String("paged")
	must(t)(c.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: mesh}))
	target := []types.WeightedTarget{{VirtualNode: aws.String("a"), Weight: 1}}
	for _, name := range slices.Backward(several) {
		must(t)(c.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: &name}))
		must(t)(c.CreateVirtualNode(t.Context(), &appmesh.CreateVirtualNodeInput{MeshName: mesh, VirtualNodeName: &name, Spec: &types.VirtualNodeSpec{}}))
		must(t)(c.CreateVirtualRouter(t.Context(), &appmesh.CreateVirtualRouterInput{MeshName: mesh, VirtualRouterName: &name, Spec: &types.VirtualRouterSpec{}}))
		must(t)(c.CreateVirtualService(t.Context(), &appmesh.CreateVirtualServiceInput{MeshName: mesh, VirtualServiceName: &name, Spec: &types.VirtualServiceSpec{}}))
		must(t)(c.CreateVirtualGateway(t.Context(), &appmesh.CreateVirtualGatewayInput{MeshName: mesh, VirtualGatewayName: &name,
			Spec: &types.VirtualGatewaySpec{Listeners: []types.VirtualGatewayListener{}}}))
	}
	router, gateway := aws.String("a/b"), aws.String("a+b")
	for _, name := range slices.Backward(several) {
		must(t)(c.CreateRoute(t.Context(), &appmesh.CreateRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: &name,
			Spec: &types.RouteSpec{TcpRoute: &types.TcpRoute{Action: &types.TcpRouteAction{WeightedTargets: target}}}}))
		must(t)(c.CreateGatewayRoute(t.Context(), &appmesh.CreateGatewayRouteInput{MeshName: mesh, VirtualGatewayName: gateway, GatewayRouteName: &name,
			Spec: &types.GatewayRouteSpec{GrpcRoute: &types.GrpcGatewayRoute{Match: &types.GrpcGatewayRouteMatch{}, Action: &types.GrpcGatewayRouteAction{
				Target: &types.GatewayRouteTarget{VirtualService: &types.GatewayRouteVirtualService{VirtualServiceName: &name}}}}}}))
	}
	arn := aws.String("arn:aws:appmesh:eu-west-1:" + owner + ":mesh/paged/virtualNode/a/b")
	for _, name := range slices.Backward(several) {
		must(t)(c.TagResource(t.Context(), &appmesh.TagResourceInput{ResourceArn: arn, Tags: []types.TagRef{{Key: &name, Value: aws.String("")}}}))
	}
	for _, limit := range []int{1, 2, len(several), 50} {
		size := aws.Int32(int32(limit))
		got := map[string][]string{
			"meshes": all(t, appmesh.NewListMeshesPaginator(c, &appmesh.ListMeshesInput{Limit: size}), limit,
				func(o *appmesh.ListMeshesOutput) []types.MeshRef { return o.Meshes }, func(r types.MeshRef) *string { return r.MeshName }),
			"nodes": all(t, appmesh.NewListVirtualNodesPaginator(c, &appmesh.ListVirtualNodesInput{MeshName: mesh, Limit: size}), limit,
				func(o *appmesh.ListVirtualNodesOutput) []types.VirtualNodeRef { return o.VirtualNodes }, func(r types.VirtualNodeRef) *string { return r.VirtualNodeName }),
			"routers": all(t, appmesh.NewListVirtualRoutersPaginator(c, &appmesh.ListVirtualRoutersInput{MeshName: mesh, Limit: size}), limit,
				func(o *appmesh.ListVirtualRoutersOutput) []types.VirtualRouterRef { return o.VirtualRouters }, func(r types.VirtualRouterRef) *string { return r.VirtualRouterName }),
			"services": all(t, appmesh.NewListVirtualServicesPaginator(c, &appmesh.ListVirtualServicesInput{MeshName: mesh, Limit: size}), limit,
				func(o *appmesh.ListVirtualServicesOutput) []types.VirtualServiceRef { return o.VirtualServices }, func(r types.VirtualServiceRef) *string { return r.VirtualServiceName }),
			"gateways": all(t, appmesh.NewListVirtualGatewaysPaginator(c, &appmesh.ListVirtualGatewaysInput{MeshName: mesh, Limit: size}), limit,
				func(o *appmesh.ListVirtualGatewaysOutput) []types.VirtualGatewayRef { return o.VirtualGateways }, func(r types.VirtualGatewayRef) *string { return r.VirtualGatewayName }),
			"routes": all(t, appmesh.NewListRoutesPaginator(c, &appmesh.ListRoutesInput{MeshName: mesh, VirtualRouterName: router, Limit: size}), limit,
				func(o *appmesh.ListRoutesOutput) []types.RouteRef { return o.Routes }, func(r types.RouteRef) *string { return r.RouteName }),
			"gateway routes": all(t, appmesh.NewListGatewayRoutesPaginator(c, &appmesh.ListGatewayRoutesInput{MeshName: mesh, VirtualGatewayName: gateway, Limit: size}), limit,
				func(o *appmesh.ListGatewayRoutesOutput) []types.GatewayRouteRef { return o.GatewayRoutes }, func(r types.GatewayRouteRef) *string { return r.GatewayRouteName }),
			"tags": all(t, appmesh.NewListTagsForResourcePaginator(c, &appmesh.ListTagsForResourceInput{ResourceArn: arn, Limit: size}), limit,
				func(o *appmesh.ListTagsForResourceOutput) []types.TagRef { return o.Tags }, func(r types.TagRef) *string { return r.Key }),
		}
		for what, names := range got {
			want := several
			if what == "meshes" {
				want = append(slices.Clone(several), "paged", "shop")
				slices.Sort(want)
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("%s, %d a page: want (-), got (+):\n%s", what, limit, diff)
			}
		}
	}
}

// must gives a function that takes what the SDK returns and wants no error.
func must(t *testing.T) func(_ any, err error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTags(t *testing.T) {
	s := serve(t)
	c := s.client()
	many := func(n int) (tags []types.TagRef) {
		for i := range n {
			tags = append(tags, types.TagRef{Key: aws.String(fmt.Sprintf("k%02d", i)), Value: aws.String(strings.Repeat("v", 256))})
		}
		return tags
	}
	created, err := c.CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: aws.String("m"), Tags: []types.TagRef{
		{Key: aws.String("team"), Value: aws.String("shop")}, {Key: aws.String("empty"), Value: aws.String("")}}})
	if err != nil {
		t.Fatal(err)
	}
	arn := created.Mesh.Metadata.Arn
	tags := func() map[string]string {
		t.Helper()
		out, err := c.ListTagsForResource(t.Context(), &appmesh.ListTagsForResourceInput{ResourceArn: arn})
		if err != nil {
			t.Fatal(err)
		}
		tags := map[string]string{}
		for _, tag := range out.Tags {
			tags[*tag.Key] = *tag.Value
		}
		return tags
	}
	expect := func(want map[string]string) {
		t.Helper()
		if diff := cmp.Diff(want, tags()); diff != "" {
			t.Errorf("want (-), got (+):\n%s", diff)
		}
	}
	expect(map[string]string{"team": "shop", "empty": ""})
	must(t)(c.TagResource(t.Context(), &appmesh.TagResourceInput{ResourceArn: arn, Tags: []types.TagRef{{Key: aws.String("team"), Value: aws.String("x")}, {Key: aws.String("new"), Value: aws.String("y")}}}))
	must(t)(c.UntagResource(t.Context(), &appmesh.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"empty", "never"}}))
	expect(map[string]string{"team": "x", "new": "y"})

	var tooMany *types.TooManyTagsException
	for _, n := range []int{49, 51} { // with the two that are there; by itself
		if _, err := c.TagResource(t.Context(), &appmesh.TagResourceInput{ResourceArn: arn, Tags: many(n)}); !errors.As(err, &tooMany) {
			t.Errorf("%d tags more: %v", n, err)
		}
	}
	expect(map[string]string{"team": "x", "new": "y"})
	must(t)(c.TagResource(t.Context(), &appmesh.TagResourceInput{ResourceArn: arn, Tags: many(48)}))
	if got := len(tags()); got != 50 {
		t.Errorf("%d tags", got)
	}
	described, err := c.DescribeMesh(t.Context(), &appmesh.DescribeMeshInput{MeshName: aws.String("m")})
	if err != nil || *described.Mesh.Metadata.Version != 1 {
		t.Errorf("tags changed the version: %v %v", described, err)
	}
}

func TestErrorTypes(t *testing.T) {
	s := serve(t)
	s.populate(t)
	c, ctx := s.client(), t.Context()
	shop, cart := aws.String("shop"), aws.String("cart")
	node := &types.VirtualNodeSpec{}
	second := func(_ any, err error) error { return err }
	for _, test := range []struct {
		name string
		err  error
		want error // a pointer to an exception
		text string
	}{
		{"missing mesh", second(c.DescribeMesh(ctx, &appmesh.DescribeMeshInput{MeshName: aws.String("x")})), &types.NotFoundException{}, ""},
		{"missing node", second(c.DescribeVirtualNode(ctx, &appmesh.DescribeVirtualNodeInput{MeshName: shop, VirtualNodeName: aws.String("x")})), &types.NotFoundException{},
			"VirtualNode with name x is not present under mesh shop for account " + owner},
		{"missing target", second(c.CreateRoute(ctx, &appmesh.CreateRouteInput{MeshName: shop, VirtualRouterName: aws.String("cart-router"), RouteName: aws.String("r"), Spec: &types.RouteSpec{
			TcpRoute: &types.TcpRoute{Action: &types.TcpRouteAction{WeightedTargets: []types.WeightedTarget{{VirtualNode: aws.String("x"), Weight: 1}}}}}})), &types.NotFoundException{},
			"VirtualNode with name x is missing"},
		{"taken name", second(c.CreateVirtualNode(ctx, &appmesh.CreateVirtualNodeInput{MeshName: shop, VirtualNodeName: cart, Spec: node})), &types.ConflictException{}, ""},
		{"needed node", second(c.DeleteVirtualNode(ctx, &appmesh.DeleteVirtualNodeInput{MeshName: shop, VirtualNodeName: cart})), &types.ResourceInUseException{},
			"VirtualNode with name cart cannot be deleted because it is the target of one or more routes."},
		{"full mesh", second(c.DeleteMesh(ctx, &appmesh.DeleteMeshInput{MeshName: shop})), &types.ResourceInUseException{}, "Mesh shop for account " + owner + " has active Virtual"},
		{"bad limit", second(c.ListMeshes(ctx, &appmesh.ListMeshesInput{Limit: aws.Int32(101)})), &types.BadRequestException{}, "limit must be between 1 and 100, got 101"},
		{"garbled token", second(c.ListMeshes(ctx, &appmesh.ListMeshesInput{NextToken: aws.String("x")})), &types.BadRequestException{}, ""},
		{"no type of route", second(c.CreateRoute(ctx, &appmesh.CreateRouteInput{MeshName: shop, VirtualRouterName: aws.String("cart-router"), RouteName: aws.String("r"), Spec: &types.RouteSpec{}})),
			&types.BadRequestException{}, "spec must have exactly one of grpcRoute, http2Route, httpRoute, tcpRoute, got none"},
		{"somebody else's mesh", second(c.DescribeMesh(ctx, &appmesh.DescribeMeshInput{MeshName: shop, MeshOwner: aws.String("210987654321")})), &types.NotFoundException{}, ""},
		{"tags of nothing", second(c.ListTagsForResource(ctx, &appmesh.ListTagsForResourceInput{ResourceArn: aws.String(names["resourceArn"] + "x")})), &types.NotFoundException{}, ""},
		{"tags of something else", second(c.ListTagsForResource(ctx, &appmesh.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:s3:::b")})), &types.BadRequestException{}, ""},
	} {
		var got smithy.APIError
		if !errors.As(test.err, &got) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", test.want) || !strings.Contains(got.ErrorMessage(), test.text) || got.ErrorMessage() == "" {
			t.Errorf("%s: %v, not a %T with %q", test.name, test.err, test.want, test.text)
		}
	}
}

func TestIdempotencyTokens(t *testing.T) {
	s := serve(t)
	s.populate(t)
	c, ctx := s.client(), t.Context()
	token, other := aws.String(uuid.NewString()), aws.String(strings.Repeat("long", 20))
	spec := func(hostname string) *types.VirtualNodeSpec {
		return &types.VirtualNodeSpec{ServiceDiscovery: &types.ServiceDiscoveryMemberDns{Value: types.DnsServiceDiscovery{Hostname: &hostname}}}
	}
	create := func(token *string, hostname string) (*types.VirtualNodeData, error) {
		out, err := c.CreateVirtualNode(ctx, &appmesh.CreateVirtualNodeInput{MeshName: aws.String("shop"), VirtualNodeName: aws.String("n"), ClientToken: token, Spec: spec(hostname)})
		if err != nil {
			return nil, err
		}
		return out.VirtualNode, nil
	}
	update := func(token *string, hostname string) (*types.VirtualNodeData, error) {
		out, err := c.UpdateVirtualNode(ctx, &appmesh.UpdateVirtualNodeInput{MeshName: aws.String("shop"), VirtualNodeName: aws.String("n"), ClientToken: token, Spec: spec(hostname)})
		if err != nil {
			return nil, err
		}
		return out.VirtualNode, nil
	}
	for _, write := range []func(*string, string) (*types.VirtualNodeData, error){create, update} {
		first, err := write(token, "a")
		if err != nil {
			t.Fatal(err)
		}
		again, err := write(token, "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, sdkTypes); diff != "" {
			t.Errorf("first (-), again (+):\n%s", diff)
		}
		var conflict *types.ConflictException
		if _, err := write(token, "b"); !errors.As(err, &conflict) {
			t.Errorf("one token, two specs: %v", err)
		}
	}
	updated, err := update(other, "a")
	if err != nil || *updated.Metadata.Version != 3 {
		t.Errorf("an update by another token, to the same: %v %v", updated, err)
	}
	var conflict *types.ConflictException
	if _, err := create(other, "a"); !errors.As(err, &conflict) {
		t.Errorf("creating what is there by another token: %v", err)
	}
}
