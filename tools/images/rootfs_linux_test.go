package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/internal/image"
	"github.com/ownmesh/ownmesh/test/machine"
)

// The image of this machine's architecture, as a container engine would unpack it, with nothing of this machine in it:
// Envoy finds its C library, and the sidecar program starts it, asks an API and is healthy. It runs as the image's user.
func TestSidecarImage(t *testing.T) {
	t.Parallel()
	root := unpacked(t)
	m := machine.Start(t)
	m.Apply(`
kind: Mesh
meshName: shop
---
kind: VirtualNode
virtualNodeName: cart
spec: {}
`)
	inside := func(env []string, name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Env, cmd.Dir, cmd.SysProcAttr = append(env, "PATH=/usr/local/bin"), "/", confined(root)
		cmd.Stdin = strings.NewReader("") // else it would be this machine's /dev/null, seen from inside
		return cmd
	}
	if err := inside(nil, "/usr/local/bin/sidecar", "version").Run(); os.Getuid() != 0 && errors.Is(err, syscall.EPERM) {
		t.Skip("this system lets nobody but root make user namespaces: run as root")
	}
	for program, want := range map[string]string{"envoy --version": "1.40.0", "sidecar version": "ownmesh sidecar"} {
		name, arg, _ := strings.Cut(program, " ")
		if out, err := inside(nil, "/usr/local/bin/"+name, arg).CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", program, err, out)
		}
	}
	env := []string{
		"APPMESH_RESOURCE_ARN=mesh/shop/virtualNode/cart", "OWNMESH_API=http://" + m.API(),
		"ENVOY_ADMIN_ACCESS_PORT=" + strconv.Itoa(machine.FreePort(t)), "OWNMESH_METRICS_ADDRESS=" + strconv.Itoa(machine.FreePort(t)),
		"ENVOY_OUTLIER_DETECTION_EVENT_LOG_PATH=/tmp/ejections", "ENVOY_CONCURRENCY=1", "ENVOY_LOG_LEVEL=warning", // there is no /dev here
	}
	health := func() (string, error) {
		out, err := inside(env, "/usr/local/bin/sidecar", "health").CombinedOutput()
		return string(out), err
	}
	if said, err := health(); err == nil || !strings.Contains(said, "no sidecar runs here") {
		t.Errorf("without a sidecar health says %q, %v", said, err)
	}
	run := inside(env, "/usr/local/bin/sidecar")
	var log bytes.Buffer
	run.Stdout, run.Stderr, run.WaitDelay = &log, &log, time.Second
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	machine.Eventually(t, "the container to be healthy", func() string {
		select {
		case err := <-ended:
			t.Fatalf("%v\n%s", err, &log)
		default:
		}
		said, err := health()
		if err != nil {
			return said + err.Error()
		}
		return ""
	})
	for range 2 { // the second ends it at once
		if err := run.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // two signals that wait together are one
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, &log)
	}
}

// confined makes a process see root alone, as the image's user.
func confined(root string) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		a.Credential = &syscall.Credential{Uid: uid, Gid: uid}
		return a
	}
	a.Cloneflags = syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}}
	return a
}

// unpacked writes the image as `make images` does, reads it back, and gives the folder of what it holds.
func unpacked(t *testing.T) string {
	t.Helper()
	programs, out := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(programs, runtime.GOARCH)+"/", "./sidecar")
	build.Dir, build.Env = envoybin.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	i, err := sidecar(source{programs: programs, parts: filepath.Join(envoybin.Root(), ".tools/image"), arch: []string{runtime.GOARCH}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := image.Write(filepath.Join(out, "sidecar"), i); err != nil {
		t.Fatal(err)
	}
	outer, err := layout.ImageIndexFromPath(filepath.Join(out, "sidecar"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(out, "root")
	contents := mutate.Extract(img)
	defer contents.Close()
	unpack(t, tar.NewReader(contents), root)
	return root
}

func unpack(t *testing.T, r *tar.Reader, root string) {
	t.Helper()
	var folders []*tar.Header // their rights come last: what is in them must be written first
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(root, h.Name)
		err = os.MkdirAll(filepath.Dir(at), 0o755)
		switch h.Typeflag {
		case tar.TypeDir:
			err = errors.Join(err, os.MkdirAll(at, 0o755))
			folders = append(folders, h)
		case tar.TypeSymlink:
			err = errors.Join(err, os.Symlink(h.Linkname, at))
		default:
			b, readErr := io.ReadAll(r)
			err = errors.Join(err, readErr, os.WriteFile(at, b, h.FileInfo().Mode()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil { // a container engine's part
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(folders)
	for _, h := range folders {
		at := filepath.Join(root, h.Name)
		mode := h.FileInfo().Mode().Perm() | h.FileInfo().Mode()&fs.ModeSticky
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(at, h.Uid, h.Gid); err != nil {
				t.Fatal(err)
			}
		}
	}
}
