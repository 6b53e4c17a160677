package apply

import (
	"encoding/json"

	"github.com/ownmesh/ownmesh/core/resource"
)

// same tells whether the server's spec of a resource is what a document says.
func same(kind resource.Kind, there, wanted json.RawMessage) bool {
	return resource.SpecHash(filled(kind, there)) == resource.SpecHash(filled(kind, wanted))
}

// filled is a spec with the one member that the API adds to its answers, as App Mesh did: a health check without a
// port comes back with the listener's. Without this, applying such a file would never end in "unchanged".
func filled(kind resource.Kind, spec json.RawMessage) json.RawMessage {
	if kind != resource.KindVirtualNode && kind != resource.KindVirtualGateway {
		return spec
	}
	var top, check, mapping map[string]json.RawMessage
	var listeners []map[string]json.RawMessage
	if json.Unmarshal(spec, &top) != nil || json.Unmarshal(top["listeners"], &listeners) != nil {
		return spec // no listeners, or not what the API would have accepted: it says so better
	}
	for _, l := range listeners {
		check, mapping = nil, nil
		if json.Unmarshal(l["healthCheck"], &check) != nil || json.Unmarshal(l["portMapping"], &mapping) != nil {
			continue
		}
		if _, given := check["port"]; check != nil && !given {
			check["port"] = mapping["port"]
			l["healthCheck"], _ = json.Marshal(check) // of raw JSON: can't fail
		}
	}
	top["listeners"], _ = json.Marshal(listeners)
	out, err := json.Marshal(top)
	if err != nil {
		return spec
	}
	return out
}
