package api

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
)

// operation is one thing that a client can ask for.
type operation struct {
	name   string // as App Mesh names it: CreateRoute
	method string
	// path holds decoded segments; "{routeName}" takes any segment but an empty one.
	path []string
	// info is the kind that the operation is about, zero if it is about none.
	info resource.Info
	// like is the operation by whose description path and query are checked, where this one has none of its own.
	like string
	// query names the members that come in the query. Others are ignored.
	query []string
	body  bool
	run   func(*call) (any, error)
}

// The first segments of paths.
const (
	appMesh = "v20190125"
	ownmesh = "v1"
)

// verb is what can be done with every kind.
type verb struct {
	name   string
	method string
	item   bool // on the item's path, else on the collection's
	body   bool
	query  []string
	mesh   []string // the same for meshes themselves, which fewer operations let an owner be named for
	run    func(*call) (any, error)
}

var verbs = []verb{
	{name: "Create", method: http.MethodPut, body: true, query: []string{"meshOwner"}, run: create},
	{name: "Describe", method: http.MethodGet, item: true, query: []string{"meshOwner"}, mesh: []string{"meshOwner"}, run: describe},
	{name: "List", method: http.MethodGet, query: []string{"limit", "nextToken", "meshOwner"}, mesh: []string{"limit", "nextToken"}, run: list},
	{name: "Update", method: http.MethodPut, item: true, body: true, query: []string{"meshOwner"}, run: update},
	{name: "Delete", method: http.MethodDelete, item: true, query: []string{"meshOwner"}, run: remove},
}

// others are the operations that are not a verb on a kind.
var others = []operation{
	{name: "ListTagsForResource", method: http.MethodGet, path: at(appMesh, "tags"), query: []string{"resourceArn", "limit", "nextToken"}, run: listTags},
	{name: "TagResource", method: http.MethodPut, path: at(appMesh, "tag"), query: []string{"resourceArn"}, body: true, run: tag},
	{name: "UntagResource", method: http.MethodPut, path: at(appMesh, "untag"), query: []string{"resourceArn"}, body: true, run: untag},

	{name: "GetVersion", method: http.MethodGet, path: at(ownmesh, "version"), run: version},
	{name: "ListEvents", method: http.MethodGet, path: at(ownmesh, "events"), run: listEvents},
	{name: "ListStatus", method: http.MethodGet, path: at(ownmesh, "status"), run: listStatus},
	{name: "GetStatus", like: "DescribeMesh", method: http.MethodGet, path: at(ownmesh, "meshes", "{meshName}", "status"), run: getStatus},
	{name: "GetFindings", like: "DescribeMesh", method: http.MethodGet, path: at(ownmesh, "meshes", "{meshName}", "findings"), run: getFindings},
	{name: "GetView", like: "DescribeMesh", method: http.MethodGet, path: at(ownmesh, "meshes", "{meshName}", "view"), run: getView},
	{name: "GetJournal", like: "DescribeMesh", method: http.MethodGet, path: at(ownmesh, "meshes", "{meshName}", "journal"), run: getJournal},
	{name: "GetNodeAddresses", like: "DescribeVirtualNode", method: http.MethodGet, info: mustInfo(resource.KindVirtualNode),
		path: at(ownmesh, "meshes", "{meshName}", "proxies", "virtualNode", "{virtualNodeName}", "addresses"), run: getAddresses},
	{name: "GetGatewayAddresses", like: "DescribeVirtualGateway", method: http.MethodGet, info: mustInfo(resource.KindVirtualGateway),
		path: at(ownmesh, "meshes", "{meshName}", "proxies", "virtualGateway", "{virtualGatewayName}", "addresses"), run: getAddresses},
	{name: "IssueNodeToken", like: "DescribeVirtualNode", method: http.MethodPost, info: mustInfo(resource.KindVirtualNode),
		path: at(ownmesh, "meshes", "{meshName}", "proxies", "virtualNode", "{virtualNodeName}", "token"), run: issueToken},
	{name: "IssueGatewayToken", like: "DescribeVirtualGateway", method: http.MethodPost, info: mustInfo(resource.KindVirtualGateway),
		path: at(ownmesh, "meshes", "{meshName}", "proxies", "virtualGateway", "{virtualGatewayName}", "token"), run: issueToken},
	{name: "ListInstances", method: http.MethodGet, path: at(ownmesh, "instances"), run: listInstances},
	{name: "RegisterInstance", method: http.MethodPut, path: instancePath, body: true, run: registerInstance},
	{name: "DeregisterInstance", method: http.MethodDelete, path: instancePath, run: deregisterInstance},
}

var instancePath = at(ownmesh, "namespaces", "{namespace}", "services", "{service}", "instances", "{id}")

func at(segments ...string) []string { return segments }

func mustInfo(k resource.Kind) resource.Info {
	info, ok := resource.InfoOf(k)
	if !ok {
		panic("unknown kind " + k)
	}
	return info
}

// table is every operation: each verb on each kind, then the others.
func table() []operation {
	var ops []operation
	for _, info := range resource.Kinds {
		collection := collectionPath(info)
		for _, v := range verbs {
			op := operation{name: v.name + info.Title, method: v.method, path: collection, info: info, query: v.query, body: v.body, run: v.run}
			if v.item {
				op.path = append(collection[:len(collection):len(collection)], "{"+info.NameMember+"}")
			}
			if v.name == "List" {
				op.name = v.name + strings.ToUpper(info.Collection[:1]) + info.Collection[1:]
			}
			if info.Kind == resource.KindMesh {
				op.query = v.mesh
			}
			ops = append(ops, op)
		}
	}
	return append(ops, others...)
}

// collectionPath is where a kind's collection lies. The parent's segment is singular there: App Mesh has it so.
func collectionPath(info resource.Info) []string {
	path := at(appMesh, "meshes")
	if info.Own {
		path = at(ownmesh, "meshes")
	}
	if info.Kind == resource.KindMesh {
		return path
	}
	path = append(path, "{meshName}")
	if info.Parent != "" {
		path = append(path, string(info.Parent), "{"+mustInfo(info.Parent).NameMember+"}")
	}
	return append(path, info.Collection)
}

// find matches a request with the table. The escaped path is split before its segments are decoded, so a name may
// hold anything; a plus sign stays one. What stands before this handler may decide by the path as it was sent, letter by
// letter: so what needs no encoding is refused in one, or a rule that denies cart would let ca%72t pass.
func (h *handler) find(r *http.Request) (*operation, map[string]string, error) {
	unknown := fail(unknownOperation, "there is no operation %s %s", r.Method, r.URL.EscapedPath())
	rest, rooted := strings.CutPrefix(r.URL.EscapedPath(), "/")
	if !rooted {
		return nil, nil, unknown
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return nil, nil, unknown
		}
		if encodesNeedlessly(s) {
			return nil, nil, fail(badRequest, "path must spell letters, digits, -, _ and . as they are, not in percent-encoding, got %s", shown(s))
		}
		segments[i] = decoded
	}
	for i := range h.operations {
		if vars, ok := h.operations[i].match(r.Method, segments); ok {
			return &h.operations[i], vars, nil
		}
	}
	return nil, nil, unknown
}

// encodesNeedlessly tells whether a segment that decodes encodes what every client sends as it is. Dots that a segment
// begins with may be encoded: else clients and proxies take them for steps up.
func encodesNeedlessly(segment string) bool {
	dots := true
	for i := 0; i < len(segment); i++ {
		c, encoded := segment[i], segment[i] == '%'
		if encoded {
			b, _ := hex.DecodeString(segment[i+1 : i+3]) // it decodes
			c = b[0]
			i += 2
		}
		dots = dots && c == '.'
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
		if encoded && plain && !dots {
			return true
		}
	}
	return false
}

// match tells whether a request is for this operation, and what its path's variables are.
func (o *operation) match(method string, segments []string) (vars map[string]string, ok bool) {
	if method != o.method || len(segments) != len(o.path) {
		return nil, false
	}
	for i, want := range o.path {
		if variable(want) == "" && want != segments[i] || segments[i] == "" {
			return nil, false
		}
	}
	vars = map[string]string{}
	for i, want := range o.path {
		if v := variable(want); v != "" {
			vars[v] = segments[i]
		}
	}
	return vars, true
}

// variable is the name in "{name}", "" for a literal segment.
func variable(segment string) string {
	if strings.HasPrefix(segment, "{") {
		return strings.Trim(segment, "{}")
	}
	return ""
}
