package compile_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/envoy"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/internal/certtest"
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
			state := meshtest.Read(t, file)
			state.Certificates = certificates(t, dir)
			c := compile.Compile(compile.Options{}, state)
			made := map[string][]byte{"findings.yaml": toYAML(t, c.Findings())}
			for key, p := range c.Config().Proxies {
				made[fileName(key)] = toYAML(t, show(t, c.Config(), p))
				validate(t, bin, c, key, false)
				if p.Explicit != nil {
					validate(t, bin, c, key, true)
				}
			}
			golden.Dir(t, dir, made, []string{"mesh.yaml", "certificates.yaml"}, refresh)
		})
	}
}

// certificates reads what a scenario knows of certificates by ARN.
func certificates(t *testing.T, dir string) map[string]graph.Material {
	text, err := os.ReadFile(filepath.Join(dir, "certificates.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var known map[string]graph.Material
	if err == nil {
		err = yaml.Unmarshal(text, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	return known
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
	Overlap   bool          `json:"overlap,omitempty"`
	// Permissive is the log's word for the relay, as Overlap is.
	Permissive bool `json:"permissive,omitempty"`
	Body       any  `json:"body"`
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
			res := shownResource{Fill: r.Fill, Needs: r.Needs, Overlap: r.Overlap, Permissive: r.Permissive, Body: body(tb, r)}
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
		artifact.Secret: &tlsv3.Secret{},
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

// writeCertificates makes the files that specs of these tests name, for Envoy opens them.
func writeCertificates(tb testing.TB, dir string) {
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o700); err != nil {
		tb.Fatal(err)
	}
	ca := authority(tb)
	for _, name := range []string{"cart", "web", "other"} {
		ca.Issue(tb, name+".shop.local").Write(tb, filepath.Join(dir, "certs"), name)
	}
	certtest.Write(tb, filepath.Join(dir, "certs", "ca.pem"), ca.PEM)
}

var theAuthority struct {
	sync.Once
	*certtest.Authority
}

func authority(tb testing.TB) *certtest.Authority {
	theAuthority.Do(func() { theAuthority.Authority = certtest.New(tb, "shop") })
	return theAuthority.Authority
}

// accepted asks the real Envoy about a bootstrap.
func accepted(tb testing.TB, bin string, text []byte) error {
	cmd := exec.Command(bin, "--mode", "validate", "-l", "warning", "-c", "envoy.yaml")
	cmd.Dir = tb.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "envoy.yaml"), text, 0o600); err != nil {
		tb.Fatal(err)
	}
	writeCertificates(tb, cmd.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("Envoy refuses it: %w\n%s", err, out)
	}
	return nil
}
