package endpoint_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/endpoint/endpointtest"
)

// foreign is a source of instances; during runs while it is being read.
type foreign struct {
	instances []endpoint.Instance
	during    func()
	err       error
}

func (f *foreign) Instances(context.Context, endpoint.ServiceKey) ([]endpoint.Instance, error) {
	if f.during != nil {
		f.during()
	}
	return f.instances, f.err
}

func ledger(t *testing.T) endpoint.Ledger {
	r, err := bolt.OpenRegistry(filepath.Join(t.TempDir(), "instances.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// An overlay over nothing is as good a ledger as the one below it.
func TestOverlayContract(t *testing.T) {
	endpointtest.RunLedger(t, func(t *testing.T) endpoint.Ledger {
		return endpoint.Overlay{Ledger: ledger(t), Foreign: &foreign{}}
	})
}

func at(id, address string, version int64) endpoint.Instance {
	return endpoint.Instance{Namespace: cart.Namespace, Service: cart.Service, ID: id, IPv4: address, Version: version}
}

func TestMerge(t *testing.T) {
	gone := func(id string, version int64) endpoint.Row {
		return endpoint.Row{Instance: at(id, "", version), Removed: true}
	}
	withdrawn := func(id string, version int64) endpoint.Row {
		return endpoint.Row{Instance: at(id, "", version), Removed: true, Withdrawn: true}
	}
	row := func(i endpoint.Instance) endpoint.Row { return endpoint.Row{Instance: i} }
	for _, test := range []struct {
		name    string
		rows    []endpoint.Row
		foreign []endpoint.Instance
		want    []endpoint.Instance
	}{
		{name: "nothing"},
		{name: "foreign ones alone", foreign: []endpoint.Instance{at("b", "2", 0), at("a", "1", 0)}, want: []endpoint.Instance{at("a", "1", 0), at("b", "2", 0)}},
		{name: "both, sorted", rows: []endpoint.Row{row(at("b", "2", 5))}, foreign: []endpoint.Instance{at("c", "3", 0), at("a", "1", 0)},
			want: []endpoint.Instance{at("a", "1", 0), at("b", "2", 5), at("c", "3", 0)}},
		{name: "our own counts", rows: []endpoint.Row{row(at("a", "1", 1))}, foreign: []endpoint.Instance{at("a", "2", 9)}, want: []endpoint.Instance{at("a", "1", 1)}},
		{name: "removed hides what has no version", rows: []endpoint.Row{gone("a", 1)}, foreign: []endpoint.Instance{at("a", "1", 0)}},
		{name: "removed hides its own version", rows: []endpoint.Row{gone("a", 7)}, foreign: []endpoint.Instance{at("a", "1", 7)}},
		{name: "removed before it came back", rows: []endpoint.Row{gone("a", 7)}, foreign: []endpoint.Instance{at("a", "1", 8)}, want: []endpoint.Instance{at("a", "1", 8)}},
		{name: "withdrawn leaves it to others", rows: []endpoint.Row{withdrawn("a", 7)}, foreign: []endpoint.Instance{at("a", "1", 0)}, want: []endpoint.Instance{at("a", "1", 0)}},
		{name: "withdrawn hides what was published of it", rows: []endpoint.Row{withdrawn("a", 7)}, foreign: []endpoint.Instance{at("a", "1", 7)}},
		{name: "removed and nowhere else", rows: []endpoint.Row{gone("a", 7)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(append([]endpoint.Instance{}, test.want...), append([]endpoint.Instance{}, endpoint.Merge(test.rows, test.foreign)...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What an event takes away while a listing is under way stays away, though the listing still has it.
func TestOverlayHidesWhatWasRemovedMeanwhile(t *testing.T) {
	own := ledger(t)
	source := &foreign{instances: []endpoint.Instance{at("a", "1", 0), at("b", "2", 0)}}
	source.during = func() {
		if err := own.Remove(t.Context(), at("a", "", 0).Key(), 3); err != nil {
			t.Error(err)
		}
	}
	got, err := endpoint.Overlay{Ledger: own, Foreign: source}.Instances(t.Context(), cart)
	if diff := cmp.Diff([]endpoint.Instance{at("b", "2", 0)}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestOverlayReportsFaults(t *testing.T) {
	down := errors.New("throttled")
	if _, err := (endpoint.Overlay{Ledger: ledger(t), Foreign: &foreign{err: down}}).Instances(t.Context(), cart); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
