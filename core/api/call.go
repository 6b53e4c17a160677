package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// call is one request on its way through an operation.
type call struct {
	h      *handler
	r      *http.Request
	ctx    context.Context
	op     *operation
	id     string            // the answer's request id; in the journal it names the write
	vars   map[string]string // what the path says, decoded, by member: meshName, routeName
	query  url.Values
	body   []byte
	region string // for ARNs
}

// The region that a request is signed for is in its credential scope: <key>/<date>/<region>/<service>/aws4_request.
var (
	signedHeader = regexp.MustCompile(`^AWS4-[A-Z0-9-]+ +(?:.*[, ])?Credential=[^/, ]+/[0-9]{8}/([a-z0-9-]{1,32})/`)
	signedQuery  = regexp.MustCompile(`^[^/]+/[0-9]{8}/([a-z0-9-]{1,32})/`)
)

// signedRegion is the region that the request is signed for, "" if it is not signed.
func signedRegion(header http.Header, query url.Values) string {
	if m := signedHeader.FindStringSubmatch(header.Get("Authorization")); m != nil {
		return m[1]
	}
	if m := signedQuery.FindStringSubmatch(query.Get("X-Amz-Credential")); m != nil {
		return m[1]
	}
	return ""
}

// params checks what path and query say.
func (c *call) params() []resource.Violation {
	var vs []resource.Violation
	described := cmp.Or(c.op.like, c.op.name)
	for _, segment := range c.op.path {
		if member := variable(segment); member != "" {
			vs = append(vs, resource.CheckParam(described, member, c.vars[member])...)
		}
	}
	for _, member := range c.op.query {
		if values, sent := c.query[member]; sent {
			vs = append(vs, resource.CheckParam(described, member, values[0])...)
		}
	}
	return vs
}

// request reads and checks all of the request: every violation in path, query and body at once.
func (c *call) request() (resource.Request, error) {
	vs := c.params()
	req, more := resource.ParseRequest(c.op.name, c.body)
	return req, refuse(append(vs, more...))
}

// key is the resource of the operation's kind and the path's parent that has this name.
func (c *call) key(name string) resource.Key {
	k := resource.Key{Kind: c.op.info.Kind, Name: name}
	if c.op.info.Parent != "" {
		k.Parent = c.vars[mustInfo(c.op.info.Parent).NameMember]
	}
	return k
}

// itemKey is the resource that the path names.
func (c *call) itemKey() resource.Key { return c.key(c.vars[c.op.info.NameMember]) }

// mesh reads the mesh that the path names.
func (c *call) mesh(ctx context.Context) (store.Mesh, error) {
	name, owner := c.vars["meshName"], c.h.Account
	if given := c.query.Get("meshOwner"); given != "" && c.takes("meshOwner") {
		owner = given
	}
	if owner != c.h.Account {
		return store.Mesh{}, missingMesh(name, owner)
	}
	m, err := c.h.Store.MeshByName(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return store.Mesh{}, missingMesh(name, owner)
	}
	if err != nil {
		return store.Mesh{}, fmt.Errorf("read mesh %s: %w", name, err)
	}
	return m, nil
}

func (c *call) takes(member string) bool {
	for _, q := range c.op.query {
		if q == member {
			return true
		}
	}
	return false
}

// read reads a resource of m, the mesh itself included; what is missing is the client's fault.
func (c *call) read(ctx context.Context, m store.Mesh, k resource.Key) (store.Record, error) {
	if k.Kind == resource.KindMesh {
		return m.Record, nil
	}
	r, found, err := c.lookUp(ctx, m, k)
	if err == nil && !found {
		err = c.missing(m.Name, k)
	}
	return r, err
}

// lookUp reads a resource of m (not the mesh) that may be missing.
func (c *call) lookUp(ctx context.Context, m store.Mesh, k resource.Key) (r store.Record, found bool, err error) {
	r, err = c.h.Store.Get(ctx, m.UID, k)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, false, nil
	}
	if err != nil {
		return store.Record{}, false, fmt.Errorf("read %s of mesh %s: %w", k, m.Name, err)
	}
	return r, true, nil
}

// parent reads the router of a route, or the gateway of a gateway route, that the path names. Kinds without a parent
// have a zero one.
func (c *call) parent(ctx context.Context, m store.Mesh) (store.Record, error) {
	k := c.key("")
	if k.Parent == "" {
		return store.Record{}, nil
	}
	return c.read(ctx, m, resource.Key{Kind: c.op.info.Parent, Name: k.Parent})
}

func missingMesh(name, owner string) error {
	return fail(notFound, "Mesh with name %s is not present for account %s", name, owner)
}

// missing says that a resource which the path names is not there. Clients match on the text.
func (c *call) missing(mesh string, k resource.Key) error {
	return fail(notFound, "%s with name %s is not present under mesh %s for account %s", mustInfo(k.Kind).Title, k.Name, mesh, c.h.Account)
}
