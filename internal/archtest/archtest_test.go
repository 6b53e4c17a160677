package archtest_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ownmesh/ownmesh/internal/archtest"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

const module = "github.com/ownmesh/ownmesh"

func TestThisRepository(t *testing.T) {
	tree, err := archtest.Load(os.DirFS(envoybin.Root()), module)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Packages) < 10 {
		t.Fatalf("found only %d packages: looked in the wrong place", len(tree.Packages))
	}
	for _, broken := range [][]string{
		tree.Imports(tree.Rules()),
		tree.Calls(archtest.Pure, archtest.Impure, "but this package is pure: what is not in its input comes in through its edges"),
		tree.Docs(),
		tree.Long(archtest.LineLimit, archtest.LongFiles),
	} {
		for _, line := range broken {
			t.Error(line)
		}
	}
}

// files makes a repository in memory from packages and what they import.
func files(imports map[string][]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for dir, paths := range imports {
		src := "// Package x is here for a test.\npackage x\n"
		for _, p := range paths {
			src += "import _ \"" + p + "\"\n"
		}
		fsys[dir+"/x.go"] = &fstest.MapFile{Data: []byte(src)}
	}
	return fsys
}

// sound is a repository that obeys every rule, with every folder that a rule guards.
func sound() map[string][]string {
	own := func(dirs ...string) []string {
		for i := range dirs {
			dirs[i] = module + "/" + dirs[i]
		}
		return dirs
	}
	const envoy = "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	return map[string][]string{
		"events":        {"time", "net/url"},
		"core/resource": {"encoding/json"},
		"core/store":    append(own("core/resource"), "context", "time"),
		"core/graph":    own("core/resource"),
		"core/endpoint": {"time"},
		"core/artifact": own("core/endpoint", "events"),
		"core/envoy":    append(own("core/graph"), envoy),
		"core/compile":  append(own("core/graph", "core/envoy", "core/artifact"), "sort"),
		"core/api":      append(own("core/resource", "core/store", "core/graph"), "net/http"),
		"adapters/bolt": append(own("core/store", "adapters/bolt/internal/row"), "go.etcd.io/bbolt"),
		"adapters/s3":   append(own("core/artifact"), "github.com/aws/aws-sdk-go-v2/service/s3"),
		"xdsrelay/relay": append(own("core/artifact", "core/endpoint", "events"),
			envoy, "google.golang.org/grpc"),
		"sidecar/bootstrap":          append(own("events"), envoy),
		"lambdas/api":                own("core/resource"),
		"cmd/ownmesh":                own("core/api", "core/compile", "adapters/bolt", "xdsrelay/relay"),
		"infra":                      append(own("events"), "github.com/aws/aws-cdk-go/awscdk/v2"),
		"adapters/bolt/internal/row": {"encoding/binary"},
	}
}

func load(t *testing.T, fsys fstest.MapFS) *archtest.Tree {
	t.Helper()
	tree, err := archtest.Load(fsys, module)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSoundRepositoryBreaksNothing(t *testing.T) {
	tree := load(t, files(sound()))
	if got := tree.Imports(tree.Rules()); len(got) != 0 {
		t.Errorf("a sound repository breaks rules:\n%s", strings.Join(got, "\n"))
	}
}

func TestEachForbiddenImportIsCaught(t *testing.T) {
	const envoy = "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	for _, c := range []struct {
		in, imports string
		want        string // the start of the line that reports it
	}{
		{"core/store", "github.com/aws/aws-sdk-go-v2/aws", "core/store imports github.com/aws/"},
		{"core/api/middleware", "github.com/aws/smithy-go", "core/api/middleware imports github.com/aws/"},
		{"core/store", module + "/adapters/bolt", "core/store imports " + module + "/adapters/bolt"},
		{"core/artifact", module + "/lambdas/compile", "core/artifact imports " + module + "/lambdas/compile"},
		{"core/artifact", module + "/xdsrelay/relay", "core/artifact imports " + module + "/xdsrelay/relay"},
		{"core/resource", envoy, "core/resource imports " + envoy},
		{"core/graph", envoy, "core/graph imports " + envoy},
		{"core/graph", module + "/core/envoy", "core/graph imports " + module + "/core/envoy"},
		{"core/api", module + "/core/compile", "core/api -> core/compile imports "},                               // reaches Envoy's types
		{"core/store", module + "/core/envoy", "core/api -> core/store imports " + module + "/core/envoy"},        // by way of the store
		{"core/resource", module + "/core/artifact/wire", "core/resource -> core/artifact/wire imports " + envoy}, // two steps
		{"core/compile", "context", "core/compile imports context"},
		{"core/compile", "os", "core/compile imports os"},
		{"core/compile", "time", "core/compile imports time"},
		{"adapters/bolt", module + "/adapters/s3", "adapters/bolt imports " + module + "/adapters/s3"},
		{"adapters/s3/retry", module + "/adapters/bolt", "adapters/s3/retry imports " + module + "/adapters/bolt"},
		{"xdsrelay/relay", module + "/core/graph", "xdsrelay/relay imports " + module + "/core/graph"},
		{"xdsrelay/relay", module + "/core/compile", "xdsrelay/relay imports " + module + "/core/compile"},
		{"xdsrelay/relay", module + "/core/resource", "xdsrelay/relay imports " + module + "/core/resource"},
		{"core/artifact", module + "/core/resource", "xdsrelay/relay -> core/artifact imports " + module + "/core/resource"},
		{"events", "github.com/google/uuid", "events imports github.com/google/uuid"},
		{"events", module + "/core/endpoint", "events imports " + module + "/core/endpoint"},
		{"sidecar/bootstrap", module + "/core/store", "sidecar/bootstrap imports " + module + "/core/store"},
		{"sidecar/bootstrap", module + "/core/compile", "sidecar/bootstrap imports " + module + "/core/compile"},
		{"sidecar/health", module + "/core/api", "sidecar/health -> core/api imports " + module + "/core/store"},
		{"infra/stack", module + "/core/resource", "infra/stack imports " + module + "/core/resource"},
		{"lambdas/api", module + "/core/compile", "lambdas/api -> core/compile imports "},
	} {
		t.Run(c.in+" "+strings.TrimPrefix(c.imports, module), func(t *testing.T) {
			imports := sound()
			imports["core/artifact/wire"] = []string{envoy}
			imports["lambdas/compile"] = nil
			imports[c.in] = append(imports[c.in], c.imports)
			tree := load(t, files(imports))
			for _, line := range tree.Imports(tree.Rules()) {
				if strings.HasPrefix(line, c.want) {
					return
				}
			}
			t.Errorf("nothing reported it: want a line that starts with %q, got\n%s", c.want,
				strings.Join(tree.Imports(tree.Rules()), "\n"))
		})
	}
}

func TestInfraMayImportEvents(t *testing.T) {
	imports := sound()
	imports["infra"] = []string{module + "/events", module + "/infra/stack", "github.com/aws/aws-cdk-go/awscdk/v2"}
	imports["infra/stack"] = nil
	tree := load(t, files(imports))
	for _, line := range tree.Imports(tree.Rules()) {
		t.Error(line)
	}
}

func TestCompileMayReachTheClockThroughContracts(t *testing.T) {
	// core/artifact needs time.Time; compile imports artifact. Only its own imports count.
	imports := sound()
	imports["core/artifact"] = append(imports["core/artifact"], "time", "context")
	tree := load(t, files(imports))
	if got := tree.Imports(tree.Rules()); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestARuleThatGuardsNothingIsReported(t *testing.T) {
	imports := sound()
	imports["core/graphs"] = imports["core/graph"]
	delete(imports, "sidecar/bootstrap")
	tree := load(t, files(imports))
	rules := append(tree.Rules(), archtest.Rule{Of: []string{"infra"}, Not: []string{"/"}, Later: true, Why: "but it is apart"})
	got := strings.Join(tree.Imports(rules), "\n")
	for _, want := range []string{"the rule for sidecar guards nothing", "the rule for infra is marked Later"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}

func TestTestFilesAndIgnoredFoldersMayImportAnything(t *testing.T) {
	fsys := files(sound())
	bad := []byte("package x\nimport _ \"github.com/aws/aws-sdk-go-v2/aws\"\n")
	for _, p := range []string{"core/store/x_test.go", "core/testdata/x.go", "core/.cache/x.go", "core/_old/x.go"} {
		fsys[p] = &fstest.MapFile{Data: bad}
	}
	tree := load(t, fsys)
	if got := tree.Imports(tree.Rules()); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestBuildTagsHideNothing(t *testing.T) {
	fsys := files(sound())
	fsys["core/store/plan9.go"] = &fstest.MapFile{Data: []byte("//go:build plan9\n\npackage x\nimport _ \"github.com/aws/smithy-go\"\n")}
	tree := load(t, fsys)
	if got := tree.Imports(tree.Rules()); len(got) == 0 {
		t.Error("an import behind a build tag went through")
	}
}

func TestImpureCallsAreCaught(t *testing.T) {
	fsys := fstest.MapFS{
		"core/graph/clock.go": {Data: []byte("package graph\nimport clock \"time\"\nvar Now = clock.Now\nvar _ clock.Time\n")},
		"core/graph/fine.go":  {Data: []byte("package graph\ntype time struct{ Now int }\nfunc f(t time) int { return t.Now }\n")},
		"core/api/clock.go":   {Data: []byte("package api\nimport \"time\"\nvar Now = time.Now\n")},
	}
	got := load(t, fsys).Calls(archtest.Pure, archtest.Impure, "but it is pure")
	if len(got) != 1 || !strings.HasPrefix(got[0], "core/graph/clock.go uses time.Now") {
		t.Errorf("got %q, want one line for core/graph/clock.go", got)
	}
}

func TestPackagesWithoutACommentAreCaught(t *testing.T) {
	got := load(t, fstest.MapFS{
		"good/a.go":      {Data: []byte("package good\n")},
		"good/doc.go":    {Data: []byte("// Package good has a comment in one file.\npackage good\n")},
		"bad/a.go":       {Data: []byte("// A comment elsewhere.\n\npackage bad\n")},
		"bad/a_test.go":  {Data: []byte("package bad_test\n")},
		"test/x_test.go": {Data: []byte("// Package test has only tests.\npackage test\n")},
	}).Docs()
	if len(got) != 1 || !strings.HasPrefix(got[0], "package bad has no package comment") {
		t.Errorf("got %q, want one line for package bad", got)
	}
}

func TestLongFiles(t *testing.T) {
	text := func(lines int, first string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(first + "package x\n" + strings.Repeat("\n", lines-1))}
	}
	tree := load(t, fstest.MapFS{
		"x/limit.go":     text(10, ""),
		"x/long.go":      text(11, ""),
		"x/listed.go":    text(11, ""),
		"x/short.go":     text(3, ""),
		"x/long_test.go": text(50, ""),
		"x/suite.go":     {Data: []byte("package x\nimport \"testing\"\nfunc Run(*testing.T) {}\n" + strings.Repeat("\n", 50))},
		"x/generated.go": text(50, "// Code generated by a test. DO NOT EDIT.\n"),
	})
	got := tree.Long(10, map[string]string{"x/listed.go": "a table", "x/short.go": "was long once", "x/gone.go": "was here once"})
	want := []string{"x/long.go has 11 lines", "x/gone.go is listed", "x/short.go is listed"}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d is %q, want it to start with %q", i, got[i], want[i])
		}
	}
}

func TestAFileThatIsNoGoIsAnError(t *testing.T) {
	if _, err := archtest.Load(fstest.MapFS{"x/x.go": {Data: []byte("no go")}}, module); err == nil {
		t.Error("a file that does not parse was passed over")
	}
}
