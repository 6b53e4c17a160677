package aws_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
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

const plan = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "nobody"
  secret_key                  = "nothing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {
    appmesh = "PROXY"
  }
}
resource "aws_appmesh_mesh" "shop" { name = "MESH" }
resource "aws_appmesh_virtual_node" "cart" {
  name      = "cart"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    service_discovery {
      dns {
        hostname = "cart.shop.local"
      }
    }
  }
}
`

// Terraform's provider as it is, through `ownmesh proxy`: it applies, and finds nothing left to change.
func TestTerraform(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("no terraform on PATH: its provider is not tested here")
	}
	i := installation.Get(t)
	operator, mesh, dir := i.User(t, "Operators"), emulator.Name(t), t.TempDir()
	proxy := i.Proxy(t, operator)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(strings.NewReplacer("PROXY", proxy, "MESH", mesh).Replace(plan)), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), terraform, append(arguments, "-no-color")...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("init"); err != nil && strings.Contains(out, "provider packages") {
		t.Skipf("terraform can't get its provider here: %s", out)
	} else if err != nil {
		t.Fatalf("terraform init: %v: %s", err, out)
	}
	user := i.As(t, operator)
	node := client.Ref{Mesh: mesh, Key: resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}}
	if out, err := run("apply", "-auto-approve"); err != nil {
		t.Fatalf("terraform apply: %v: %s", err, out)
	}
	if o, err := user.Get(t.Context(), node); err != nil || !strings.Contains(string(o.Spec), "cart.shop.local") {
		t.Errorf("after apply: %s, %v", o.Spec, err)
	}
	if out, err := run("plan", "-detailed-exitcode"); err != nil {
		t.Errorf("there is something left to change: %v: %s", err, out)
	}
}
