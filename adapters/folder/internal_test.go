package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/artifact"
)

func openDir(t *testing.T, dir string) *Objects {
	t.Helper()
	o, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func temps(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, tempDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestLeftovers: what a crash left in ~temp is never listed or read, and is cleared away once it is old; what
// another process may be writing right now is not.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	openDir(t, dir)
	for name, age := range map[string]time.Duration{"old": staleAge + time.Minute, "new": time.Minute} {
		path := filepath.Join(dir, tempDir, name)
		if err := os.WriteFile(path, []byte("half an obj"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	o := openDir(t, dir)
	if got := temps(t, dir); !slices.Equal(got, []string{"new"}) {
		t.Errorf("temp files are %v, want only the new one", got)
	}
	if keys, err := o.List(t.Context(), "", "", 10); err != nil || len(keys) != 0 {
		t.Errorf("list: %v, %v, want nothing", keys, err)
	}
}

// TestNoTempsLeft: neither success nor refusal leaves a temp file, nor a folder without objects.
func TestNoTempsLeft(t *testing.T) {
	dir := t.TempDir()
	o := openDir(t, dir)
	tag, err := o.Create(t.Context(), "meshes/u/a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Create(t.Context(), "meshes/u/a", []byte("2")); !errors.Is(err, artifact.ErrExists) {
		t.Fatal(err)
	}
	if _, err := o.Create(t.Context(), "meshes/u/a/b", []byte("2")); err == nil {
		t.Fatal("an object is the folder of another one")
	}
	if _, err := o.Create(t.Context(), "meshes/u", []byte("2")); err == nil || errors.Is(err, artifact.ErrExists) {
		t.Fatalf("create of a folder's name: %v, want an error of its own", err)
	}
	if _, err := o.Replace(t.Context(), "meshes/u/a", []byte("2"), "other"); !errors.Is(err, artifact.ErrChanged) {
		t.Fatal(err)
	}
	if _, err := o.Replace(t.Context(), "meshes/u/a", []byte("2"), tag); err != nil {
		t.Fatal(err)
	}
	if got := temps(t, dir); len(got) != 0 {
		t.Errorf("temp files left: %v", got)
	}
	if err := o.Delete(t.Context(), "meshes/u/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "meshes")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder stays: %v", err)
	}
}

// TestRefusal: a file that can't be read is not "nothing new". A symbolic link to itself stands for whatever the
// system refuses, since permissions don't bind root.
func TestRefusal(t *testing.T) {
	dir := t.TempDir()
	o := openDir(t, dir)
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.Get(t.Context(), "loop"); err == nil || errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("get: %v, want an error of its own", err)
	}
	if _, err := o.Replace(t.Context(), "loop", nil, ""); err == nil || errors.Is(err, artifact.ErrChanged) {
		t.Errorf("replace: %v, want an error of its own", err)
	}
}

// TestNoEscape: not even a symbolic link leads out of the folder.
func TestNoEscape(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := openDir(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if data, _, err := o.Get(t.Context(), "out/secret"); err == nil {
		t.Errorf("got %q from outside", data)
	}
	if _, err := o.Create(t.Context(), "out/new", []byte("x")); err == nil {
		t.Error("created outside")
	}
	if err := o.Delete(t.Context(), "out/secret"); err == nil {
		t.Error("deleted outside")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside there is %v, %v, want the secret alone", entries, err)
	}
}

// TestForeignFiles: what somebody else put into the folder is not listed.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	o := openDir(t, dir)
	for _, name := range []string{"~x", "a b", "=", "=1", "x=", "Upper", "==a", ".a=A"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Create(t.Context(), "Key", nil); err != nil {
		t.Fatal(err)
	}
	if keys, err := o.List(t.Context(), "", "", 10); err != nil || !slices.Equal(keys, []string{"Key"}) {
		t.Errorf("list: %v, %v, want the key alone", keys, err)
	}
}

// TestSegments: file names come back as the segments they were made from, and differ even where case is ignored.
func TestSegments(t *testing.T) {
	segment := rapid.StringMatching(`[A-Za-z0-9_.-]{0,11}[A-Za-z0-9_-]`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := segment.Draw(t, "a"), segment.Draw(t, "b")
		nameA, nameB := encodeSegment(a), encodeSegment(b)
		if back, ok := decodeSegment(nameA); !ok || back != a {
			t.Fatalf("%q comes back as %q, %v", a, back, ok)
		}
		if strings.EqualFold(nameA, nameB) != (a == b) {
			t.Fatalf("%q and %q are the files %q and %q", a, b, nameA, nameB)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("open of a file: %v, want an error that names it", err)
	}
}

// TestEmptied: who empties the folder loses what lay there, but not the ability to write it again.
func TestEmptied(t *testing.T) {
	dir := t.TempDir()
	o := openDir(t, dir)
	tag, err := o.Create(t.Context(), "a/b", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Replace(t.Context(), "a/b", []byte("2"), tag); !errors.Is(err, artifact.ErrChanged) {
		t.Errorf("replacing what is gone: %v, want %v", err, artifact.ErrChanged)
	}
	if _, err := o.Create(t.Context(), "a/b", []byte("3")); err != nil {
		t.Errorf("creating it again: %v", err)
	}
	if data, _, err := o.Get(t.Context(), "a/b"); string(data) != "3" {
		t.Errorf("then it is %q, %v", data, err)
	}
}
