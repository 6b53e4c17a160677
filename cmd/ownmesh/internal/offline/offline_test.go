package offline

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/apply"
	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/manifest"
	"github.com/ownmesh/ownmesh/core/compile"
)

func documents(t *testing.T, text string) []manifest.Document {
	t.Helper()
	content, err := manifest.Read([]string{"-"}, strings.NewReader(text), manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return content.Documents
}

// Several meshes come out sorted, each with its own, and nothing stays on disk.
func TestCompile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	meshes, err := Compile(t.Context(), documents(t, `
{kind: VirtualNode, meshName: b, virtualNodeName: x/y, spec: {}}
---
{kind: Mesh, meshName: b}
---
{kind: Mesh, meshName: a}
`), compile.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(meshes) != 2 || meshes[0].Name != "a" || len(meshes[0].Config().Proxies) != 0 {
		t.Fatalf("got %+v", meshes)
	}
	if _, ok := meshes[1].Config().Proxies["virtualNode/x/y"]; !ok || meshes[1].Generation() != 2 {
		t.Errorf("got %+v at generation %d", meshes[1].Config().Proxies, meshes[1].Generation())
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// More resources than a page holds are all there.
func TestPages(t *testing.T) {
	var b strings.Builder
	b.WriteString("{\"kind\":\"Mesh\",\"meshName\":\"m\"}\n")
	const n = pageSize + 1
	for i := range n {
		fmt.Fprintf(&b, `{"kind":"VirtualNode","meshName":"m","virtualNodeName":"n%d","spec":{}}`+"\n", i)
	}
	meshes, err := Compile(t.Context(), documents(t, b.String()), compile.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(meshes[0].Config().Proxies); got != n {
		t.Errorf("%d proxies, want %d", got, n)
	}
}

// A refusal is the API's own, and names the document.
func TestRefusal(t *testing.T) {
	_, err := Compile(t.Context(), documents(t, "{kind: VirtualNode, meshName: none, virtualNodeName: a, spec: {}}"), compile.Options{}, nil)
	var e *apply.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "NotFoundException: Mesh with name none") {
		t.Errorf("got %v", err)
	}
}
