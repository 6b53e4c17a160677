package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Many that choose at once, before any of their Envoys has started, are given different addresses.
func TestAddressesAreChosenOnce(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	t.Setenv("HOME", folder) // where macOS keeps caches
	const at, each = 60, 6
	answers := make([][]string, at)
	var all sync.WaitGroup
	for i := range at {
		all.Go(func() {
			free, err := chooseAddresses(each, nil)
			if err != nil {
				t.Error(err)
			}
			answers[i] = free
		})
	}
	all.Wait()
	given := map[string]bool{}
	for _, free := range answers {
		if len(free) != each {
			t.Errorf("got %d addresses, want %d", len(free), each)
		}
		for _, address := range free {
			if given[address] {
				t.Errorf("%s was chosen twice", address)
			}
			given[address] = true
		}
	}
	if len(given) != at*each {
		t.Errorf("%d addresses, want %d", len(given), at*each)
	}
}

// What can't be kept, or read, stops nobody.
func TestAddressesWithoutMemory(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	t.Setenv("HOME", folder)
	if _, err := chooseAddresses(1, nil); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.WriteFile(path, []byte(`{"cut off`), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if free, err := chooseAddresses(2, nil); err != nil || len(free) != 2 {
		t.Errorf("with a damaged file: %q, %v", free, err)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	t.Setenv("HOME", file)
	if free, err := chooseAddresses(2, nil); err != nil || len(free) != 2 {
		t.Errorf("without a folder: %q, %v", free, err)
	}
}
