package reconcile

import (
	"fmt"
	"runtime/debug"
)

// guarded runs a pass over one mesh. A panic in it becomes an error like any other: a mesh that meets a bug of ours is
// set aside, and the process goes on to serve the others.
func guarded(pass func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return pass()
}
