package artifact

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ownmesh/ownmesh/events"
)

// ConfigLog is the format of the config log. In its documents a proxy's sets are lists of indices: of a full state
// and its manifest into their resources, of a change into its ids. A proxy's set names some 60 resources, most of
// which it shares with others: spelt out, the sets would be larger than all bodies together.
var ConfigLog = Format[*Config, ConfigChange]{
	name:         events.LogConfig,
	encodeState:  func(c *Config) ([]byte, error) { return encodeConfig(c, true) },
	decodeState:  decodeConfig,
	encodeChange: encodeConfigChange,
	decodeChange: decodeConfigChange,
	apply:        (*Config).Apply,
	stateMark:    (*Config).mark,
	changeMark:   ConfigChange.mark,
	manifest:     func(c *Config) ([]byte, error) { return encodeConfig(c, false) },
}

type wireConfig struct {
	Mesh string `json:"mesh"`
	UID  string `json:"uid"`
	mark
	Resources []Resource             `json:"resources"` // sorted; in a manifest with nothing but id and hash
	Proxies   map[ProxyKey]wireProxy `json:"proxies"`
}

type wireProxy struct {
	UID         string `json:"uid"`
	Transparent []int  `json:"transparent"`
	Explicit    []int  `json:"explicit,omitzero"`
}

type wireConfigChange struct {
	mark
	Resources      []Resource             `json:"resources,omitempty"`
	Removed        []ID                   `json:"removed,omitempty"`
	IDs            []ID                   `json:"ids,omitempty"` // what the sets of Proxies name, sorted
	Proxies        map[ProxyKey]wireProxy `json:"proxies,omitempty"`
	RemovedProxies []ProxyKey             `json:"removedProxies,omitempty"`
	Causes         []Cause                `json:"causes,omitempty"`
}

// encodeConfig spells a full state, or with bodies false its manifest.
func encodeConfig(c *Config, bodies bool) ([]byte, error) {
	w := wireConfig{Mesh: c.Mesh, UID: c.UID, mark: c.mark()}
	w.Resources = slices.SortedFunc(maps.Values(c.Resources), compareResources)
	if w.Resources == nil {
		w.Resources = []Resource{}
	}
	index := make(map[ID]int, len(w.Resources))
	for i, r := range w.Resources {
		index[r.ID] = i
		if !bodies {
			w.Resources[i] = Resource{ID: r.ID, Hash: r.Hash}
		}
	}
	var err error
	if w.Proxies, err = indexProxies(c.Proxies, index); err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

func decodeConfig(data []byte) (*Config, error) {
	var w wireConfig
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, err
	}
	c := &Config{
		Mesh: w.Mesh, UID: w.UID, Generation: w.Generation, Compiler: w.Compiler, Deleted: w.Deleted,
		Resources: make(map[ID]Resource, len(w.Resources)),
	}
	ids := make([]ID, len(w.Resources))
	for i, r := range w.Resources {
		if ids[i] = r.ID; !r.valid() || i > 0 && ids[i-1].Compare(r.ID) >= 0 {
			return nil, fmt.Errorf("resource %d (%s) is invalid or out of order", i, r.ID)
		}
		c.Resources[r.ID] = r
	}
	var err error
	c.Proxies, err = nameProxies(w.Proxies, ids)
	return c, err
}

func encodeConfigChange(c ConfigChange) ([]byte, error) {
	w := wireConfigChange{
		mark: c.mark(), Resources: c.Resources, Removed: c.Removed, RemovedProxies: c.RemovedProxies, Causes: c.Causes,
	}
	index := map[ID]int{}
	for _, p := range c.Proxies {
		for _, set := range [][]ID{p.Transparent, p.Explicit} {
			for _, id := range set {
				index[id] = 0
			}
		}
	}
	w.IDs = slices.SortedFunc(maps.Keys(index), ID.Compare)
	for i, id := range w.IDs {
		index[id] = i
	}
	var err error
	if len(c.Proxies) > 0 {
		if w.Proxies, err = indexProxies(c.Proxies, index); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

func decodeConfigChange(data []byte) (ConfigChange, error) {
	var w wireConfigChange
	if err := json.Unmarshal(data, &w); err != nil {
		return ConfigChange{}, err
	}
	c := ConfigChange{
		Generation: w.Generation, Compiler: w.Compiler, Deleted: w.Deleted,
		Resources: w.Resources, Removed: w.Removed, RemovedProxies: w.RemovedProxies, Causes: w.Causes,
	}
	var err error
	if len(w.Proxies) > 0 {
		c.Proxies, err = nameProxies(w.Proxies, w.IDs)
	}
	return c, err
}

func indexProxies(proxies map[ProxyKey]Proxy, index map[ID]int) (map[ProxyKey]wireProxy, error) {
	out := make(map[ProxyKey]wireProxy, len(proxies))
	for key, p := range proxies {
		transparent, err := indexSet(p.Transparent, index)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", key, err)
		}
		explicit, err := indexSet(p.Explicit, index)
		if err != nil {
			return nil, fmt.Errorf("proxy %s, explicit: %w", key, err)
		}
		out[key] = wireProxy{UID: p.UID, Transparent: transparent, Explicit: explicit}
	}
	return out, nil
}

func indexSet(set []ID, index map[ID]int) ([]int, error) {
	if set == nil {
		return nil, nil
	}
	out := make([]int, len(set))
	for i, id := range set {
		n, ok := index[id]
		if !ok {
			return nil, fmt.Errorf("its set names the %s, which isn't there", id)
		}
		out[i] = n
	}
	return out, nil
}

func nameProxies(proxies map[ProxyKey]wireProxy, ids []ID) (map[ProxyKey]Proxy, error) {
	out := make(map[ProxyKey]Proxy, len(proxies))
	for key, p := range proxies {
		transparent, err := nameSet(p.Transparent, ids)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", key, err)
		}
		explicit, err := nameSet(p.Explicit, ids)
		if err != nil {
			return nil, fmt.Errorf("proxy %s, explicit: %w", key, err)
		}
		out[key] = Proxy{UID: p.UID, Transparent: transparent, Explicit: explicit}
	}
	return out, nil
}

func nameSet(set []int, ids []ID) ([]ID, error) {
	if set == nil {
		return nil, nil
	}
	out := make([]ID, len(set))
	for i, n := range set {
		if n < 0 || n >= len(ids) {
			return nil, fmt.Errorf("its set names resource %d of %d", n, len(ids))
		}
		out[i] = ids[n]
	}
	return out, nil
}
