package endpoint

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Ledger is a Registry that can say what was removed from it, and that can be told so of instances that it never had.
// Implementations pass endpointtest.RunLedger.
type Ledger interface {
	Registry
	// Remove notes that the instance is gone as of version, whether it is known or not: a Register with that version or
	// a lower one is late from now on, for a day at least. A higher version that is known already, of a row or of a
	// removal, stays: *LateError.
	Remove(ctx context.Context, key InstanceKey, version int64) error
	// Rows reads what is known of a service's instances, those that were removed included, sorted by ID.
	Rows(ctx context.Context, s ServiceKey) ([]Row, error)
}

// Row is what a ledger knows of an instance.
type Row struct {
	Instance
	Removed bool // a tombstone: of the instance, only its key and Version are set
	// Withdrawn says of a tombstone that Deregister left it, not Remove: the ledger has the instance no more, and nobody
	// said that it is gone.
	Withdrawn bool
}

// Source is where others register instances. It is only read.
type Source interface {
	// Instances reads a service's instances, sorted by ID; an unknown service or namespace has none. Version is 0 where
	// nobody gave one.
	Instances(ctx context.Context, s ServiceKey) ([]Instance, error)
}

// Overlay is a ledger of our own over a source of others' instances: Instances gives both, and everything else is the
// ledger's alone. See Merge for which of the two counts.
type Overlay struct {
	Ledger
	Foreign Source
}

// Instances implements Registry. The ledger is read after the source: so what was removed while the source was being
// read is hidden already.
func (o Overlay) Instances(ctx context.Context, s ServiceKey) ([]Instance, error) {
	foreign, err := o.Foreign.Instances(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := o.Rows(ctx, s)
	if err != nil {
		return nil, err
	}
	return Merge(rows, foreign), nil
}

// Merge lays rows over instances that were read elsewhere, maybe a while ago. A row that is present counts more than a
// foreign instance of its ID; one that was removed hides a foreign instance of its version or a lower one. So a stale
// listing, which knows no versions, never brings back what an event took away. One that was only withdrawn hides no
// instance without a version: who registers that is not the one who withdrew it. Sorted by ID.
func Merge(rows []Row, foreign []Instance) []Instance {
	byID := make(map[string]Instance, len(foreign))
	for _, i := range foreign {
		byID[i.ID] = i
	}
	for _, row := range rows {
		other, ok := byID[row.ID]
		switch {
		case !row.Removed:
			byID[row.ID] = row.Instance
		case ok && other.Version <= row.Version && !(row.Withdrawn && other.Version == 0):
			delete(byID, row.ID)
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
}
