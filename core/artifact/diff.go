package artifact

import "slices"

// Diff gives the change that leads from old to new: Apply of it to old gives new. It compares resources by Hash, so
// old may lack bodies (see ReadManifest). A nil old is an empty config. Causes are left for the caller to add. It is
// deterministic: the same two configs give the same bytes.
func Diff(old, new *Config) ConfigChange {
	c := ConfigChange{Generation: new.Generation, Compiler: new.Compiler}
	if old == nil {
		old = &Config{}
	}
	if new.Deleted {
		c.Deleted = !old.Deleted
		return c
	}
	for id, r := range new.Resources {
		if before, ok := old.Resources[id]; !ok || before.Hash != r.Hash {
			c.Resources = append(c.Resources, r)
		}
	}
	for id := range old.Resources {
		if _, ok := new.Resources[id]; !ok {
			c.Removed = append(c.Removed, id)
		}
	}
	for key, p := range new.Proxies {
		if before, ok := old.Proxies[key]; !ok || !before.equal(p) {
			if c.Proxies == nil {
				c.Proxies = map[ProxyKey]Proxy{}
			}
			c.Proxies[key] = p
		}
	}
	for key := range old.Proxies {
		if _, ok := new.Proxies[key]; !ok {
			c.RemovedProxies = append(c.RemovedProxies, key)
		}
	}
	slices.SortFunc(c.Resources, compareResources)
	slices.SortFunc(c.Removed, ID.Compare)
	slices.Sort(c.RemovedProxies)
	return c
}

// Empty says that the change does nothing but move Generation or Compiler.
func (c ConfigChange) Empty() bool {
	return !c.Deleted && len(c.Resources)+len(c.Removed)+len(c.Proxies)+len(c.RemovedProxies) == 0
}

func (p Proxy) equal(o Proxy) bool {
	return p.UID == o.UID && slices.Equal(p.Transparent, o.Transparent) &&
		slices.Equal(p.Explicit, o.Explicit) && (p.Explicit == nil) == (o.Explicit == nil)
}
