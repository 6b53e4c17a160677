package api

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// newToken is what is kept of a request's idempotency token, zero if it has none. version and at are those of the
// answer that the request gets.
func newToken(req resource.Request, version int64, at time.Time) store.Token {
	if req.ClientToken == "" {
		return store.Token{}
	}
	return store.Token{Value: keptToken(req.ClientToken), SpecHash: resource.SpecHash(req.Spec), Version: version, UpdatedAt: at}
}

// maxKeptToken is from which length on, in bytes, a token is kept as its hash. App Mesh documents 36.
const maxKeptToken = 64

// keptToken is a token as it is kept: itself, unless it is long. No hash is as short as a token that is kept as it is.
func keptToken(token string) string {
	if len(token) <= maxKeptToken {
		return token
	}
	return fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(token)))
}

// created is the answer to creating what is there already: the first answer again if this is the same request, else a
// conflict.
func (c *call) created(mesh string, present store.Record, req resource.Request) (any, error) {
	answer, err := c.firstAnswer(mesh, present, present.CreateToken, req)
	if answer != nil || err != nil {
		return answer, err
	}
	if present.Kind == resource.KindMesh {
		return nil, fail(conflict, "Mesh with name %s already exists for account %s", present.Name, c.h.Account)
	}
	return nil, fail(conflict, "%s with name %s already exists under mesh %s for account %s",
		mustInfo(present.Kind).Title, present.Name, mesh, c.h.Account)
}

// updated is the first answer again if the latest update was this same request, else nil.
func (c *call) updated(mesh string, present store.Record, req resource.Request) (any, error) {
	return c.firstAnswer(mesh, present, present.UpdateToken, req)
}

// firstAnswer is what the request that token remembers was answered with, nil if req is another request. What the
// resource has become since doesn't show in it: the specs are equal, or it is a conflict.
func (c *call) firstAnswer(mesh string, present store.Record, token store.Token, req resource.Request) (any, error) {
	if req.ClientToken == "" || keptToken(req.ClientToken) != token.Value {
		return nil, nil
	}
	if token.SpecHash != resource.SpecHash(req.Spec) {
		return nil, fail(conflict, "clientToken %s was used before for %s with name %s and another spec",
			shorten(req.ClientToken), mustInfo(present.Kind).Title, present.Name)
	}
	first := present.Resource
	first.Version, first.UpdatedAt, first.Spec = token.Version, token.UpdatedAt, req.Spec
	return c.describeObject(mesh, first, active)
}
