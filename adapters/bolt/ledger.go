package bolt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	bbolt "go.etcd.io/bbolt"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/store"
)

// This file: what was removed, as endpoint.Ledger wants it.

// Remove implements endpoint.Ledger.
func (r *Registry) Remove(ctx context.Context, k endpoint.InstanceKey, version int64) error {
	key, err := instanceKey(k.Namespace, k.Service, k.ID)
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	err = r.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		if known, ok, err := knownVersion(tx, key); err != nil {
			return nil, err
		} else if ok && version < known {
			return nil, &endpoint.LateError{Known: known}
		}
		items, err := r.sweep(tx)
		if err != nil {
			return nil, err
		}
		value, err := store.Encode(tombstone{Version: version, At: r.now()})
		return append(items, item{bucketInstances, key, nil}, item{bucketGone, key, value}), err
	})
	if err != nil {
		return fmt.Errorf("remove %s of %s.%s: %w", k.ID, k.Service, k.Namespace, err)
	}
	return nil
}

// knownVersion is the version that the instance has, or had when it was removed.
func knownVersion(tx *bbolt.Tx, key []byte) (version int64, ok bool, err error) {
	if value := tx.Bucket(bucketInstances).Get(key); value != nil {
		present, err := decode[endpoint.Instance](key, value)
		return present.Version, true, err
	}
	if value := tx.Bucket(bucketGone).Get(key); value != nil {
		gone, err := decode[tombstone](key, value)
		return gone.Version, true, err
	}
	return 0, false, nil
}

// Rows implements endpoint.Ledger.
func (r *Registry) Rows(ctx context.Context, s endpoint.ServiceKey) (rows []endpoint.Row, err error) {
	prefix := tuple(s.Namespace, s.Service)
	err = r.file.view(ctx, func(tx *bbolt.Tx) error {
		err := scan(tx.Bucket(bucketInstances), prefix, nil, func(k, v []byte) (bool, error) {
			i, err := decode[endpoint.Instance](k, v)
			rows = append(rows, endpoint.Row{Instance: i})
			return true, err
		})
		if err != nil {
			return err
		}
		return scan(tx.Bucket(bucketGone), prefix, nil, func(k, v []byte) (bool, error) {
			gone, err := decode[tombstone](k, v)
			if err != nil {
				return false, err
			}
			parts, err := untuple(k)
			if err != nil || len(parts) != 3 {
				return false, errKey
			}
			i := endpoint.Instance{Namespace: s.Namespace, Service: s.Service, ID: parts[2], Version: gone.Version}
			rows = append(rows, endpoint.Row{Instance: i, Removed: true, Withdrawn: gone.Withdrawn})
			return true, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("rows of %s.%s: %w", s.Service, s.Namespace, err)
	}
	slices.SortFunc(rows, func(a, b endpoint.Row) int { return strings.Compare(a.ID, b.ID) })
	return rows, nil
}
