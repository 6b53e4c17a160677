package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	bbolt "go.etcd.io/bbolt"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/core/store"
)

var (
	bucketInstances = []byte("instances") // namespace, service, id -> endpoint.Instance
	bucketGone      = []byte("gone")      // the same -> tombstone

	registryFormat = format{Kind: "instances", Version: 1}
)

// Of tombstones: a late registration comes within minutes, and each task that ever ran leaves one.
const (
	tombstoneAge   = 24 * time.Hour
	tombstoneSweep = time.Hour
	maxPartBytes   = 1024 // of a namespace, service or id
)

// tombstone stays where an instance was deregistered, so that a registration that is late doesn't bring it back.
type tombstone struct {
	Version   int64     `json:"version"` // of the instance that was removed
	At        time.Time `json:"at"`
	Withdrawn bool      `json:"withdrawn,omitempty"` // by Deregister
}

// Registry is endpoint.Ledger in one file. It notes what was deregistered: for a day, a registration no newer than that
// is taken as late.
type Registry struct {
	file  *file
	now   func() time.Time
	swept time.Time // when tombstones were last swept; the committer's own
}

var _ endpoint.Ledger = (*Registry)(nil)

// OpenRegistry opens the registry at path, or makes a new one there; its folder must exist.
func OpenRegistry(path string) (*Registry, error) {
	f, err := openFile(path, registryFormat, time.Second, bucketInstances, bucketGone)
	if err != nil {
		return nil, err
	}
	return &Registry{file: f, now: time.Now}, nil
}

// Close waits for writes under way and releases the file.
func (r *Registry) Close() error { return r.file.close() }

// Register implements endpoint.Registry.
func (r *Registry) Register(ctx context.Context, i endpoint.Instance) error {
	key, err := instanceKey(i.Namespace, i.Service, i.ID)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	value, err := store.Encode(i)
	if err != nil {
		return fmt.Errorf("register %s: %w", i.ID, err)
	}
	err = r.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		if err := checkLate(tx, key, i.Version); err != nil {
			return nil, err
		}
		return []item{{bucketInstances, key, value}, {bucketGone, key, nil}}, nil
	})
	if err != nil {
		return fmt.Errorf("register %s of %s.%s: %w", i.ID, i.Service, i.Namespace, err)
	}
	return nil
}

// checkLate refuses a registration that tells of less than is known of the instance.
func checkLate(tx *bbolt.Tx, key []byte, version int64) error {
	if value := tx.Bucket(bucketInstances).Get(key); value != nil {
		present, err := decode[endpoint.Instance](key, value)
		if err == nil && version < present.Version {
			err = &endpoint.LateError{Known: present.Version}
		}
		return err
	}
	if value := tx.Bucket(bucketGone).Get(key); value != nil {
		gone, err := decode[tombstone](key, value)
		if err == nil && version <= gone.Version {
			err = &endpoint.LateError{Known: gone.Version}
		}
		return err
	}
	return nil
}

// Deregister implements endpoint.Registry.
func (r *Registry) Deregister(ctx context.Context, s endpoint.ServiceKey, id string) error {
	key, err := instanceKey(s.Namespace, s.Service, id)
	if err != nil {
		return fmt.Errorf("deregister: %w", err)
	}
	err = r.file.update(ctx, func(tx *bbolt.Tx) ([]item, error) {
		value := tx.Bucket(bucketInstances).Get(key)
		if value == nil {
			return nil, nil
		}
		present, err := decode[endpoint.Instance](key, value)
		if err != nil {
			return nil, err
		}
		items, err := r.sweep(tx)
		if err != nil {
			return nil, err
		}
		value, err = store.Encode(tombstone{Version: present.Version, At: r.now(), Withdrawn: true})
		return append(items, item{bucketInstances, key, nil}, item{bucketGone, key, value}), err
	})
	if err != nil {
		return fmt.Errorf("deregister %s of %s.%s: %w", id, s.Service, s.Namespace, err)
	}
	return nil
}

// sweep gives the deletions of old tombstones, once in a while.
func (r *Registry) sweep(tx *bbolt.Tx) (items []item, err error) {
	now := r.now()
	if now.Sub(r.swept) < tombstoneSweep {
		return nil, nil
	}
	r.swept = now
	err = scan(tx.Bucket(bucketGone), nil, nil, func(k, v []byte) (bool, error) {
		t, err := decode[tombstone](k, v)
		if now.Sub(t.At) > tombstoneAge {
			items = append(items, item{bucketGone, append([]byte(nil), k...), nil})
		}
		return true, err
	})
	return items, err
}

// Instances implements endpoint.Registry.
func (r *Registry) Instances(ctx context.Context, s endpoint.ServiceKey) (instances []endpoint.Instance, err error) {
	err = r.file.view(ctx, func(tx *bbolt.Tx) error {
		return scan(tx.Bucket(bucketInstances), tuple(s.Namespace, s.Service), nil, func(k, v []byte) (bool, error) {
			i, err := decode[endpoint.Instance](k, v)
			instances = append(instances, i)
			return true, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("instances of %s.%s: %w", s.Service, s.Namespace, err)
	}
	return instances, nil
}

// Services implements endpoint.Registry. It costs one seek a service, however many instances there are.
func (r *Registry) Services(ctx context.Context) (services []endpoint.ServiceKey, err error) {
	err = r.file.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketInstances).Cursor()
		for k, _ := c.First(); k != nil; {
			parts, err := untuple(k)
			if err != nil || len(parts) != 3 {
				return errKey
			}
			services = append(services, endpoint.ServiceKey{Namespace: parts[0], Service: parts[1]})
			k, _ = c.Seek(append(tuple(parts[0], parts[1]), 0xFF)) // behind every id, since ids are in UTF-8
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	return services, nil
}

func instanceKey(parts ...string) ([]byte, error) {
	for _, p := range parts {
		if p == "" || len(p) > maxPartBytes || !utf8.ValidString(p) {
			return nil, errors.New("namespace, service and id must be set, in UTF-8, and of at most 1024 bytes")
		}
	}
	return tuple(parts...), nil
}
