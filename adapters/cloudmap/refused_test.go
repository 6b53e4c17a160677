package cloudmap_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"

	"github.com/ownmesh/ownmesh/adapters/cloudmap"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/emulator"
)

// TestRefusalsAreToldFromFaults: whichever call Cloud Map refuses, that is a refusal that names it and reads the same each
// time; throttling and outages are not.
func TestRefusalsAreToldFromFaults(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	ns := a.namespace("private")
	cart := key(ns, "cart")
	_, err := cloudmap.New(a, cloudmap.Options{}).Ensure(t.Context(), mesh, cart)
	a.must(err)
	i := endpoint.Instance{Namespace: ns, Service: "cart", ID: "t1", IPv4: "10.0.0.1", Version: 1}
	names := endpoint.Names{Namespace: ns, Address: "10.0.0.2", Names: []string{"web." + ns}}
	for _, c := range []struct {
		operation string
		call      func(*cloudmap.Directory) error
	}{
		{"ListNamespaces", func(d *cloudmap.Directory) error { _, err := d.Instances(t.Context(), cart); return err }},
		{"ListNamespaces", func(d *cloudmap.Directory) error { _, err := d.Ensure(t.Context(), mesh, cart); return err }},
		{"ListNamespaces", func(d *cloudmap.Directory) error { return d.Withdraw(t.Context(), i.Key()) }},
		{"ListServices", func(d *cloudmap.Directory) error { _, _, err := d.ARN(t.Context(), cart); return err }},
		{"ListTagsForResource", func(d *cloudmap.Directory) error { _, err := d.Ensure(t.Context(), mesh, cart); return err }},
		{"CreateService", func(d *cloudmap.Directory) error { _, err := d.Ensure(t.Context(), mesh, key(ns, "new")); return err }},
		{"ListInstances", func(d *cloudmap.Directory) error { _, err := d.Instances(t.Context(), cart); return err }},
		{"RegisterInstance", func(d *cloudmap.Directory) error { return d.Publish(t.Context(), i, 80) }},
		{"DeregisterInstance", func(d *cloudmap.Directory) error { return d.Withdraw(t.Context(), i.Key()) }},
		{"DeleteService", func(d *cloudmap.Directory) error { _, err := d.Release(t.Context(), mesh, cart); return err }},
		{"ListNamespaces", func(d *cloudmap.Directory) error {
			refusals, left, err := d.EnsureNames(t.Context(), mesh, names)
			return one(t, left, refusals[""], err)
		}},
		{"CreateService", func(d *cloudmap.Directory) error {
			refusals, _, err := d.EnsureNames(t.Context(), mesh, names)
			return one(t, true, refusals["web."+ns], err)
		}},
	} {
		said := map[string]bool{}
		for range 2 {
			for answer, kind := range map[string]int{"AccessDeniedException": int(endpoint.Denied), "InvalidInput": int(endpoint.Refused), "RequestLimitExceeded": -1, "InternalFailure": -1} {
				w := &emulator.Wire{}
				client := sd.NewFromConfig(w.Config(t), func(o *sd.Options) { o.Retryer = aws.NopRetryer{} })
				status := 400
				if kind < 0 {
					status = 503
				}
				fault := emulator.JSONError(status, answer, "")
				w.Always(func(operation string) emulator.Fault {
					if operation == c.operation {
						return fault
					}
					return nil
				})
				wired := &account{t: t, Client: client}
				err := c.call(cloudmap.New(wired, cloudmap.Options{}))
				switch refusal := endpoint.RefusalOf(err); {
				case err == nil:
					t.Errorf("%s, %s: no error", c.operation, answer)
				case kind < 0 != (refusal == nil):
					t.Errorf("%s, %s: got %v", c.operation, answer, err)
				case refusal != nil:
					said[refusal.Message] = true
					if int(refusal.Kind) != kind || !strings.Contains(refusal.Message, c.operation) || (refusal.Code == "cloud-map-denied") != (refusal.Kind == endpoint.Denied) {
						t.Errorf("%s, %s: got %+v", c.operation, answer, refusal)
					}
				}
			}
		}
		if len(said) != 2 {
			t.Errorf("%s: it reads otherwise each time: %v", c.operation, said)
		}
	}
}

// one is the refusal or error of names; something must be said to be left if it is a denial.
func one(t *testing.T, left bool, refusal *endpoint.RefusalError, err error) error {
	t.Helper()
	if refusal == nil {
		return err
	}
	if refusal.Kind == endpoint.Denied && !left {
		t.Error("nothing is said to be left")
	}
	return refusal
}

// A refused lookup is not made again for each thing that is asked for, and is made again when it may be allowed.
func TestRefusedLookupsAreKeptForAMoment(t *testing.T) {
	t.Parallel()
	w := &emulator.Wire{}
	now := time.Now()
	d := cloudmap.New(sd.NewFromConfig(w.Config(t), cloudmap.Retries), cloudmap.Options{Now: func() time.Time { return now }})
	w.Always(func(string) emulator.Fault { return emulator.JSONError(400, "AccessDeniedException", "") })
	ask := func() *endpoint.RefusalError {
		_, _, err := d.ARN(t.Context(), key("kept.local", "cart"))
		return endpoint.RefusalOf(err)
	}
	for range 3 {
		if refusal := ask(); refusal == nil || refusal.Kind != endpoint.Denied {
			t.Fatalf("got %v", refusal)
		}
	}
	if calls := w.Calls("ListNamespaces"); calls != 1 {
		t.Errorf("%d calls", calls)
	}
	w.Heal()
	now = now.Add(6 * time.Second)
	if refusal := ask(); refusal != nil {
		t.Errorf("it is refused still: %v", refusal)
	}
}
