package terraform_test

import (
	"os"
	"testing"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/test/machine"
	"github.com/ownmesh/ownmesh/test/terraform"
)

// The provider speaks to `ownmesh up` by its endpoint alone, with any credentials.
func TestOneMachine(t *testing.T) {
	t.Parallel()
	m := machine.Start(t)
	api, r := "http://"+m.API(), recorder{}
	if *update {
		api = r.before(t, api)
	}
	f := terraform.New(t, api, "", "shop", "AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=unknown")
	f.Life()
	if *update && !t.Failed() {
		if err := os.WriteFile(recording, r.all.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if meshes, err := m.List(t.Context(), "", resource.KindMesh, ""); err != nil || len(meshes) != 0 {
		t.Errorf("after destroy there are %v, %v", meshes, err)
	}
}
