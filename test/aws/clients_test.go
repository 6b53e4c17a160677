package aws_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
	"github.com/ownmesh/ownmesh/test/terraform"
)

// What the AWS CLI changes through `ownmesh proxy` shows in the next request.
func TestAWSCLIChangesRequests(t *testing.T) {
	t.Parallel()
	m := newShop(t)
	nobody := installation.Identity{Credentials: aws.Credentials{AccessKeyID: "nobody", SecretAccessKey: "unknown"}}
	out, err := m.AWS(t, nobody, "appmesh", "update-route", "--endpoint-url", m.Installation.Proxy(t, m.operator),
		"--mesh-name", m.Mesh, "--virtual-router-name", "back", "--route-name", "all", "--spec",
		`{"httpRoute":{"match":{"prefix":"/"},"action":{"weightedTargets":[{"virtualNode":"green","weight":1}]}}}`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m.front.Gets(m.back, "200 green")
}

// Terraform's provider as it is, through `ownmesh proxy`, in the account that STS tells it.
func TestTerraform(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	operator, mesh := i.User(t, "Operators"), emulator.Name(t)
	f := terraform.New(t, i.Proxy(t, operator), aws.ToString(i.Config.BaseEndpoint), mesh, operator.Environment()...)
	f.Life()
	if _, err := i.As(t, operator).Get(t.Context(), client.Ref{Mesh: mesh, Key: resource.Key{Kind: resource.KindMesh, Name: mesh}}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("after destroy: %v", err)
	}
}
