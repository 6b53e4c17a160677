package folder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ownmesh/ownmesh/sidecar/folder"
)

// What lies in the folder is a secret: nobody else may look into it, nor read a file that was replaced.
func TestNobodyElseReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := folder.Make(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 { // made, and replaced
		if err := folder.Write(dir, "token", []byte("secret")); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "token"): 0o600} {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %v", path, info.Mode().Perm(), err, want)
			}
		}
	}
}

// A write that fails leaves the old content, and nothing beside it.
func TestAWriteThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "token", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := folder.Write(dir, "token", []byte("secret")); err == nil {
		t.Error("it replaced a folder")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
