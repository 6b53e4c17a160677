package artifact

import "fmt"

// Apply makes cfg, in place, the config that change leads to. A change that doesn't fit (unknown ids, a generation or
// compiler that goes back, a tombstone before it) is an error and changes nothing. The cost is that of the change,
// whatever the size of the mesh: so it is not checked that proxies that the change doesn't name still have all their
// resources; the writer finds that when it spells the next full state.
func (cfg *Config) Apply(change ConfigChange) error {
	if err := cfg.check(change); err != nil {
		return err
	}
	cfg.Generation, cfg.Compiler, cfg.Deleted = change.Generation, change.Compiler, change.Deleted
	if change.Deleted {
		clear(cfg.Resources)
		clear(cfg.Proxies)
		return nil
	}
	if cfg.Resources == nil {
		cfg.Resources = make(map[ID]Resource, len(change.Resources))
	}
	if cfg.Proxies == nil {
		cfg.Proxies = make(map[ProxyKey]Proxy, len(change.Proxies))
	}
	for _, id := range change.Removed {
		delete(cfg.Resources, id)
	}
	for _, r := range change.Resources {
		cfg.Resources[r.ID] = r
	}
	for _, key := range change.RemovedProxies {
		delete(cfg.Proxies, key)
	}
	for key, p := range change.Proxies {
		cfg.Proxies[key] = p
	}
	return nil
}

func (cfg *Config) check(change ConfigChange) error {
	if err := change.mark().after(cfg.mark()); err != nil {
		return err
	}
	if change.Deleted {
		return nil
	}
	removed := make(map[ID]bool, len(change.Removed))
	for _, id := range change.Removed {
		if _, ok := cfg.Resources[id]; !ok || removed[id] {
			return fmt.Errorf("it removes %s, which isn't there", id)
		}
		removed[id] = true
	}
	added := make(map[ID]bool, len(change.Resources))
	for _, r := range change.Resources {
		if removed[r.ID] || added[r.ID] {
			return fmt.Errorf("it names %s twice", r.ID)
		}
		if !r.valid() {
			return fmt.Errorf("it has a resource of unknown type %q or without a name: %q", r.Type, r.Name)
		}
		added[r.ID] = true
	}
	for _, key := range change.RemovedProxies {
		if _, ok := cfg.Proxies[key]; !ok {
			return fmt.Errorf("it removes the proxy %s, which isn't there", key)
		}
		if _, ok := change.Proxies[key]; ok {
			return fmt.Errorf("it removes and sets the proxy %s", key)
		}
	}
	for key, p := range change.Proxies {
		for _, set := range [][]ID{p.Transparent, p.Explicit} {
			for _, id := range set {
				if _, ok := cfg.Resources[id]; !added[id] && (!ok || removed[id]) {
					return fmt.Errorf("it gives the proxy %s the %s, which isn't there", key, id)
				}
			}
		}
	}
	return nil
}

func (cfg *Config) mark() mark { return mark{cfg.Generation, cfg.Compiler, cfg.Deleted} }

func (c ConfigChange) mark() mark { return mark{c.Generation, c.Compiler, c.Deleted} }
