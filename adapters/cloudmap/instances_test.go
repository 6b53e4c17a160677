package cloudmap_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/whole"
)

// What ECS registers is read as it is, in each kind of namespace, health included.
func TestInstancesOfECS(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"private", "public", "http"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			d := cloudmap.New(a, cloudmap.Options{})
			cart := key(a.namespace(kind), "cart")
			id := a.service(cart, true)
			attributes := map[string]string{
				"AWS_INSTANCE_IPV4": "10.0.0.139", "AVAILABILITY_ZONE": "us-west-2c", "ECS_SERVICE_NAME": "cart", "ECS_CLUSTER_NAME": "shop",
				"ECS_TASK_DEFINITION_FAMILY": "cart", "REGION": "us-west-2", "AWS_INIT_HEALTH_STATUS": "HEALTHY",
			}
			a.register(id, "c13b4cb40f1f4fe4a2971f76ae5a47ad", attributes)
			a.register(id, "ailing", map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.2", "AWS_INSTANCE_IPV6": "fd00::2"})
			_, err := a.UpdateInstanceCustomHealthStatus(t.Context(), &sd.UpdateInstanceCustomHealthStatusInput{
				ServiceId: &id, InstanceId: aws.String("ailing"), Status: types.CustomHealthStatusUnhealthy,
			})
			a.must(err)
			got, err := d.Instances(t.Context(), cart)
			a.must(err)
			same(t, "instances", got, []endpoint.Instance{
				{Namespace: cart.Namespace, Service: "cart", ID: "ailing", IPv4: "10.0.0.2", IPv6: "fd00::2", Unhealthy: true,
					Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.2", "AWS_INSTANCE_IPV6": "fd00::2"}},
				{Namespace: cart.Namespace, Service: "cart", ID: "c13b4cb40f1f4fe4a2971f76ae5a47ad", IPv4: "10.0.0.139", Zone: "us-west-2c", Attributes: attributes},
			})
		})
	}
}

// Pages are followed, and lookups are kept: a second reading costs no listing of services.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	cart := key(a.namespace("private"), "cart")
	id := a.service(cart, false)
	const count = 130
	for n := range count {
		a.register(id, fmt.Sprintf("i%03d", n), map[string]string{"AWS_INSTANCE_IPV4": fmt.Sprintf("10.0.0.%d", n)})
	}
	for range 3 {
		got, err := d.Instances(t.Context(), cart)
		a.must(err)
		if len(got) != count || got[0].ID != "i000" || got[count-1].ID != "i129" || got[7].IPv4 != "10.0.0.7" {
			t.Fatalf("%d instances, from %+v", len(got), got[:1])
		}
	}
	if n := a.listings.Load(); n != 1 {
		t.Errorf("services were listed %d times, want once", n)
	}
}

// What is missing has no instances and is no error; what comes later is found, what went is forgotten.
func TestServicesComeAndGo(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	var c clock
	d := cloudmap.New(a, cloudmap.Options{Now: c.now})
	none := func(what string, k endpoint.ServiceKey) {
		t.Helper()
		if got, err := d.Instances(t.Context(), k); err != nil || len(got) > 0 {
			t.Fatalf("%s: %v, %v", what, got, err)
		}
	}
	none("no namespace", key("nowhere.local", "cart"))
	ns := a.namespace("private")
	cart := key(ns, "cart")
	none("no service", cart)
	id := a.service(cart, false)
	a.register(id, "a", map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"})
	for range 50 {
		none("not looked for again at once", cart)
	}
	if n := a.listings.Load(); n != 1 {
		t.Errorf("services were listed %d times, want once", n)
	}
	c.advance(6 * time.Second)
	one := func(what, id string) {
		t.Helper()
		if got, err := d.Instances(t.Context(), cart); err != nil || len(got) != 1 || got[0].ID != id {
			t.Fatalf("%s: %v, %v", what, got, err)
		}
	}
	one("found", "a")
	_, err := a.DeleteService(t.Context(), &sd.DeleteServiceInput{Id: &id})
	a.must(err)
	a.register(a.service(cart, false), "b", map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.2"})
	one("made again under another id", "b")
	_, err = a.DeleteService(t.Context(), &sd.DeleteServiceInput{Id: a.find(cart).Id})
	a.must(err)
	none("deleted", cart)
}

// Cloud Map throttles: the SDK tries again, for longer than it does by itself.
func TestThrottlingIsTriedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if calls.Add(1) < 5 {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"RequestLimitExceeded","Message":"slow down"}`)
			return
		}
		fmt.Fprint(w, `{"Namespaces":[]}`)
	}))
	defer server.Close()
	client := sd.New(sd.Options{BaseEndpoint: &server.URL, HTTPClient: whole.Client{}, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}, cloudmap.Retries)
	got, err := cloudmap.New(client, cloudmap.Options{}).Instances(t.Context(), key("shop.local", "cart"))
	if err != nil || got != nil || calls.Load() != 5 {
		t.Errorf("got %v, %v after %d calls", got, err, calls.Load())
	}
}

func TestFaultsAreReported(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	d := cloudmap.New(a, cloudmap.Options{})
	cart := key(a.namespace("private"), "cart")
	a.service(cart, false)
	down := errors.New("down")
	a.fault = func(string) error { return down }
	if _, err := d.Instances(t.Context(), cart); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Instances(ctx, key("other.local", "cart")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
