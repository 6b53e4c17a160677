package aws_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"

	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// Operators change meshes, and the journal tells who did. Readers read them and nothing else. Who has no policy, and who
// doesn't sign, is refused before the API is asked.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	mesh := emulator.Name(t)
	operator, reader, nobody := i.User(t, "Operators"), i.User(t, "Readers"), i.User(t)
	if _, err := i.AppMesh(operator).CreateMesh(t.Context(), &appmesh.CreateMeshInput{MeshName: &mesh}); err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]struct {
		installation.Identity
		reads, writes int
	}{
		"an operator":      {operator, http.StatusOK, http.StatusOK},
		"a reader":         {reader, http.StatusOK, http.StatusForbidden},
		"without policy":   {nobody, http.StatusForbidden, http.StatusForbidden},
		"without a name":   {installation.Identity{}, http.StatusForbidden, http.StatusForbidden},
		"with a wrong key": {installation.Identity{Credentials: aws.Credentials{AccessKeyID: operator.AccessKeyID, SecretAccessKey: "guessed"}}, http.StatusForbidden, http.StatusForbidden},
	} {
		t.Run(who, func(t *testing.T) {
			user := i.As(t, c.Identity)
			user.Mesh = mesh
			_, err := user.Get(t.Context(), user.Ref("mesh/"+mesh))
			if got := status(t, err); got != c.reads {
				t.Errorf("to read is answered %d, want %d", got, c.reads)
			}
			_, err = user.Create(t.Context(), user.Ref("virtualNode/made"), []byte(`{}`), nil)
			if got := status(t, err); got != c.writes {
				t.Errorf("to write is answered %d, want %d", got, c.writes)
			}
		})
	}
	journal, err := i.As(t, reader).Journal(t.Context(), mesh, 0, 10)
	if err != nil || len(journal) != 2 {
		t.Fatalf("the journal has %d entries, want 2: %v", len(journal), err)
	}
	for _, e := range journal {
		if e.Caller != operator.ARN {
			t.Errorf("generation %d is by %q, want %q", e.Generation, e.Caller, operator.ARN)
		}
	}
}

// status is what a call was answered.
func status(t *testing.T, err error) int {
	t.Helper()
	if refused := (*client.Error)(nil); errors.As(err, &refused) {
		return refused.Status
	}
	if err != nil {
		t.Error(err)
	}
	return http.StatusOK
}

// The role of a node's tasks gets that node's tokens, and no other's: not even of the same mesh.
func TestTokensAreOfOnesOwnNode(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	i.Relays(t) // the first one makes the certificate that comes with tokens
	operator, mesh := i.User(t, "Operators"), emulator.Name(t)
	user := i.As(t, operator)
	user.Apply(`
{kind: Mesh, meshName: ` + mesh + `}
---
{kind: VirtualNode, virtualNodeName: cart, spec: {}}
---
{kind: VirtualNode, virtualNodeName: stock, spec: {}}`)
	for who, c := range map[string]struct {
		installation.Identity
		cart, stock int
	}{
		"a task of cart":  {i.Task(t, mesh, "virtualNode/cart"), http.StatusOK, http.StatusForbidden},
		"a task of stock": {i.Task(t, mesh, "virtualNode/stock"), http.StatusForbidden, http.StatusOK},
		"another mesh's":  {i.Task(t, mesh+"x", "virtualNode/cart"), http.StatusForbidden, http.StatusForbidden},
		"a reader":        {i.User(t, "Readers"), http.StatusForbidden, http.StatusForbidden},
		"an operator":     {operator, http.StatusForbidden, http.StatusForbidden},
		"nobody":          {installation.Identity{}, http.StatusForbidden, http.StatusForbidden},
	} {
		t.Run(who, func(t *testing.T) {
			for node, want := range map[string]int{"cart": c.cart, "stock": c.stock} {
				code, token := i.Token(t, c.Identity, mesh, "virtualNode/"+node)
				if code != want || (token != "") != (want == http.StatusOK) {
					t.Errorf("a token of %s: %d, want %d", node, code, want)
				}
			}
		})
	}
}
