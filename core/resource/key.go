package resource

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Key names a resource inside one mesh. The mesh itself is Key{Kind: KindMesh, Name: its name}.
type Key struct {
	Kind   Kind   `json:"kind"`
	Parent string `json:"parent,omitempty"` // the router of a route, the gateway of a gateway route, else ""
	Name   string `json:"name"`
}

// String is the key as an ARN has it behind mesh/<mesh>/: virtualNode/cart, virtualRouter/cart/route/v2.
// It is for people and for maps in memory; names may hold slashes, so it is not parsed back.
func (k Key) String() string {
	if info, ok := InfoOf(k.Kind); ok && info.Parent != "" {
		return fmt.Sprintf("%s/%s/%s/%s", info.Parent, k.Parent, k.Kind, k.Name)
	}
	return string(k.Kind) + "/" + k.Name
}

// ARN is the key's Amazon resource name in a mesh.
func (k Key) ARN(partition, region, owner, mesh string) string {
	arn := fmt.Sprintf("arn:%s:appmesh:%s:%s:mesh/%s", partition, region, owner, mesh)
	if k.Kind == KindMesh {
		return arn
	}
	return arn + "/" + k.String()
}

// Compare orders keys by kind, parent and name.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(string(k.Kind), string(o.Kind)), strings.Compare(k.Parent, o.Parent), strings.Compare(k.Name, o.Name))
}

// Resource is one stored resource.
type Resource struct {
	Key
	UID       string          `json:"uid"`     // a UUID, stable over updates, new when a name is used again
	Version   int64           `json:"version"` // 1 on create, one more on each update
	CreatedAt time.Time       `json:"createdAt"`
	UpdatedAt time.Time       `json:"updatedAt"`
	Spec      json.RawMessage `json:"spec"` // as sent, but for what Request.Spec says; never empty
}

// Decode reads a spec that ParseRequest accepted into one of the Spec structs of this package.
// Members that it doesn't know are ignored: refusing them is ParseRequest's task.
func Decode[T any](spec json.RawMessage) (T, error) {
	var t T
	if err := json.Unmarshal(spec, &t); err != nil {
		return t, fmt.Errorf("decode %T: %w", t, err)
	}
	return t, nil
}
