package cloudmap_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/core/endpoint"
)

const mesh = "6f8a2c1e-0000-4000-8000-000000000001"

func (a *account) tags(key endpoint.ServiceKey) map[string]string {
	a.t.Helper()
	out, err := a.ListTagsForResource(a.t.Context(), &sd.ListTagsForResourceInput{ResourceARN: a.find(key).Arn})
	a.must(err)
	tags := map[string]string{}
	for _, t := range out.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

func TestEnsureMakesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for kind, dns := range map[string]bool{"private": true, "public": true, "http": false} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			d := cloudmap.New(a, cloudmap.Options{})
			cart := key(a.namespace(kind), "cart")
			for range 2 {
				if owned, err := d.Ensure(t.Context(), mesh, cart); err != nil || !owned {
					t.Fatalf("owned %v, %v", owned, err)
				}
			}
			if owned, err := cloudmap.New(a, cloudmap.Options{}).Ensure(t.Context(), mesh, cart); err != nil || !owned {
				t.Fatalf("seen anew: owned %v, %v", owned, err)
			}
			if owned, err := d.Ensure(t.Context(), "another mesh", cart); err != nil || owned {
				t.Errorf("another mesh: owned %v, %v", owned, err)
			}
			made := a.find(cart)
			if (made.DnsConfig != nil) != dns {
				t.Errorf("DNS configuration %+v", made.DnsConfig)
			}
			same(t, "tags", a.tags(cart), map[string]string{cloudmap.TagMesh: mesh})
		})
	}
}

// What somebody else made is found and left alone, also if it claims to be ours.
func TestEnsureLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	cart := key(a.namespace("private"), "cart")
	id := a.service(cart, true)
	_, err := a.UpdateService(t.Context(), &sd.UpdateServiceInput{Id: &id, Service: &types.ServiceChange{
		Description: aws.String("Made by Ownmesh for mesh " + mesh + ": instances of a virtual node"),
	}})
	a.must(err)
	before := a.find(cart)
	if owned, err := d.Ensure(t.Context(), mesh, cart); err != nil || owned {
		t.Errorf("owned %v, %v", owned, err)
	}
	same(t, "the service", aws.ToString(a.find(cart).Id)+aws.ToString(a.find(cart).Description), aws.ToString(before.Id)+aws.ToString(before.Description))
	same(t, "tags", a.tags(cart), map[string]string{})
}

func TestEnsureRefuses(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	_, err := d.Ensure(t.Context(), mesh, key("nowhere.local", "cart"))
	var refusal *endpoint.RefusalError
	if !errors.As(err, &refusal) || refusal.Code != "namespace-missing" {
		t.Errorf("a missing namespace: %v", err)
	}
}

func TestPublishAndWithdraw(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	cart := key(a.namespace("private"), "cart")
	_, err := d.Ensure(t.Context(), mesh, cart)
	a.must(err)
	i := endpoint.Instance{Namespace: cart.Namespace, Service: "cart", ID: "task1", IPv4: "10.0.0.1", Zone: "us-east-1a",
		Attributes: map[string]string{"version": "2"}, Version: 77}
	a.must(d.Publish(t.Context(), i, 8080))
	a.must(d.Publish(t.Context(), i, 8080))
	same(t, "registered", a.raw(cart), map[string]map[string]string{"task1": {
		"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "8080", "AVAILABILITY_ZONE": "us-east-1a", "version": "2", cloudmap.AttributeVersion: "77",
	}})
	same(t, "the instance itself is untouched", i.Attributes, map[string]string{"version": "2"})
	got, err := d.Instances(t.Context(), cart)
	if err != nil || len(got) != 1 || got[0].Version != 77 || got[0].Zone != "us-east-1a" {
		t.Errorf("read back: %+v, %v", got, err)
	}
	for range 2 {
		a.must(d.Withdraw(t.Context(), i.Key()))
	}
	same(t, "withdrawn", a.raw(cart), map[string]map[string]string{})
	a.must(d.Withdraw(t.Context(), endpoint.InstanceKey{ServiceKey: key("nowhere.local", "cart"), ID: "x"}))
}

func TestNames(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	var c clock
	d := cloudmap.New(a, cloudmap.Options{Now: c.now})
	ns := a.namespace("private")
	const address = "10.255.255.254"
	ensure := func(address string, services []string, names ...string) map[string]*endpoint.RefusalError {
		t.Helper()
		c.advance(10 * time.Second)
		refusals, left, err := d.EnsureNames(t.Context(), mesh, endpoint.Names{Namespace: ns, Address: address, Names: names, Services: services})
		if a.must(err); left {
			t.Error("something is left")
		}
		return refusals
	}
	resolves := func(what, label, address string) {
		t.Helper()
		want := map[string]map[string]string{"ownmesh-name": {"AWS_INSTANCE_IPV4": address, cloudmap.AttributeName: mesh}}
		same(t, what, a.raw(key(ns, label)), want)
	}
	theirs := a.service(key(ns, "theirs"), false)
	a.register(theirs, "x", map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})
	a.service(key(ns, "empty"), false)

	for range 2 {
		refusals := ensure(address, []string{"node"}, "cart."+ns, "v2.cart."+ns, "theirs."+ns, "empty."+ns, "node."+ns, "cart.elsewhere")
		if len(refusals) != 1 || refusals["empty."+ns] == nil || refusals["empty."+ns].Code != "name-not-ours" {
			t.Errorf("refusals: %v", refusals)
		}
		resolves("a name", "cart", address)
		resolves("a deeper name", "v2.cart", address)
		same(t, "tags", a.tags(key(ns, "cart")), map[string]string{cloudmap.TagMesh: mesh, cloudmap.TagName: "true"})
		if got := a.raw(key(ns, "theirs")); len(got) != 1 || a.find(key(ns, "node")) != nil {
			t.Errorf("touched what is not ours: %v", got)
		}
	}
	if got, err := d.Instances(t.Context(), key(ns, "cart")); err != nil || len(got) != 0 {
		t.Errorf("a name became an endpoint: %v, %v", got, err)
	}
	ensure("10.9.9.9", nil, "cart."+ns, "v2.cart."+ns)
	resolves("another address", "cart", "10.9.9.9")
	refusals, _, err := d.EnsureNames(t.Context(), "another mesh", endpoint.Names{Namespace: ns, Address: address})
	a.must(err)
	if len(refusals) > 0 || a.find(key(ns, "cart")) == nil {
		t.Errorf("another mesh took names back, %v", refusals)
	}

	ensure(address, []string{"v2.cart"})
	if a.find(key(ns, "cart")) != nil || a.find(key(ns, "theirs")) == nil || a.find(key(ns, "empty")) == nil {
		t.Error("names that nobody wants are there still, or others' services are gone")
	}
	same(t, "a virtual node's service stays without the name", a.raw(key(ns, "v2.cart")), map[string]map[string]string{})
}

// In AWS a deregistration takes a while, and until then the service can't be deleted: the caller hears that it must ask
// again, and then it goes.
func TestNamesThatCanNotGoYet(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	ns := a.namespace("private")
	ensure := func(names ...string) (left bool) {
		t.Helper()
		_, left, err := d.EnsureNames(t.Context(), mesh, endpoint.Names{Namespace: ns, Address: "10.0.0.1", Names: names})
		a.must(err)
		return left
	}
	ensure("cart." + ns)
	a.fault = func(operation string) error {
		if operation == "DeleteService" {
			return &types.ResourceInUse{}
		}
		return nil
	}
	if !ensure() || a.find(key(ns, "cart")) == nil {
		t.Error("nothing is said to be left")
	}
	a.fault = nil
	if ensure() || a.find(key(ns, "cart")) != nil {
		t.Error("the service is left")
	}
}

func TestNamesNeedAPrivateNamespace(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	for ns, want := range map[string]string{a.namespace("http"): "namespace-without-dns", a.namespace("public"): "namespace-public", "nowhere.local": "namespace-missing"} {
		refusals, _, err := d.EnsureNames(t.Context(), mesh, endpoint.Names{Namespace: ns, Address: "10.0.0.1", Names: []string{"cart." + ns}})
		if err != nil || refusals[""] == nil || refusals[""].Code != want {
			t.Errorf("%s: %v, %v", ns, refusals, err)
		}
	}
}

// In AWS a service with instances can't be deleted; the emulator deletes it all the same.
func TestRelease(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	ns := a.namespace("private")
	mine, theirs := key(ns, "mine"), key(ns, "theirs")
	_, err := d.Ensure(t.Context(), mesh, mine)
	a.must(err)
	a.service(theirs, false)
	release := func(mesh string, k endpoint.ServiceKey) {
		t.Helper()
		if gone, err := d.Release(t.Context(), mesh, k); err != nil || !gone {
			t.Errorf("release %v: %v, %v", k, gone, err)
		}
	}
	release("another mesh", mine)
	release(mesh, theirs)
	release(mesh, key("nowhere.local", "cart"))
	if a.find(mine) == nil || a.find(theirs) == nil {
		t.Error("somebody else's service is gone")
	}
	release(mesh, mine)
	release(mesh, mine)
	if a.find(mine) != nil {
		t.Error("the service is still there")
	}
}

func TestARN(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	cart := key(a.namespace("http"), "cart")
	a.service(cart, false)
	if arn, ok, err := d.ARN(t.Context(), cart); err != nil || !ok || arn != aws.ToString(a.find(cart).Arn) {
		t.Errorf("got %q, %v, %v", arn, ok, err)
	}
	if _, ok, err := d.ARN(t.Context(), key(cart.Namespace, "none")); err != nil || ok {
		t.Errorf("no service: %v, %v", ok, err)
	}
}

// twice is an account with two private namespaces of one name, in two networks.
type twice struct {
	*account
	other string // the second one's name, in the emulator, which knows no two of one
}

func (a twice) ListNamespaces(ctx context.Context, in *sd.ListNamespacesInput, o ...func(*sd.Options)) (*sd.ListNamespacesOutput, error) {
	out, err := a.Client.ListNamespaces(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	for n := range out.Namespaces {
		if aws.ToString(out.Namespaces[n].Name) == a.other {
			out.Namespaces[n].Name = aws.String(in.Filters[0].Values[0])
		}
	}
	return out, nil
}

// Of two namespaces of one name, the one that has the service counts; where none has it, nothing is made.
func TestTwoNamespacesOfOneName(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	name, other := a.namespace("private"), a.namespace("private")
	d := cloudmap.New(twice{a, other}, cloudmap.Options{})
	a.register(a.service(key(other, "cart"), false), "x", map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})
	if got, err := d.Instances(t.Context(), key(name, "cart")); err != nil || len(got) != 1 {
		t.Errorf("found %v, %v", got, err)
	}
	_, err := d.Ensure(t.Context(), mesh, key(name, "stock"))
	var refusal *endpoint.RefusalError
	if !errors.As(err, &refusal) || refusal.Code != "namespace-ambiguous" {
		t.Errorf("got %v", err)
	}
}
