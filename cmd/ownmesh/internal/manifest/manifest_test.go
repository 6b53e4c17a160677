package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ownmesh/ownmesh/core/resource"
)

func read(t *testing.T, text string) ([]Document, error) {
	t.Helper()
	c, err := Read([]string{"-"}, strings.NewReader(text), Options{})
	return c.Documents, err
}

func TestReadForms(t *testing.T) {
	node := func(number, line int) Document {
		d := Document{File: "standard input", Number: number, Line: line, Spec: []byte("{}")}
		d.Mesh, d.Key = "shop", resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}
		return d
	}
	for name, tc := range map[string]struct {
		text         string
		number, line int
	}{
		"yaml":                  {"# about\n---\n# only comments\n---\nkind: VirtualNode\nmeshName: shop\nvirtualNodeName: cart\nspec: {}\n", 1, 5},
		"yaml list":             {"- kind: virtual-node\n  meshName: shop\n  virtualNodeName: cart\n  spec: {}\n", 1, 1},
		"yaml flow":             {"{kind: VirtualNode, meshName: shop,\n virtualNodeName: cart, spec: {}}", 1, 1},
		"json":                  {"\n{\"kind\":\"virtualnodes\",\"meshName\":\"shop\",\"virtualNodeName\":\"cart\",\"spec\":{}}", 1, 2},
		"json with tabs":        {"{\n\t\"kind\": \"VirtualNode\",\n\t\"meshName\": \"shop\",\n\t\"virtualNodeName\": \"ca\\u0072t\",\n\t\"spec\": {}\n}", 1, 1},
		"json list":             {"\n[\n\n{\"kind\":\"VirtualNode\",\"meshName\":\"shop\",\"virtualNodeName\":\"cart\",\"spec\":{}}]", 1, 4},
		"skeleton of aws":       {`{"kind":"VirtualNode","clientToken":"x","meshName":"shop","meshOwner":null,"virtualNodeName":"cart","spec":{"backends":null}}`, 1, 1},
		"byte order mark":       {"\ufeffkind: VirtualNode\nmeshName: shop\nvirtualNodeName: cart\nspec: {}\n", 1, 1},
		"yaml with CRLF":        {"kind: VirtualNode\r\nmeshName: shop\r\nvirtualNodeName: cart\r\nspec: {}\r\n", 1, 1},
		"spec with only a null": {"kind: VirtualNode\nmeshName: shop\nvirtualNodeName: cart\nspec: {logging: null}\n", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := read(t, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Document{node(tc.number, tc.line)}, docs); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSeveralDocuments(t *testing.T) {
	docs, err := read(t, "{\"kind\":\"Mesh\",\"meshName\":\"a\"}\n[{\"kind\":\"Mesh\",\"meshName\":\"b\"},\n{\"kind\":\"Mesh\",\"meshName\":\"c\"}]\n{\"kind\":\"Mesh\",\"meshName\":\"d\"}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		got = append(got, d.Where()+" "+d.Name)
	}
	want := []string{
		"standard input: document 1 (line 1) a", "standard input: document 2 (line 2) b",
		"standard input: document 3 (line 3) c", "standard input: document 4 (line 4) d",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Plain words mean what YAML 1.2 says, numbers keep their spelling, aliases and merges work.
func TestValues(t *testing.T) {
	const head = "kind: Route\nmeshName: m\nvirtualRouterName: r\nrouteName: x\nspec:\n  httpRoute:\n    action: {weightedTargets: [{virtualNode: a, weight: 0x10}]}\n"
	docs, err := read(t, head+`    match:
      prefix: /
      headers:
        - &canary {name: x-canary, match: {exact: yes}}
        - {<<: *canary, name: x-date, match: {exact: 2024-01-02}}
        - {name: x-on, match: {exact: off}, invert: true}
  priority: 7
`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"httpRoute":{"action":{"weightedTargets":[{"virtualNode":"a","weight":16}]},"match":{"prefix":"/","headers":[` +
		`{"name":"x-canary","match":{"exact":"yes"}},{"name":"x-date","match":{"exact":"2024-01-02"}},` +
		`{"name":"x-on","match":{"exact":"off"},"invert":true}]}},"priority":7}`
	if resource.SpecHash([]byte(want)) != resource.SpecHash(docs[0].Spec) {
		t.Errorf("got  %s\nwant %s", docs[0].Spec, want)
	}
}

func TestTags(t *testing.T) {
	docs, err := read(t, "kind: Mesh\nmeshName: a\ntags: [{key: team, value: x}]\n---\nkind: Mesh\nmeshName: b\ntags: []\n---\nkind: Mesh\nmeshName: c\n")
	if err != nil {
		t.Fatal(err)
	}
	if docs[0].Tags["team"] != "x" || !docs[0].HasTags || !docs[1].HasTags || docs[2].HasTags {
		t.Errorf("got %+v", docs)
	}
}

func TestReadRefuses(t *testing.T) {
	deep := "kind: Mesh\nmeshName: m\nspec: " + strings.Repeat("[", 200) + strings.Repeat("]", 200)
	bomb := "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
	for i := 'b'; i < 'j'; i++ {
		prev := string(i - 1)
		bomb += string(i) + ": &" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*"+prev+",", 10), ",") + "]\n"
	}
	merges := "a: &a {x: 1}\n"
	for i := 'b'; i < 'z'; i++ {
		prev := string(i - 1)
		merges += string(i) + ": &" + string(i) + " {<<: [*" + prev + ", *" + prev + ", *" + prev + "]}\n"
	}
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":          {"# no document\n", []string{"standard input holds no document"}},
		"no kind":          {"kind: Mesh\nmeshName: m\n---\nmeshName: x\n", []string{"standard input: document 2 (line 4): kind is missing: it must be one of Mesh,"}},
		"unknown kind":     {"kind: Node\n", []string{`document 1 (line 1): unknown kind "Node": it must be one of`}},
		"kind as a number": {"kind: 3\n", []string{"kind must be a string, got 3"}},
		"no spec":          {"kind: VirtualNode\nmeshName: m\nvirtualNodeName: a\n", []string{"virtualNode/a: spec is required"}},
		"a string":         {"just text\n", []string{`a document must be an object with a kind, got "just text"`}},
		"names missing": {"kind: Route\nspec: {}\n", []string{
			"meshName is missing", "routeName is missing", "virtualRouterName is missing",
		}},
		"unknown members": {"kind: Mesh\nmeshName: m\nspek: {}\nmeshOwner: x\n", []string{
			"unknown member meshOwner: a Mesh has meshName, spec, tags, clientToken", "unknown member spek",
		}},
		"shape": {"kind: VirtualNode\nmeshName: m\nvirtualNodeName: a\nspec: {listeners: [{portMapping: {port: 0, protocol: udp}}]}\n", []string{
			"virtualNode/a: spec.listeners[0].portMapping.port must be between 1 and 65535, got 0",
			"virtualNode/a: spec.listeners[0].portMapping.protocol",
		}},
		"twice":       {"kind: Mesh\nmeshName: m\n---\nkind: Mesh\nmeshName: m\n", []string{"document 2 (line 4): mesh/m of mesh m is already in standard input: document 1 (line 1)"}},
		"broken yaml": {"kind: Mesh\n  meshName: m\n", []string{"standard input: document 1 (line 2): mapping values are not allowed in this context: is it indented like its neighbours?"}},
		"wrong indentation": {"kind: Mesh\nmeshName: m\n---\nkind: VirtualNode\nspec:\n  listeners:\n  - portMapping:\n      port: 8080\n     protocol: http\n", []string{
			"standard input: document 2 (line 9): did not find expected key: is it indented like its neighbours?",
		}},
		"a tab":         {"kind: Mesh\nspec:\n\tegressFilter: {}\n", []string{"document 1 (line 3): found character that cannot start any token: YAML is indented by spaces, not by tabs"}},
		"an open quote": {"kind: Mesh\nmeshName: \"m\nspec: {}\n", []string{"document 1 (line 2): found unexpected end of stream: is a quotation mark missing?"}},
		"an open brace": {"kind: Mesh\nspec: {egressFilter: {}\n---\nkind: Mesh\n", []string{"document 1 (line 2): did not find expected ',' or '}'"}},
		"Kubernetes": {"apiVersion: appmesh.k8s.aws/v1beta2\nkind: VirtualNode\nmetadata: {name: a}\nspec: {}\n", []string{
			`document 1 (line 1): this is an object of Kubernetes (apiVersion "appmesh.k8s.aws/v1beta2"), which is not read`,
		}},
		"unknown anchor":   {"kind: *k\n", []string{"standard input: document 1: unknown anchor 'k' referenced"}},
		"half a JSON":      {"{\"kind\": \"Mesh\",\n\"meshName\": \"m\"\n", []string{"document 1 (line 2): the file ends before a JSON value does"}},
		"broken json":      {"{\"kind\": \"Mesh\",\n\"meshName\" \"m\"}", []string{"standard input: document 1 (line 2): invalid character"}},
		"member twice":     {"kind: Mesh\nmeshName: m\nmeshName: n\n", []string{"line 3: member meshName is there twice"}},
		"not a number":     {"kind: Mesh\nmeshName: m\nspec: {x: .nan}\n", []string{"is no number that JSON knows"}},
		"binary":           {"kind: Mesh\nmeshName: m\nspec: {x: !!binary aGk=}\n", []string{"values of type !!binary have no place here"}},
		"nested deeply":    {deep, []string{"nested deeper than 100"}},
		"merges of merges": {merges, []string{"aliases of aliases"}},
		"a bomb":           {bomb, []string{"aliases of aliases"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, tc.text)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
		})
	}
}

// A name of the wrong type is there, and so is not said to be missing as well.
func TestNameOfWrongType(t *testing.T) {
	_, err := read(t, "kind: Mesh\nmeshName: 3\n")
	if want := "standard input: document 1 (line 1): meshName must be a string, got 3"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestProblemsAreCounted(t *testing.T) {
	_, err := read(t, strings.Repeat("---\nkind: Nothing\n", maxProblems+10))
	if err == nil || !strings.HasSuffix(err.Error(), "\nand 10 more") {
		t.Errorf("got %v", err)
	}
}

func TestFilesAndFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.yaml", "kind: Mesh\nmeshName: b\n")
	write("a.json", `{"kind":"Mesh","meshName":"a"}`)
	write("notes.txt", "not read")
	write(".hidden.yaml", "not read")
	content, err := Read([]string{dir}, nil, Options{})
	docs := content.Documents
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 2 || docs[0].Name != "a" || docs[1].Name != "b" || docs[1].File != filepath.Join(dir, "b.yaml") {
		t.Errorf("got %+v", docs)
	}
	empty := t.TempDir()
	_, err = Read([]string{empty, filepath.Join(dir, "none.yaml")}, nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "holds no *.yaml") || !strings.Contains(err.Error(), "none.yaml: no such file") {
		t.Errorf("got %v", err)
	}
}

func TestDefaultMesh(t *testing.T) {
	content, err := Read([]string{"-"}, strings.NewReader("kind: VirtualNode\nvirtualNodeName: a\nspec: {}\n"), Options{Mesh: "shop"})
	if docs := content.Documents; err != nil || docs[0].Mesh != "shop" {
		t.Errorf("got %+v, %v", content, err)
	}
}

func TestSort(t *testing.T) {
	docs, err := read(t, `
kind: Interception
meshName: m
interceptionName: one
spec: {mode: explicit, virtualNode: a}
---
{kind: GatewayRoute, meshName: m, virtualGatewayName: g, gatewayRouteName: r, spec: {httpRoute: {match: {prefix: /}, action: {target: {virtualService: {virtualServiceName: s}}}}}}
---
{kind: VirtualNode, meshName: m, virtualNodeName: b, spec: {}}
---
{kind: VirtualNode, meshName: m, virtualNodeName: a, spec: {}}
---
{kind: Interception, meshName: m, interceptionName: all, spec: {mode: explicit}}
---
{kind: Mesh, meshName: m}
`)
	if err != nil {
		t.Fatal(err)
	}
	Sort(docs)
	var got []string
	for _, d := range docs {
		got = append(got, d.Key.String())
	}
	want := []string{"mesh/m", "interception/all", "virtualNode/b", "virtualNode/a", "virtualGateway/g/gatewayRoute/r", "interception/one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// No bytes make the reader panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte("kind: Mesh\nmeshName: m\n---\n- {<<: *a}\n"))
	f.Add([]byte(`[{"kind":"Mesh"}, 3]`))
	f.Add([]byte("&a [*a]"))
	f.Add([]byte("a: &x {<<: *x}"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = Read([]string{"-"}, strings.NewReader(string(data)), Options{Mesh: "m"})
	})
}
