package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

func openStore(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mesh(name, uid string) store.Mesh {
	key := resource.Key{Kind: resource.KindMesh, Name: name}
	return store.Mesh{Record: store.Record{Resource: resource.Resource{Key: key, UID: uid, Spec: []byte(`{}`)}}}
}

// wantError checks that an error names the file and says what is the matter.
func wantError(t *testing.T, err error, path string, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range append(parts, path) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func TestOpenNew(t *testing.T) {
	dir := t.TempDir()
	openStore(t, filepath.Join(dir, "meshes.db"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder holds %v, %v, want the file alone", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	_, err = Open(filepath.Join(dir, "none", "meshes.db"), Options{})
	wantError(t, err, filepath.Join(dir, "none", "meshes.db"), "create")
}

func TestOpenSecondTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meshes.db")
	first := openStore(t, path)
	start := time.Now()
	_, err := Open(path, Options{LockTimeout: 100 * time.Millisecond})
	wantError(t, err, path, "another process")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	if err := first.CreateMesh(t.Context(), mesh("shop", "u"), nil, "r", "me"); err != nil {
		t.Errorf("the first one was disturbed: %v", err)
	}
}

func TestOpenWaitsForRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meshes.db")
	first, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan error)
	go func() {
		second, err := Open(path, Options{LockTimeout: 10 * time.Second})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, content := range map[string][]byte{
		"text": []byte("this is not a database, but a letter"), "zeros": make([]byte, 1<<16), "noise": bytes.Repeat([]byte("x\x00\xff7"), 1<<14),
	} {
		path := write(name, content)
		_, err := Open(path, Options{})
		wantError(t, err, path, "not a file of ours")
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, content) {
			t.Errorf("%s was changed (error %v)", name, err)
		}
	}

	other := filepath.Join(dir, "other.db")
	db, err := bbolt.Open(other, 0o600, nil)
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	_, err = Open(other, Options{})
	wantError(t, err, other, "not one of Ownmesh's")
}

func TestOpenFormats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for _, test := range []struct {
		file format
		want string // of the error, "" for none
	}{
		{format{"meshes", 1}, ""},
		{format{"meshes", 2}, "newer Ownmesh"},
		{format{"instances", 1}, `holds "instances"`},
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path, test.file, time.Second, bucketNames, bucketMeshes)
		if err != nil || f.close() != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if test.want != "" {
			wantError(t, err, path, test.want)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenRace: several who make the same file at the same time end up with one.
func TestOpenRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meshes.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := Open(path, Options{LockTimeout: 30 * time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			name := string(rune('a' + i))
			if err := s.CreateMesh(t.Context(), mesh(name, name), nil, "r", "me"); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	meshes, err := openStore(t, path).Meshes(t.Context(), "", 100)
	if err != nil || len(meshes) != 8 {
		t.Errorf("%d meshes, %v, want 8", len(meshes), err)
	}
}

// TestClose: writes under way end well or are refused, none hangs, and what was acknowledged is there afterwards.
func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meshes.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var acknowledged []string
	var wg sync.WaitGroup
	begun := make(chan struct{}, 1000)
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := strings.Repeat(string(rune('a'+w)), i+1)
				err := s.CreateMesh(context.Background(), mesh(name, name), nil, "r", "me")
				if err != nil {
					if !errors.Is(err, errClosed) {
						t.Errorf("got %v, want %v", err, errClosed)
					}
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, name)
				mu.Unlock()
				begun <- struct{}{}
			}
		})
	}
	for range 50 {
		<-begun
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	go func() { wg.Wait(); close(begun) }()
	for range begun { // until all have ended
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := s.MeshByUID(t.Context(), "a"); err == nil {
		t.Error("a closed store was read")
	}

	s = openStore(t, path)
	meshes, err := s.Meshes(t.Context(), "", 10_000)
	if err != nil || len(meshes) != len(acknowledged) {
		t.Fatalf("%d meshes, %v, want %d", len(meshes), err, len(acknowledged))
	}
	for _, m := range meshes {
		if !slices.Contains(acknowledged, m.Name) {
			t.Errorf("mesh %s was never acknowledged", m.Name)
		}
	}
}

// TestDamagedRow: a row that can't be read is an error that names it, not a panic and not a missing resource.
func TestDamagedRow(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "meshes.db"))
	if err := s.CreateMesh(t.Context(), mesh("shop", "u"), nil, "r", "me"); err != nil {
		t.Fatal(err)
	}
	key := resource.Key{Kind: resource.KindVirtualNode, Name: "a"}
	err := s.file.update(t.Context(), func(*bbolt.Tx) ([]item, error) {
		return []item{{bucketMeshes, recordKey("u", key), []byte(`{"kind":`)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Get(t.Context(), "u", key)
	wantError(t, err, "virtualNode", "damaged")
	if errors.Is(err, store.ErrNotFound) {
		t.Error("it counts as missing")
	}
	if _, _, err := s.Page(t.Context(), "u", "", 10); err == nil {
		t.Error("a page was read over it")
	}
}

// TestTuples: keys sort as their parts do, come back as they were, and no tuple is a prefix of another's part.
func TestTuples(t *testing.T) {
	part := rapid.StringOf(rapid.RuneFrom([]rune{0, 1, 'a', 'b', '/', '#', 0xFF, 0x10FFFF}))
	parts := rapid.SliceOfN(part, 3, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		if got, want := bytes.Compare(tuple(a...), tuple(b...)), slices.Compare(a, b); got != want {
			t.Fatalf("keys compare %d, parts %d", got, want)
		}
		if back, err := untuple(tuple(a...)); err != nil || !slices.Equal(back, a) {
			t.Fatalf("got %q back, %v", back, err)
		}
		n := rapid.IntRange(0, 2).Draw(t, "n")
		if got, want := bytes.HasPrefix(tuple(b...), tuple(a[:n]...)), slices.Equal(a[:n], b[:n]); got != want {
			t.Fatalf("prefix of %d: %v, want %v", n, got, want)
		}
	})
}

func FuzzUntuple(f *testing.F) {
	f.Add(tuple("a", "", "b\x00"))
	f.Add([]byte("a\x00"))
	f.Fuzz(func(t *testing.T, key []byte) {
		if parts, err := untuple(key); err == nil && !bytes.Equal(tuple(parts...), key) {
			t.Errorf("%q is not the key of %q", key, parts)
		}
	})
}
