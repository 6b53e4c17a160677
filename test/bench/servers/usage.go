package servers

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is the time that this process has computed for, in itself and in the system on its behalf.
func cpu() (time.Duration, error) {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("read this process's CPU time: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

// memory is what this process occupies, when it has collected its garbage and given back what it can.
func memory() Memory {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := Memory{
		Heap: int64(m.HeapInuse + m.StackInuse),
		RSS:  int64(m.Sys - m.HeapReleased), // near enough where the system doesn't tell
	}
	if pages, err := resident(); err == nil {
		u.RSS = pages * int64(os.Getpagesize())
	}
	return u
}

// resident reads how many pages this process occupies, where the system is Linux.
func resident() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm holds %q", text)
	}
	return strconv.ParseInt(fields[1], 10, 64)
}
