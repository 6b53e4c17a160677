package artifact

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
)

// EndpointsLog is the format of the endpoints log: raw instances. It has no generations.
var EndpointsLog = Format[*endpoint.State, endpoint.Change]{
	name:         events.LogEndpoints,
	encodeState:  encodeEndpoints,
	decodeState:  decodeEndpoints,
	encodeChange: func(c endpoint.Change) ([]byte, error) { return json.Marshal(c) },
	decodeChange: func(data []byte) (c endpoint.Change, err error) { return c, json.Unmarshal(data, &c) },
	apply:        func(s *endpoint.State, c endpoint.Change) error { s.Apply(c); return nil },
	stateMark:    func(s *endpoint.State) mark { return mark{Deleted: s.Deleted} },
	changeMark:   func(c endpoint.Change) mark { return mark{Deleted: c.Deleted} },
}

type wireEndpoints struct {
	Deleted  bool          `json:"deleted,omitempty"`
	Services []wireService `json:"services"` // sorted
}

type wireService struct {
	endpoint.ServiceKey
	Instances []endpoint.Instance `json:"instances"` // sorted by ID
}

func encodeEndpoints(s *endpoint.State) ([]byte, error) {
	w := wireEndpoints{Deleted: s.Deleted, Services: make([]wireService, 0, len(s.Services))}
	for _, key := range slices.SortedFunc(maps.Keys(s.Services), endpoint.CompareServices) {
		byID := s.Services[key]
		service := wireService{ServiceKey: key, Instances: make([]endpoint.Instance, 0, len(byID))}
		for _, id := range slices.Sorted(maps.Keys(byID)) {
			if i := byID[id]; i.Key() != (endpoint.InstanceKey{ServiceKey: key, ID: id}) {
				return nil, fmt.Errorf("instance %q of %q in %q lies under another one's key", i.ID, i.Service, i.Namespace)
			}
			service.Instances = append(service.Instances, byID[id])
		}
		w.Services = append(w.Services, service)
	}
	return json.Marshal(w)
}

func decodeEndpoints(data []byte) (*endpoint.State, error) {
	var w wireEndpoints
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, err
	}
	s := &endpoint.State{Deleted: w.Deleted, Services: make(map[endpoint.ServiceKey]map[string]endpoint.Instance, len(w.Services))}
	for _, service := range w.Services {
		byID := make(map[string]endpoint.Instance, len(service.Instances))
		for _, i := range service.Instances {
			if i.Key().ServiceKey != service.ServiceKey {
				return nil, fmt.Errorf("instance %q of %q in %q lies under another service", i.ID, i.Service, i.Namespace)
			}
			byID[i.ID] = i
		}
		s.Services[service.ServiceKey] = byID
	}
	return s, nil
}
