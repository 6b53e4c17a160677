package feature

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/test/machine"
)

// at is where both logs of a mesh stand.
type at struct{ config, endpoints artifact.Position }

// positions reads the logs of the machine's mesh as any reader does, from the folder.
func positions(t *testing.T, m *machine.Machine) (p at) {
	t.Helper()
	objects, err := folder.Open(artifacts(m))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	uid := uidOf(t, m)
	config := artifact.NewReader(objects, uid, artifact.ConfigLog, artifact.ReaderOptions{})
	if _, err := config.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	endpoints := artifact.NewReader(objects, uid, artifact.EndpointsLog, artifact.ReaderOptions{})
	if _, err := endpoints.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return at{config.Position(), endpoints.Position()}
}

func artifacts(m *machine.Machine) string { return filepath.Join(m.Data(), "artifacts") }

// Without its artifacts a machine makes them anew from the store and the registry, in a new epoch, and proxies that
// come back end with what they had.
func TestArtifactsLost(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	before, had := positions(t, m), ui.list()

	m.Stop()
	if err := os.RemoveAll(artifacts(m)); err != nil {
		t.Fatal(err)
	}
	m.Start()
	m.Published()
	ui.dial()
	ui.settles(orderV1, "10.0.0.1:8080")
	ui.hasAll(had...)
	after := positions(t, m)
	if after.config.Epoch <= before.config.Epoch || after.endpoints.Epoch <= before.endpoints.Epoch {
		t.Errorf("the logs went from %+v to %+v, want new epochs", before, after)
	}
	m.Delete("virtualRouter/order/route/all")
	ui.gets("route rds_egress_http_8080", "no cluster "+orderV1)
}

// The artifacts vanish from under a running machine: proxies keep what they have, and changes still reach them.
func TestArtifactsLostWhileRunning(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	entries, err := os.ReadDir(artifacts(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(artifacts(m), e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if r := ui.client.Try(quiet); r != nil { // the status is gone, too, so there is none to ask
		t.Errorf("got %s %q", r.Type, r.Names())
	}
	m.Delete("virtualRouter/order/route/all")
	ui.gets("route rds_egress_http_8080", "no cluster "+orderV1)

	m.Restart()
	m.Published()
	ui.client.Close()
	ui.dial()
	ui.settled()
	ui.hasAll(connect(t, m, "virtualNode/ui").list()...)
}

// A bit flips in each artifact in turn: it is noticed, what is damaged is made anew, and proxies end with what is right.
func TestArtifactsDamaged(t *testing.T) {
	m := startShop(t)
	register(t, m, instance("order-v1", "a", "10.0.0.1"))
	ui := connect(t, m, "virtualNode/ui")
	ui.settles(orderV1, "10.0.0.1:8080")
	had := ui.list()
	m.Stop()
	var files []string
	if err := filepath.WalkDir(artifacts(m), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("only %q lie in the artifacts' folder", files)
	}
	for _, file := range files {
		flip(t, file)
	}
	m.Start()
	m.Published()
	named(t, m)
	ui.client.Close()
	ui.dial()
	ui.settles(orderV1, "10.0.0.1:8080")
	ui.hasAll(had...)
	fresh := connect(t, m, "virtualNode/ui")
	fresh.hasAll(had...)
	fresh.reaches(orderV1, "10.0.0.1:8080")
}

// named waits until the published name of the mesh means its uid. A real Envoy would try again meanwhile.
func named(t *testing.T, m *machine.Machine) {
	t.Helper()
	objects, err := folder.Open(artifacts(m))
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	uid := uidOf(t, m)
	machine.Eventually(t, "the mesh's name to mean "+uid, func() string {
		means, _, err := objects.Get(t.Context(), events.NamePath(m.Mesh))
		if err != nil {
			return err.Error()
		}
		if string(means) != uid {
			return string(means)
		}
		return ""
	})
}

// flip flips a bit in the middle of a file.
func flip(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 {
		return
	}
	data[len(data)/2] ^= 0x10
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
