package cache_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/artifact/artifacttest"
	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/cache"
	"github.com/ownmesh/ownmesh/xdsrelay/relay"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
)

const uid = "0b0e8c2e-7a4e-4c53-9b8b-1f2f7a1c9f10"

var errGone = errors.New("the bucket is gone")

func gone(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Err: errGone} }

func open(t *testing.T, store artifact.Objects, dir string, size int64) *cache.Objects {
	t.Helper()
	c, err := cache.Open(cache.Options{Objects: store, Dir: dir, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files lists what is on disk, by key.
func files(t *testing.T, dir string) (keys []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			keys = append(keys, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestTheStoreComesFirst: the disk answers only where the store can't, and only what the store once said.
func TestTheStoreComesFirst(t *testing.T) {
	store, dir, ctx := artifacttest.NewMemory(), t.TempDir(), t.Context()
	key, other := events.NamePath("shop"), events.NamePath("bank")
	store.Put(key, []byte("one"))
	c := open(t, store, dir, 0)
	_, etag, err := c.Get(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Get(ctx, other); !errors.Is(err, artifact.ErrNotFound) {
		t.Fatal(err)
	}
	store.Inject(gone)
	c = open(t, store, dir, 0) // another life
	if data, tag, err := c.Get(ctx, key); err != nil || string(data) != "one" || tag != etag {
		t.Errorf("without the store: %q %q, %v", data, tag, err)
	}
	if data, tag, err := c.GetIfChanged(ctx, key, etag); err != nil || data != nil || tag != etag {
		t.Errorf("what it has already: %q %q, %v", data, tag, err)
	}
	if _, _, err := c.Get(ctx, other); !errors.Is(err, errGone) || errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("what was missing is said to be %v", err)
	}
	if _, why := c.Gone(); !errors.Is(why, errGone) {
		t.Errorf("it says %v", why)
	}
	store.Inject(nil)
	store.Put(key, []byte("two"))
	if data, _, err := c.Get(ctx, key); err != nil || string(data) != "two" {
		t.Errorf("the store is back: %q, %v", data, err)
	}
	if _, why := c.Gone(); why != nil {
		t.Errorf("it says %v", why)
	}
	store.Lose(key)
	if _, _, err := c.Get(ctx, key); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a deleted name: %v", err)
	}
	store.Inject(gone)
	if _, _, err := c.Get(ctx, key); !errors.Is(err, errGone) {
		t.Errorf("a deleted name is served: %v", err)
	}
}

// A store that doesn't answer is not waited for again and again.
func TestASlowStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, dir := artifacttest.NewMemory(), t.TempDir()
		key, other := events.NamePath("shop"), events.NamePath("bank")
		store.Put(key, []byte("one"))
		c := open(t, store, dir, 0)
		if _, _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		never := make(chan struct{})
		store.Inject(func(artifacttest.Call) artifacttest.Fault { return artifacttest.Fault{Wait: never, Err: errGone} })
		started := time.Now()
		for range 50 {
			if data, _, err := c.Get(t.Context(), key); err != nil || string(data) != "one" {
				t.Fatalf("%q, %v", data, err)
			}
		}
		if _, _, err := c.Get(t.Context(), other); err == nil {
			t.Error("what was never there was found")
		}
		if took := time.Since(started); took > 3*time.Second {
			t.Errorf("50 reads took %v", took)
		}
	})
}

func TestDamageIsDropped(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"cut":     func(f string) error { return os.Truncate(f, 100) },
		"empty":   func(f string) error { return os.Truncate(f, 0) },
		"changed": func(f string) error { return os.WriteFile(f, []byte(`{"sha256":"00","etag":"x"}`+"\nevil"), 0o600) },
		"no head": func(f string) error { return os.WriteFile(f, []byte("evil"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			store, dir := artifacttest.NewMemory(), t.TempDir()
			key := events.NamePath("shop")
			store.Put(key, []byte("a good and rather long name, so that there is something to cut"))
			if _, _, err := open(t, store, dir, 0).Get(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, key)); err != nil {
				t.Fatal(err)
			}
			store.Inject(gone)
			if data, _, err := open(t, store, dir, 0).Get(t.Context(), key); !errors.Is(err, errGone) {
				t.Errorf("got %q, %v", data, err)
			}
			if left := files(t, dir); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestItIsBounded(t *testing.T) {
	store, dir := artifacttest.NewMemory(), t.TempDir()
	c := open(t, store, dir, 10_000)
	for i := range 100 {
		key := events.EntryPath(uid, events.LogConfig, 1, int64(i))
		store.Put(key, make([]byte, 1_000))
		if _, _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(files(t, dir)); n == 0 || n > 9 {
		t.Errorf("%d files of 1,000 bytes are kept, the bound is 10,000", n)
	}
	status := events.StatusPath(uid, "relay-1")
	store.Put(status, []byte("{}"))
	small := t.TempDir()
	if _, _, err := open(t, store, small, 0).Get(t.Context(), status); err != nil || len(files(t, small)) != 0 {
		t.Errorf("what relays write is cached: %v, %v", files(t, small), err)
	}
}

// serve runs a relay over a cache until stop is called, and gives its address.
func serve(t *testing.T, c *cache.Objects) (address string, stop func()) {
	t.Helper()
	r := relay.New(relay.Options{Objects: c, ID: "r", Interval: 10 * time.Millisecond, CheckpointInterval: 10 * time.Millisecond, StatusEvery: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	stop = func() { cancel(); <-done; c.Settle() }
	t.Cleanup(stop)
	return xdstest.Serve(t, r), stop
}

func cluster(name string) artifact.Resource {
	return xdstest.EDSCluster(name, endpoint.ServiceKey{Namespace: "shop.local", Service: "order"}, 8080)
}

// A relay starts without the store and serves the newest that it has ever seen, also from behind a newer checkpoint, of
// which another full state had to be fetched; and what came before that is not kept.
func TestARelayStartsWithoutTheStore(t *testing.T) {
	t.Parallel()
	store, dir := artifacttest.NewMemory(), t.TempDir()
	p := xdstest.NewPublisher(t, store, "shop", uid)
	p.Proxy("virtualNode/cart", cluster("c0"))
	p.Publish()
	p.Register(endpoint.Instance{Namespace: "shop.local", Service: "order", ID: "i", IPv4: "10.0.0.1"})
	first := open(t, store, dir, 0)
	address, stop := serve(t, first)
	client := xdstest.Connect(t, address, xdstest.Node{ID: "mesh/shop/virtualNode/cart"})
	client.SubscribeAll(xdstest.Cluster)
	client.Accept(xdstest.Cluster, "c0")
	var last string
	for i := range 200 { // 64 changes make a checkpoint
		last = "c" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		p.Proxy("virtualNode/cart", cluster(last))
		p.Publish()
		if i%40 == 0 {
			time.Sleep(30 * time.Millisecond) // so that the relay sees checkpoints on the way
		}
	}
	for until := time.Now().Add(20 * time.Second); ; {
		if r := client.Maybe(time.Second); r != nil {
			client.Ack(r)
			if names := r.Names(); len(names) > 0 && names[0] == last {
				break
			}
		}
		if time.Now().After(until) {
			t.Fatal("the last change never came")
		}
	}
	time.Sleep(50 * time.Millisecond) // for a look at the last checkpoint
	stop()

	store.Inject(gone)
	address, _ = serve(t, open(t, store, dir, 0))
	client = xdstest.Connect(t, address, xdstest.Node{ID: "mesh/shop/virtualNode/cart"})
	client.SubscribeAll(xdstest.Cluster)
	client.Accept(xdstest.Cluster, last)
	client.Subscribe(xdstest.Endpoint, last)
	client.Accept(xdstest.Endpoint, last)

	fulls, entries := 0, 0
	for _, key := range files(t, dir) {
		if strings.Contains(key, "/config/") && strings.Contains(key, "full-") {
			fulls++
		} else if strings.Contains(key, "/config/") {
			entries++
		}
	}
	if fulls != 1 || entries > 140 {
		t.Errorf("%d full states and %d changes are kept", fulls, entries)
	}
}

// A mesh that was deleted while neither the store nor the relay was there is served from disk, since nobody can know,
// until the store is back and says so.
func TestAMeshDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	store, dir := artifacttest.NewMemory(), t.TempDir()
	p := xdstest.NewPublisher(t, store, "shop", uid)
	p.Proxy("virtualNode/cart", cluster("c0"))
	p.Publish()
	p.Register(endpoint.Instance{Namespace: "shop.local", Service: "order", ID: "i", IPv4: "10.0.0.1"})
	connect := func(address string) *xdstest.Client {
		c := xdstest.Connect(t, address, xdstest.Node{ID: "mesh/shop/virtualNode/cart"})
		c.SubscribeAll(xdstest.Cluster)
		return c
	}
	address, stop := serve(t, open(t, store, dir, 0))
	connect(address).Accept(xdstest.Cluster, "c0")
	stop()

	p.Delete()
	store.Inject(gone)
	address, _ = serve(t, open(t, store, dir, 0))
	client := connect(address)
	client.Accept(xdstest.Cluster, "c0")
	store.Inject(nil)
	if said := client.ExpectStatus(codes.InvalidArgument); !strings.Contains(said, `mesh "shop" was deleted`) {
		t.Errorf("it says %q", said)
	}
	if said := connect(address).ExpectStatus(codes.InvalidArgument); !strings.Contains(said, "deleted") {
		t.Errorf("who comes later is told %q", said)
	}
}
