package bootstrap

import (
	"fmt"
	"strings"
)

// NodeID is a virtual node or gateway, taken apart.
type NodeID struct {
	Mesh string // without the owner that a shared mesh's id carries (shop@123456789012)
	Kind string // virtualNode or virtualGateway
	Name string // may hold slashes
}

// ParseNodeID reads the forms that App Mesh's clients use: mesh/shop/virtualNode/cart, and the same as an ARN.
func ParseNodeID(id string) (NodeID, error) {
	path := id
	if strings.HasPrefix(id, "arn:") {
		parts := strings.SplitN(id, ":", 6) // arn:partition:appmesh:region:account:mesh/…
		if len(parts) != 6 || parts[2] != "appmesh" {
			return NodeID{}, fmt.Errorf("resource %q %w", id, errNodeID)
		}
		path = parts[5]
	}
	parts := strings.SplitN(path, "/", 4)
	if len(parts) != 4 || parts[0] != "mesh" || parts[1] == "" || parts[3] == "" {
		return NodeID{}, fmt.Errorf("resource %q %w", id, errNodeID)
	}
	if parts[2] != "virtualNode" && parts[2] != "virtualGateway" {
		return NodeID{}, fmt.Errorf("resource %q %w", id, errNodeID)
	}
	mesh, _, _ := strings.Cut(parts[1], "@")
	return NodeID{Mesh: mesh, Kind: parts[2], Name: parts[3]}, nil
}
