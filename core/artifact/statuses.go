package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// keepStatus is how long the status object of a relay that is gone is kept: it stopped counting long before.
const keepStatus = time.Hour

// statuses deletes the status objects of relays that are gone. A relay that isn't after all makes its own anew.
func (r *collection) statuses(ctx context.Context, uid string) error {
	var failed error
	err := log{objects: r.objects}.list(ctx, events.StatusPrefix(uid), "", func(key string) bool {
		data, _, err := r.objects.Get(ctx, key)
		var s events.RelayStatus
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			failed = fmt.Errorf("read %s: %w", key, err)
		case json.Unmarshal(data, &s) != nil || s.At.Add(keepStatus).Before(r.now):
			failed = r.delete(ctx, key)
		}
		return failed == nil
	})
	if errors.Is(failed, errBounded) {
		failed = nil
	}
	return errors.Join(err, failed)
}
