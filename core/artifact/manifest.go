package artifact

import (
	"context"
	"fmt"
)

// ReadManifest reads which resources and proxies the newest state of a config log has, and each resource's hash, but
// no bodies: what a compiler that has just started needs to know what to publish. It reads the newest manifest and
// the changes after it. ErrNotFound: there is no log. With ErrDamaged the position is the last good one, for
// Writer.NewEpoch.
func ReadManifest(ctx context.Context, objects Objects, uid string) (*Config, Position, error) {
	format := ConfigLog
	format.fromManifest = true
	format.apply = func(cfg *Config, c ConfigChange) error {
		if err := cfg.Apply(c); err != nil {
			return err
		}
		for _, r := range c.Resources {
			cfg.Resources[r.ID] = Resource{ID: r.ID, Hash: r.Hash}
		}
		return nil
	}
	r := NewReader(objects, uid, format, ReaderOptions{})
	steps, err := r.Poll(ctx)
	for err == nil && len(steps) > 0 { // what is wrong shows when there are no more steps
		steps, err = r.Poll(ctx)
	}
	if err == nil && !r.exists {
		err = ErrNotFound
	}
	if err != nil {
		return nil, r.at, fmt.Errorf("read the config log of mesh %s: %w", uid, err)
	}
	bare(r.state)
	return r.state, r.at, nil
}

// bare drops bodies that came from a full state, where the manifest could not be read.
func bare(cfg *Config) {
	for id, r := range cfg.Resources {
		if r.Body != nil {
			cfg.Resources[id] = Resource{ID: id, Hash: r.Hash}
		}
	}
}
