package relay

import (
	"encoding/json"
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
)

// Bounds on what a bootstrap may say.
const (
	maxNodeID    = 2_304 // bytes: an ARN with two names of 255 characters, of 4 bytes each
	maxExplicit  = 4_096 // addresses
	maxMeshName  = 255   // App Mesh's bound, in characters
	accountWidth = 12    // digits of an AWS account's id
)

// node is whom a stream says that it is.
type node struct {
	mesh     string // its name
	proxy    artifact.ProxyKey
	kind     string // virtualNode or virtualGateway
	name     string
	instance string // tells apart the proxies of one node
	arn      string // of the node, if node.id is one
	metadata events.NodeMetadata
	grant    *grant
}

func (n node) describe() string {
	if n.kind == "virtualGateway" {
		return fmt.Sprintf("virtual gateway %q", n.name)
	}
	return fmt.Sprintf("virtual node %q", n.name)
}

const nodeForms = "mesh/<mesh>/virtualNode/<name>, mesh/<mesh>/virtualGateway/<name>, or one of these behind arn:aws:appmesh:<region>:<account>: (APPMESH_RESOURCE_ARN)"

// parseNode reads node.id and what the sidecar's bootstrap says of itself. peer is the instance of who gives none.
// Its errors are gRPC statuses that users read in Envoy's log.
func parseNode(from *corev3.Node, peer string) (node, error) {
	id := from.GetId()
	if id == "" {
		return node{}, status.Errorf(codes.InvalidArgument, "the first request has no node.id: it must be %s", nodeForms)
	}
	n, ok := parseNodeID(id)
	if !ok {
		return node{}, status.Errorf(codes.InvalidArgument, "node.id %.300q is not of the form %s", id, nodeForms)
	}
	if said, ok := from.GetMetadata().GetFields()[events.MetadataKey]; ok {
		text, err := json.Marshal(said.AsInterface())
		if err == nil {
			err = json.Unmarshal(text, &n.metadata)
		}
		if err != nil {
			return node{}, status.Errorf(codes.InvalidArgument, "node.metadata.%s can't be read: %v", events.MetadataKey, err)
		}
	}
	if len(n.metadata.Explicit) > maxExplicit {
		return node{}, status.Errorf(codes.InvalidArgument, "node.metadata.%s.explicit has more than %d addresses", events.MetadataKey, maxExplicit)
	}
	for place, address := range n.metadata.Explicit {
		if _, err := parseAddress(address); err != nil {
			return node{}, status.Errorf(codes.InvalidArgument, "node.metadata.%s.explicit[%.200q]: %v", events.MetadataKey, place, err)
		}
	}
	if strings.HasPrefix(id, "arn:") {
		n.arn = id
	}
	n.instance = n.metadata.Instance
	if n.instance == "" {
		n.instance = peer
	}
	return n, nil
}

// parseNodeID reads the forms that App Mesh's agent and Kubernetes controller send. Names may hold slashes: the first
// of /virtualNode/ and /virtualGateway/ ends the mesh's.
func parseNodeID(id string) (node, bool) {
	if len(id) > maxNodeID {
		return node{}, false
	}
	if strings.HasPrefix(id, "arn:") {
		parts := strings.SplitN(id, ":", 6)
		if len(parts) != 6 || parts[2] != "appmesh" {
			return node{}, false
		}
		id = parts[5]
	}
	rest, ok := strings.CutPrefix(id, "mesh/")
	if !ok {
		return node{}, false
	}
	at, n := len(rest), node{}
	for _, kind := range []string{"virtualNode", "virtualGateway"} {
		if found := strings.Index(rest, "/"+kind+"/"); found >= 0 && found < at {
			at = found
			n = node{mesh: rest[:found], kind: kind, name: rest[found+len(kind)+2:]}
		}
	}
	n.mesh = withoutOwner(n.mesh)
	n.proxy = artifact.ProxyKey(n.kind + "/" + n.name)
	ok = n.name != "" && n.mesh != "" && n.mesh != "." && n.mesh != ".." && len([]rune(n.mesh)) <= maxMeshName
	return n, ok
}

// withoutOwner takes the account off a shared mesh: shop@123456789012.
func withoutOwner(mesh string) string {
	at := strings.LastIndexByte(mesh, '@')
	if at < 0 {
		return mesh
	}
	if owner := mesh[at+1:]; len(owner) != accountWidth || strings.Trim(owner, "0123456789") != "" {
		return mesh
	}
	return mesh[:at]
}
