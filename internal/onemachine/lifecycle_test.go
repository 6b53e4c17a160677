package onemachine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/bolt"
	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/compile"
	"github.com/ownmesh/ownmesh/core/reconcile"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
	"github.com/ownmesh/ownmesh/core/sweep"
	"github.com/ownmesh/ownmesh/events"
)

const anyPort = "127.0.0.1:0"

// running starts a machine on data, until the test ends.
func running(t *testing.T, data string) *Machine {
	t.Helper()
	m, err := Start(t.Context(), Options{Data: data, API: anyPort, XDS: anyPort, Admin: anyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return m
}

// at opens what a stopped machine left behind, for as long as do runs.
func at(t *testing.T, data string, do func(*bolt.Store, artifact.Objects)) {
	t.Helper()
	s, err := bolt.Open(filepath.Join(data, "mesh.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := folder.Open(filepath.Join(data, "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	do(s, objects)
	for _, err := range []error{s.Close(), objects.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// newMesh makes a mesh named shop in the store.
func newMesh(t *testing.T, s *bolt.Store, uid string) store.Mesh {
	t.Helper()
	m := store.Mesh{Record: store.Record{Resource: resource.Resource{
		Key: resource.Key{Kind: resource.KindMesh, Name: "shop"}, UID: uid, Version: 1, CreatedAt: time.Now(), Spec: []byte("{}"),
	}}}
	if err := s.CreateMesh(t.Context(), m, nil, uid, "test"); err != nil {
		t.Fatal(err)
	}
	return m
}

func deleteMesh(t *testing.T, s *bolt.Store, m store.Mesh) {
	t.Helper()
	c := store.Commit{MeshUID: m.UID, IfGeneration: 1, RequestID: "gone-" + m.UID, At: time.Now(), Delete: &m.Key}
	if err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// publish does what a machine does with a mesh that has changed.
func publish(t *testing.T, s *bolt.Store, objects artifact.Objects, uid string) {
	t.Helper()
	c := reconcile.NewCompiler(reconcile.CompilerOptions{Store: s, Objects: objects, Now: time.Now, Compile: compile.Options{}})
	if err := c.Handle(t.Context(), events.MeshChanged{UID: uid}); err != nil {
		t.Fatal(err)
	}
}

// A mesh was deleted and another one made under its name, and the machine was killed when only the latter was
// published: the next start ends the former's log all the same.
func TestDeletionOutlivesACrashAndItsName(t *testing.T) {
	data := t.TempDir()
	at(t, data, func(s *bolt.Store, objects artifact.Objects) {
		old := newMesh(t, s, "old")
		publish(t, s, objects, "old")
		deleteMesh(t, s, old)
		newMesh(t, s, "new")
		publish(t, s, objects, "new")
	})
	m := running(t, data)
	reader := artifact.NewReader(m.objects, "old", artifact.ConfigLog, artifact.ReaderOptions{})
	for end := time.Now().Add(20 * time.Second); !reader.Exists() || !reader.State().Deleted; time.Sleep(5 * time.Millisecond) {
		if _, err := reader.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("the log of the deleted mesh was never ended")
		}
	}
}

// Who is in the middle of a request when time is up is cut off; nothing of the machine stays open.
func TestCloseCutsOff(t *testing.T) {
	m, err := Start(t.Context(), Options{Data: t.TempDir(), API: anyPort, XDS: anyPort, Admin: anyPort})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", m.APIAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const head = "PUT /v20190125/meshes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err) // from here on the API waits for the body
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := m.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := io.Copy(io.Discard, answer); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
	if _, _, err := m.objects.Get(t.Context(), "report"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the artifacts' folder is still open: %v", err)
	}
}

// Slow clients hold nothing for ever.
func TestSlowClientsAreBounded(t *testing.T) {
	m := running(t, t.TempDir())
	for what, timeout := range map[string]time.Duration{
		"API's headers": m.api.ReadHeaderTimeout, "API's request": m.api.ReadTimeout, "API's answer": m.api.WriteTimeout, "API's idle": m.api.IdleTimeout,
		"admin's headers": m.admin.ReadHeaderTimeout, "admin's request": m.admin.ReadTimeout, "admin's idle": m.admin.IdleTimeout,
	} {
		if timeout <= 0 {
			t.Errorf("the %s connections have no bound", what)
		}
	}
	if m.api.WriteTimeout <= m.api.ReadTimeout {
		t.Error("a request that took all its time to come gets no answer")
	}
}

// Of a deleted mesh nothing stays but its journal, also when its name has come to mean another one.
func TestReplacedMeshesAreCollected(t *testing.T) {
	data := t.TempDir()
	at(t, data, func(s *bolt.Store, objects artifact.Objects) {
		old := newMesh(t, s, "old")
		publish(t, s, objects, "old")
		deleteMesh(t, s, old)
		publish(t, s, objects, "old")
		newMesh(t, s, "new")
		publish(t, s, objects, "new")
	})
	m := running(t, data)
	count := func(uid string) int {
		keys, err := m.objects.List(t.Context(), events.MeshPrefix(uid), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	if _, err := sweep.Collect(t.Context(), m.objects, m.collector); err != nil || count("old") == 0 {
		t.Fatalf("%d objects are left at once, %v", count("old"), err)
	}
	if _, err := sweep.Collect(t.Context(), m.objects, aWeekLater(m.objects)); err != nil {
		t.Fatal(err)
	}
	if n := count("old"); n > 0 {
		t.Errorf("%d objects of the deleted mesh are left", n)
	}
	if count("new") == 0 {
		t.Error("the present mesh was collected")
	}
}

// One mesh that can't be collected holds up no other.
func TestCollectGoesOn(t *testing.T) {
	data := t.TempDir()
	at(t, data, func(s *bolt.Store, objects artifact.Objects) {
		old := newMesh(t, s, "b")
		publish(t, s, objects, "b")
		deleteMesh(t, s, old)
		publish(t, s, objects, "b")
	})
	m := running(t, data)
	if _, err := m.objects.Create(t.Context(), events.ReportPath("a"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	c := aWeekLater(unreadable{m.objects, "meshes/a/"})
	if _, err := sweep.Collect(t.Context(), m.objects, c); !errors.Is(err, errRefused) {
		t.Errorf("it says %v", err)
	}
	if keys, err := m.objects.List(t.Context(), events.MeshPrefix("b"), "", 1); err != nil || len(keys) > 0 {
		t.Errorf("left: %v, %v", keys, err)
	}
}

// aWeekLater is a collector for which deleted meshes have been kept for long enough.
func aWeekLater(objects artifact.Objects) *artifact.Collector {
	return artifact.NewCollector(objects, artifact.CollectorOptions{
		Now: func() time.Time { return time.Now().Add(artifact.DefaultKeepDeleted + time.Minute) },
	})
}

var errRefused = errors.New("refused")

// unreadable is an artifact store that refuses to read what starts with prefix.
type unreadable struct {
	artifact.Objects
	prefix string
}

func (u unreadable) GetIfChanged(ctx context.Context, key, etag string) ([]byte, string, error) {
	if strings.HasPrefix(key, u.prefix) {
		return nil, "", errRefused
	}
	return u.Objects.GetIfChanged(ctx, key, etag)
}
