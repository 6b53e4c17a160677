package endpoint

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// Apply makes s the state that c leads to: deletions first (services, then instances), then additions. An instance
// whose Version is lower than the known one's is late and is ignored. Put of an instance makes its service known.
//
// A service's instances are a new map then: whoever has the one before keeps what it was.
func (s *State) Apply(c Change) {
	if c.Deleted {
		s.Deleted, s.Services = true, nil
		return
	}
	for _, service := range c.DeletedServices {
		delete(s.Services, service)
	}
	mine := map[ServiceKey]map[string]Instance{}
	for _, key := range c.Remove {
		if _, ok := s.Services[key.ServiceKey][key.ID]; ok {
			delete(s.renew(key.ServiceKey, mine), key.ID)
		}
	}
	for _, service := range c.AddServices {
		if _, ok := s.Services[service]; !ok {
			s.renew(service, mine)
		}
	}
	for _, i := range c.Put {
		key := i.Key()
		if known, ok := s.Services[key.ServiceKey][i.ID]; !ok || i.Version >= known.Version {
			s.renew(key.ServiceKey, mine)[i.ID] = i
		}
	}
}

// renew gives a service's instances, which may be changed: the service is known from now on, and the map is one of mine.
func (s *State) renew(key ServiceKey, mine map[ServiceKey]map[string]Instance) map[string]Instance {
	if instances, ok := mine[key]; ok {
		return instances
	}
	if s.Services == nil {
		s.Services = map[ServiceKey]map[string]Instance{}
	}
	instances := maps.Clone(s.Services[key])
	if instances == nil {
		instances = map[string]Instance{}
	}
	s.Services[key], mine[key] = instances, instances
	return instances
}

// size counts the instances.
func (s State) size() (n int) {
	for _, instances := range s.Services {
		n += len(instances)
	}
	return n
}

// Key names the instance.
func (i Instance) Key() InstanceKey {
	return InstanceKey{ServiceKey: ServiceKey{Namespace: i.Namespace, Service: i.Service}, ID: i.ID}
}

// Diff gives the change that leads from old to new: old.Apply(Diff(old, new)) is new. Instances must lie under their
// own keys. An instance that steps back to a lower Version is removed and put again.
func Diff(old, new State) Change {
	if new.Deleted {
		return Change{Deleted: !old.Deleted}
	}
	var c Change
	if len(old.Services) == 0 {
		c.Put = slices.Grow(c.Put, new.size())
	}
	// Keys are sorted rather than what they lead to, which is ten times larger.
	for _, service := range slices.SortedFunc(maps.Keys(new.Services), CompareServices) {
		instances := new.Services[service]
		known, ok := old.Services[service]
		if !ok && len(instances) == 0 {
			c.AddServices = append(c.AddServices, service)
		}
		for _, id := range slices.Sorted(maps.Keys(instances)) {
			i := instances[id]
			before, ok := known[id]
			if ok && reflect.DeepEqual(before, i) {
				continue
			}
			if ok && i.Version < before.Version {
				c.Remove = append(c.Remove, InstanceKey{ServiceKey: service, ID: id})
			}
			c.Put = append(c.Put, i)
		}
	}
	for service, instances := range old.Services {
		remaining, ok := new.Services[service]
		if !ok {
			c.DeletedServices = append(c.DeletedServices, service)
			continue
		}
		for id := range instances {
			if _, ok := remaining[id]; !ok {
				c.Remove = append(c.Remove, InstanceKey{ServiceKey: service, ID: id})
			}
		}
	}
	slices.SortFunc(c.Remove, CompareInstances)
	slices.SortFunc(c.DeletedServices, CompareServices)
	return c
}

// Empty says that the change changes nothing.
func (c Change) Empty() bool {
	return len(c.Put)+len(c.Remove)+len(c.AddServices)+len(c.DeletedServices) == 0 && !c.Deleted
}

// Touched lists the services whose instances c may change, sorted, each once. A tombstone touches all: then all is
// true and the list is empty.
func (c Change) Touched() (services []ServiceKey, all bool) {
	if c.Deleted {
		return nil, true
	}
	set := map[ServiceKey]struct{}{}
	for _, i := range c.Put {
		set[i.Key().ServiceKey] = struct{}{}
	}
	for _, key := range c.Remove {
		set[key.ServiceKey] = struct{}{}
	}
	for _, key := range c.DeletedServices {
		set[key] = struct{}{}
	}
	return slices.SortedFunc(maps.Keys(set), CompareServices), false
}

// CompareServices orders services by namespace, then name.
func CompareServices(a, b ServiceKey) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service))
}

// CompareInstances orders instances by service, then ID.
func CompareInstances(a, b InstanceKey) int {
	return cmp.Or(CompareServices(a.ServiceKey, b.ServiceKey), cmp.Compare(a.ID, b.ID))
}
