package envoy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Several tests, of several processes, may find the same leftovers.
func TestLeftoversAreRemovedOnce(t *testing.T) {
	newNetwork(t) // or it says why there are none
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		name := fmt.Sprintf("%s%d-%d-left", namePrefix, ended.Process.Pid, round)
		if err := run("ip", "netns", "add", name); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := removeLeftovers(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if _, err := os.Stat("/var/run/netns/" + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}
