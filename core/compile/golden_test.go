package compile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/golden"
	"github.com/ownmesh/ownmesh/internal/meshtest"
)

const refresh = "go test ./core/compile -run TestGolden -update"

// TestGolden compiles each scenario in testdata and compares every proxy's resources, and the findings, with files.
// The real Envoy accepts each of them.
func TestGolden(t *testing.T) {
	bin := envoybin.Find(t)
	dirs, err := filepath.Glob("testdata/*/mesh.yaml")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			c := compile.Compile(compile.Options{}, meshtest.Read(t, file))
			made := map[string][]byte{"findings.yaml": toYAML(t, c.Findings())}
			for key, p := range c.Config().Proxies {
				made[fileName(key)] = toYAML(t, show(t, c.Config(), p))
				validate(t, bin, c, key, false)
				if p.Explicit != nil {
					validate(t, bin, c, key, true)
				}
			}
			golden.Dir(t, dir, made, []string{"mesh.yaml"}, refresh)
		})
	}
}

func fileName(key artifact.ProxyKey) string {
	return strings.NewReplacer("/", "-").Replace(string(key)) + ".yaml"
}

// shown is a proxy as a golden file has it.
type shown struct {
	UID         string                   `json:"uid"`
	Transparent []string                 `json:"transparent"`
	Explicit    []string                 `json:"explicit,omitempty"`
	Resources   map[string]shownResource `json:"resources"`
}

type shownResource struct {
	Endpoints any           `json:"endpoints,omitempty"`
	Fill      artifact.Fill `json:"fill,omitempty"`
	Needs     []string      `json:"needs,omitempty"`
	Body      any           `json:"body"`
}

func show(tb testing.TB, cfg *artifact.Config, p artifact.Proxy) shown {
	s := shown{UID: p.UID, Resources: map[string]shownResource{}}
	add := func(ids []artifact.ID) []string {
		var names []string
		for _, id := range ids {
			r, ok := cfg.Resources[id]
			if !ok {
				tb.Errorf("%s is in a set, yet not in the configuration", id)
			}
			names = append(names, id.String())
			res := shownResource{Fill: r.Fill, Needs: r.Needs, Body: body(tb, r)}
			if r.Endpoints != nil {
				res.Endpoints = r.Endpoints
			}
			s.Resources[id.String()] = res
		}
		return names
	}
	s.Transparent, s.Explicit = add(p.Transparent), add(p.Explicit)
	return s
}

// read reads a resource's body back.
func read(r artifact.Resource) (proto.Message, error) {
	m := map[artifact.Type]proto.Message{
		artifact.Cluster: &clusterv3.Cluster{}, artifact.Listener: &listenerv3.Listener{}, artifact.Route: &routev3.RouteConfiguration{},
	}[r.Type]
	return m, proto.Unmarshal(r.Body, m)
}

func body(tb testing.TB, r artifact.Resource) any {
	m, err := read(r)
	if err != nil {
		tb.Fatalf("%s: %v", r.ID, err)
	}
	text, err := envoy.YAML(m)
	if err != nil {
		tb.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func toYAML(tb testing.TB, v any) []byte {
	out, err := yaml.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// validate asks the real Envoy about a proxy.
func validate(t *testing.T, bin string, c *compile.Compiled, key artifact.ProxyKey, explicit bool) {
	t.Helper()
	text, err := c.Static(key, compile.StaticOptions{Explicit: explicit})
	if err != nil {
		t.Error(err)
		return
	}
	if err := accepted(t, bin, text); err != nil {
		t.Errorf("%s (explicit: %v): %v", key, explicit, err)
	}
}

// accepted asks the real Envoy about a bootstrap.
func accepted(tb testing.TB, bin string, text []byte) error {
	file := filepath.Join(tb.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	out, err := exec.Command(bin, "--mode", "validate", "-l", "warning", "-c", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("Envoy refuses it: %w\n%s", err, out)
	}
	return nil
}
