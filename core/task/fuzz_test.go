package task_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ownmesh/ownmesh/core/task"
)

// FuzzParseEvent: whatever comes from a queue is read or refused, and what is read names a task and a version.
func FuzzParseEvent(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.json")
	if err != nil || len(samples) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range samples {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := task.ParseEvent(body)
		if err != nil {
			return
		}
		if got.ID() == "" || got.Version < 1 || got.Running && got.Stopping || !got.In(got.Cluster) {
			t.Errorf("read as %+v", got)
		}
	})
}
