package main

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestZipsAreTheSameBytes each time, and hold one program that may be run.
func TestZipsAreTheSameBytes(t *testing.T) {
	program := bytes.Repeat([]byte("program"), 1000)
	one, err := pack(program)
	if err != nil {
		t.Fatal(err)
	}
	two, err := pack(program)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes, %v", len(one), len(two), err)
	}
	z, err := zip.NewReader(bytes.NewReader(one), int64(len(one)))
	if err != nil || len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode().Perm() != 0o755 {
		t.Fatalf("%v, %v", z.File, err)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, program) {
		t.Errorf("unpacked %d bytes, %v", len(got), err)
	}
}

func TestMistakesOfWhoBuilds(t *testing.T) {
	if err := build("x86", "v", t.TempDir()); err == nil || !strings.Contains(err.Error(), `got "x86"`) {
		t.Errorf("an unknown architecture: %v", err)
	}
	if err := build("arm64", "v", t.TempDir()); err == nil || !strings.Contains(err.Error(), "root of the source") {
		t.Errorf("in the wrong folder: %v", err)
	}
}
