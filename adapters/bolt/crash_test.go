package bolt_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// crashFile names the store in the environment of a child, which is this test binary, writing until it is killed.
const crashFile = "OWNMESH_TEST_CRASH_FILE"

// Of the load: meshes with several writers each, which conflict now and then, and few keys, so that most writes
// are updates and deletions.
const (
	crashMeshes  = 3
	crashWriters = 3
	crashKeys    = 12
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Println("failed", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestKill kills a writing process again and again. Every write that it acknowledged is there, and none by halves.
func TestKill(t *testing.T) {
	const rounds = 40
	path := filepath.Join(t.TempDir(), "meshes.db")
	acknowledged := 0
	for round := range rounds {
		acks := runAndKill(t, path, 1+rand.IntN(30), time.Duration(rand.Int64N(int64(10*time.Millisecond))))
		acknowledged += len(acks)
		s, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		checkAcks(t, s, acks)
		for m := range crashMeshes {
			checkWhole(t, s, fmt.Sprint("u", m))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after round %d", round)
		}
	}
	if acknowledged < rounds*5 {
		t.Errorf("only %d writes in %d rounds: that is no load", acknowledged, rounds)
	}
	t.Logf("%d acknowledged writes in %d rounds", acknowledged, rounds)
}

// ack is a write as the child printed it when it was acknowledged.
type ack struct {
	UID        string `json:"uid"`
	Generation int64  `json:"generation"`
	RequestID  string `json:"requestId"`
}

// runAndKill lets a child write and kills it some time after so many acknowledged writes: time alone is no load where
// disks are slow.
func runAndKill(t *testing.T, path string, writes int, after time.Duration) (acks []ack) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		var a ack
		if err != nil || json.Unmarshal(line, &a) != nil {
			t.Errorf("child says %q, %v", line, err)
			break
		}
		if acks = append(acks, a); len(acks) == writes {
			time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	return acks
}

// writeUntilKilled is the child. It returns only if something goes wrong.
func writeUntilKilled(path string) error {
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error)
	for m := range crashMeshes {
		uid := fmt.Sprint("u", m)
		mesh := store.Mesh{Record: store.Record{Resource: resource.Resource{Key: resource.Key{Kind: resource.KindMesh, Name: uid}, UID: uid, Spec: []byte(`{}`)}}}
		if err := s.CreateMesh(ctx, mesh, nil, "create", "child"); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		for range crashWriters {
			go func() {
				for {
					if err := writeOnce(ctx, s, uid); err != nil {
						failed <- err
						return
					}
				}
			}()
		}
	}
	return <-failed
}

// writeOnce commits a random change. What it puts says in its spec which reference rows and tags go with it.
func writeOnce(ctx context.Context, s store.Store, uid string) error {
	m, err := s.MeshByUID(ctx, uid)
	if err != nil {
		return err
	}
	key := resource.Key{Kind: resource.KindRoute, Parent: "r", Name: fmt.Sprint(rand.IntN(crashKeys))}
	old, err := s.Get(ctx, uid, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	c := store.Commit{MeshUID: uid, IfGeneration: m.Generation, RequestID: fmt.Sprintf("%x", rand.Uint64()), Caller: "child", At: time.Now()}
	if targets := targetsOf(old.Resource); len(targets) > 0 && rand.IntN(4) == 0 {
		c.Delete, c.RemoveRefs = &key, refs(key, targets, nil)
	} else {
		now := []string{fmt.Sprint(rand.IntN(5)), fmt.Sprint(5 + rand.IntN(5)), c.RequestID}
		spec, err := json.Marshal(now)
		if err != nil {
			return err
		}
		c.Put = &store.Record{Resource: resource.Resource{Key: key, UID: c.RequestID, Version: m.Generation + 1, Spec: spec}}
		c.Tags = map[string]string{"version": fmt.Sprint(m.Generation + 1)}
		c.AddRefs, c.RemoveRefs = refs(key, now, targets), refs(key, targets, now)
	}
	err = s.Commit(ctx, c)
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(ack{UID: uid, Generation: m.Generation + 1, RequestID: c.RequestID})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(line, '\n')) // in one piece, being shorter than PIPE_BUF
	return err
}

// targetsOf is what a spec of writeOnce names.
func targetsOf(r resource.Resource) (targets []string) {
	if r.Spec != nil && json.Unmarshal(r.Spec, &targets) != nil {
		return []string{"damaged"}
	}
	return targets
}

// refs is the reference rows of a route to targets that are not among but.
func refs(route resource.Key, targets, but []string) (refs []store.Ref) {
	for _, target := range targets {
		if !slices.Contains(but, target) {
			refs = append(refs, store.Ref{Target: resource.Key{Kind: resource.KindVirtualNode, Name: target}, Referrer: route})
		}
	}
	return refs
}

// checkAcks finds each acknowledged write in the journal.
func checkAcks(t *testing.T, s store.Store, acks []ack) {
	t.Helper()
	for _, a := range acks {
		entries, err := s.Journal(t.Context(), a.UID, a.Generation-1, 1)
		if err != nil || len(entries) != 1 || entries[0].Generation != a.Generation || entries[0].RequestID != a.RequestID {
			t.Errorf("acknowledged %+v, the journal says %+v, %v", a, entries, err)
		}
	}
}

// checkWhole compares resources, reference rows and tags of a mesh with what its journal says they must be.
func checkWhole(t *testing.T, s store.Store, uid string) {
	t.Helper()
	m, err := s.MeshByUID(t.Context(), uid)
	if errors.Is(err, store.ErrNotFound) {
		return // killed before it was made
	}
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Journal(t.Context(), uid, 0, 1_000_000)
	if err != nil || int64(len(entries)) != m.Generation {
		t.Fatalf("mesh %s at generation %d has %d journal entries, %v", uid, m.Generation, len(entries), err)
	}
	want := map[resource.Key]resource.Resource{}
	wantRefs, everNamed := map[store.Ref]bool{}, map[resource.Key]bool{}
	for i, e := range entries {
		if e.Generation != int64(i)+1 {
			t.Fatalf("mesh %s: entry %d has generation %d", uid, i, e.Generation)
		}
		if delete(want, e.Key); e.Resource != nil && e.Key.Kind != resource.KindMesh {
			want[e.Key] = *e.Resource
			for _, ref := range refs(e.Key, targetsOf(*e.Resource), nil) {
				everNamed[ref.Target] = true
			}
		}
	}
	for key, r := range want {
		for _, ref := range refs(key, targetsOf(r), nil) {
			wantRefs[ref] = true
		}
		tags, err := s.Tags(t.Context(), uid, key)
		if err != nil || tags["version"] != fmt.Sprint(r.Version) {
			t.Errorf("mesh %s: %s is at version %d, its tags are %v, %v", uid, key, r.Version, tags, err)
		}
	}
	page, next, err := s.Page(t.Context(), uid, "", 1000)
	if err != nil || next != "" {
		t.Fatalf("page: next %q, %v", next, err)
	}
	got := map[resource.Key]resource.Resource{}
	for _, r := range page {
		got[r.Key] = r
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("mesh %s: resources (-journal +stored):\n%s", uid, d)
	}
	gotRefs := map[store.Ref]bool{}
	for target := range everNamed {
		keys, err := s.Referrers(t.Context(), uid, target, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			gotRefs[store.Ref{Target: target, Referrer: k}] = true
		}
	}
	if d := cmp.Diff(wantRefs, gotRefs); d != "" {
		t.Errorf("mesh %s: reference rows (-journal +stored):\n%s", uid, strings.TrimSpace(d))
	}
}
