// Package folder is how the sidecar keeps files in a folder of its own: each is replaced as a whole, and readable by its
// owner alone.
//
// It knows nothing of what the files say, but for the sidecar's own state. Start with Write and State.
package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names of files; those of the token are package bootstrap's.
const (
	BootstrapFile = "bootstrap.yaml" // what Envoy was started with
	stateFile     = "state.json"
)

// Make makes the folder if it is not there yet. Who else may look into it would see the token.
func Make(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the sidecar's folder (OWNMESH_DIR): %w", err)
	}
	return nil
}

// Write replaces a file in dir by writing another and renaming it: who reads gets the old or the new content, and
// Envoy, which watches for that, sees it.
func Write(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, "."+name+".*") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what failed is told
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	return nil
}

// State is what the sidecar is doing, for `sidecar health`, which is another process.
type State struct {
	Doing string `json:"doing"`
	Fault string `json:"fault,omitempty"` // the last, while nothing has worked since
}

// WriteState writes the state.
func WriteState(dir string, s State) error {
	j, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("marshal the state: %w", err)
	}
	return Write(dir, stateFile, j)
}

// ReadState reads the state; os.ErrNotExist says that no sidecar has run here.
func ReadState(dir string) (State, error) {
	var s State
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return s, fmt.Errorf("read the sidecar's state: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read the sidecar's state: %w", err)
	}
	return s, nil
}
