package compile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/resource"
)

// childVariable makes the test binary print digests instead of testing: a process of its own has other seeds.
const childVariable = "OWNMESH_TEST_DIGESTS"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		fmt.Print(digests())
		return
	}
	os.Exit(m.Run())
}

// digests are what a few meshes compile to: bodies, sets, findings.
func digests() string {
	out := ""
	for seed := range 5 {
		sum := sha256.New()
		c := compile.Compile(compile.Options{Interception: resource.Explicit}, randomMesh.Example(seed))
		change := artifact.Diff(nil, c.Config())
		for _, r := range change.Resources {
			fmt.Fprintf(sum, "%v %s %x %v\n", r.ID, r.Hash, r.Body, r.Needs)
		}
		for _, key := range sortedKeys(change.Proxies) {
			fmt.Fprintln(sum, key, change.Proxies[key])
		}
		fmt.Fprintln(sum, c.Findings())
		out += hex.EncodeToString(sum.Sum(nil)) + "\n"
	}
	return out
}

func sortedKeys[V any](m map[artifact.ProxyKey]V) []artifact.ProxyKey {
	var keys []artifact.ProxyKey
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestSameStateSameBytes compiles the same meshes many times, in this process (maps are walked in another order each
// time) and in fresh ones (hashes have other seeds).
func TestSameStateSameBytes(t *testing.T) {
	want := digests()
	for range 20 {
		if got := digests(); got != want {
			t.Fatalf("another compilation made\n%s\nwant\n%s", got, want)
		}
	}
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVariable+"=1")
		got, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Fatalf("another process made\n%s\nwant\n%s", got, want)
		}
	}
}
