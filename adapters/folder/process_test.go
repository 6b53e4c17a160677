package folder_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
)

// childDir names the folder in the environment of a child, which is this test binary, writing until it is killed.
const childDir = "OWNMESH_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Println("failed", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestProcesses lets processes race for the same keys and one counter, and kills them by and by. Each key has one
// winner, whose data it holds; the counter has counted each acknowledged step; no lock and no half object stays.
func TestProcesses(t *testing.T) {
	const children = 4
	dir := t.TempDir()
	o := open(t, dir)
	if _, err := o.Create(t.Context(), "counter", nil); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	wonBy := map[string]string{} // key -> data
	steps := 0
	var wg sync.WaitGroup
	for range children {
		wg.Go(func() {
			for _, line := range runAndKill(t, dir, time.Duration(200+rand.IntN(500))*time.Millisecond) {
				mu.Lock()
				key, data, created := strings.Cut(line, " ")
				if other, ok := wonBy[key]; ok && created {
					t.Errorf("%s was won by %s and by %s", key, other, data)
				}
				if created {
					wonBy[key] = data
				} else {
					steps++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(wonBy) < 20 || steps < 20 {
		t.Errorf("%d keys and %d steps: that is no race", len(wonBy), steps)
	}
	for key, want := range wonBy {
		if data, _, err := o.Get(t.Context(), key); err != nil || string(data) != want {
			t.Errorf("%s holds %q, %v, its winner wrote %q", key, data, err, want)
		}
	}
	data, etag, err := o.Get(t.Context(), "counter")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(data); n < steps || n > steps+children { // one step of each may have been killed before its answer
		t.Errorf("the counter is at %d after %d acknowledged steps of %d processes", n, steps, children)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := o.Replace(ctx, "counter", nil, etag); err != nil {
		t.Errorf("the lock of the dead: %v", err)
	}
}

// runAndKill gives the lines that a child printed: "log/7 its data" for a creation, "counted" for a step.
func runAndKill(t *testing.T, dir string, after time.Duration) (lines []string) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = child.Wait() }()
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil || strings.HasPrefix(line, "failed") {
			t.Errorf("child says %q, %v", line, err)
			_ = child.Process.Kill()
			return lines
		}
		if lines = append(lines, strings.TrimSpace(line)); len(lines) == 1 {
			time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
	}
}

// writeUntilKilled is the child. It returns only if something goes wrong.
func writeUntilKilled(dir string) error {
	o, err := folder.Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error)
	go func() { failed <- createAll(ctx, o) }()
	go func() { failed <- count(ctx, o) }()
	return <-failed
}

// createAll tries to create each entry of a log, in the order in which they follow each other.
func createAll(ctx context.Context, o artifact.Objects) error {
	for i := 0; ; i++ {
		key, data := fmt.Sprintf("log/%d/%d", i%7, i), fmt.Sprint(os.Getpid())
		_, err := o.Create(ctx, key, []byte(data))
		if err == nil {
			_, err = fmt.Println(key, data)
		}
		if err != nil && !errors.Is(err, artifact.ErrExists) {
			return err
		}
	}
}

func count(ctx context.Context, o artifact.Objects) error {
	for {
		data, etag, err := o.Get(ctx, "counter")
		if err != nil {
			return err
		}
		_, err = o.Replace(ctx, "counter", append(data, 'x'), etag)
		if err == nil {
			_, err = fmt.Println("counted")
		}
		if err != nil && !errors.Is(err, artifact.ErrChanged) {
			return err
		}
	}
}
