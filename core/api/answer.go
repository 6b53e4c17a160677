package api

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// The states that answers give a resource. INACTIVE exists in App Mesh's data, and is never sent.
const (
	active  = "ACTIVE"
	deleted = "DELETED"
)

// object is the JSON of a resource: its members' names differ between kinds.
type object map[string]any

// timestamp is epoch seconds with milliseconds as a plain decimal number: Terraform refuses anything else.
type timestamp time.Time

func (t timestamp) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

// now is the time of a change, as coarse as answers give it, so that what is stored is what was answered.
func (h *handler) now() time.Time { return h.Now().UTC().Truncate(time.Millisecond) }

// describeObject is the full answer for one resource, bare: SDKs wrap it on their side.
func (c *call) describeObject(mesh string, r resource.Resource, status string) (object, error) {
	spec, err := echo(r.Kind, r.Spec)
	if err != nil {
		return nil, fmt.Errorf("show %s: %w", r.Key, err)
	}
	o := c.names(mesh, r.Key)
	o["spec"] = spec
	o["status"] = object{"status": status}
	o["metadata"] = object{
		"arn": c.arn(mesh, r.Key), "uid": r.UID, "version": r.Version,
		"createdAt": timestamp(r.CreatedAt), "lastUpdatedAt": timestamp(r.UpdatedAt),
		"meshOwner": c.h.Account, "resourceOwner": c.h.Account,
	}
	return o, nil
}

// listObject is what a List answer holds of a resource.
func (c *call) listObject(mesh string, r resource.Resource) object {
	o := c.names(mesh, r.Key)
	o["arn"] = c.arn(mesh, r.Key)
	o["version"] = r.Version
	o["createdAt"] = timestamp(r.CreatedAt)
	o["lastUpdatedAt"] = timestamp(r.UpdatedAt)
	o["meshOwner"] = c.h.Account
	o["resourceOwner"] = c.h.Account
	return o
}

// names is the members that say which resource it is.
func (c *call) names(mesh string, k resource.Key) object {
	info := mustInfo(k.Kind)
	o := object{"meshName": mesh, info.NameMember: k.Name}
	if info.Parent != "" {
		o[mustInfo(info.Parent).NameMember] = k.Parent
	}
	return o
}

func (c *call) arn(mesh string, k resource.Key) string {
	return k.ARN(c.h.Partition, c.region, c.h.Account, mesh)
}

// answerFor is describeObject for a record of m.
func (c *call) answerFor(m store.Mesh, r store.Record) (object, error) {
	return c.describeObject(m.Name, r.Resource, active)
}

// echo is the spec as clients get it back: as it was sent, but for the one member that App Mesh fills in, the port of
// a listener's health check.
func echo(kind resource.Kind, spec json.RawMessage) (json.RawMessage, error) {
	if kind != resource.KindVirtualNode && kind != resource.KindVirtualGateway {
		return spec, nil
	}
	type members = map[string]json.RawMessage
	var top members
	var listeners []members
	if err := json.Unmarshal(spec, &top); err != nil {
		return nil, fmt.Errorf("read spec: %w", err)
	}
	if len(top["listeners"]) == 0 {
		return spec, nil
	}
	if err := json.Unmarshal(top["listeners"], &listeners); err != nil {
		return nil, fmt.Errorf("read listeners: %w", err)
	}
	filled := false
	for _, l := range listeners {
		if len(l["healthCheck"]) == 0 {
			continue
		}
		var check, mapping members
		if err := json.Unmarshal(l["healthCheck"], &check); err != nil {
			return nil, fmt.Errorf("read health check: %w", err)
		}
		if err := json.Unmarshal(l["portMapping"], &mapping); err != nil {
			return nil, fmt.Errorf("read port mapping: %w", err)
		}
		if _, given := check["port"]; given {
			continue
		}
		check["port"] = mapping["port"]
		var err error
		if l["healthCheck"], err = store.Encode(check); err != nil {
			return nil, err
		}
		filled = true
	}
	if !filled {
		return spec, nil
	}
	var err error
	if top["listeners"], err = store.Encode(listeners); err != nil {
		return nil, err
	}
	return store.Encode(top)
}
