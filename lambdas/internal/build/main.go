// Command build makes the Lambdas' zip files, dist/lambdas/<arch>/<name>.zip: a static program named bootstrap, as
// provided.al2023 wants it. The same source gives the same bytes on every machine. `make lambdas` runs it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	arch := flag.String("arch", "arm64", "what the Lambdas run on: arm64 or amd64")
	version := flag.String("version", "unknown", "what the API says its version is")
	out := flag.String("out", "dist/lambdas", "folder")
	flag.Parse()
	if err := build(*arch, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// build makes all zip files of an architecture, in the folder lambdas/ of the module that it runs in.
func build(arch, version, out string) error {
	if !slices.Contains([]string{"arm64", "amd64"}, arch) {
		return fmt.Errorf("ARCH must be arm64 or amd64, got %q", arch)
	}
	mains, err := filepath.Glob("lambdas/*/main.go")
	if err != nil || len(mains) == 0 {
		return fmt.Errorf("find lambdas/*/main.go here: run this from the root of the source (%w)", err)
	}
	dir := filepath.Join(out, arch)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		program, err := compile(name, arch, version)
		if err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
		archive, err := pack(program)
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		path := filepath.Join(dir, name+".zip")
		if err := os.WriteFile(path, archive, 0o644); err != nil {
			return err
		}
		fmt.Printf("%-36s %5.1f MB, %5.1f MB unpacked, sha256 %x\n", path, megabytes(archive), megabytes(program), sha256.Sum256(archive))
	}
	return nil
}

func megabytes(b []byte) float64 { return float64(len(b)) / 1e6 }

// compile builds one Lambda. Without the tag, aws-lambda-go brings the RPC server of a runtime that is gone.
func compile(name, arch, version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "ownmesh-lambda-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
		"-ldflags", "-s -w -buildid= -X main.buildVersion="+version, "-o", program, "./lambdas/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(program)
}

// pack zips one program: the same bytes for the same program, whenever and whoever does it.
func pack(program []byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
