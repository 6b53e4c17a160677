package dynamodb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// This file: all tests of this package once more, against Amazon's own DynamoDB Local. It listens on all addresses, so it
// runs in a network namespace of its own, together with this test binary; that takes root.

const localAddress = "127.0.0.1:8000"

func TestMain(m *testing.M) {
	home := os.Getenv(insideVariable)
	if home == "" {
		emulator.Main(m)
		return
	}
	code, err := runInside(m, home)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start DynamoDB Local:", err)
		code = 1
	}
	os.Exit(code)
}

// TestDynamoDBLocal skips, and says why, where DynamoDB Local can't run, unless OWNMESH_REQUIRE_DYNAMODB_LOCAL is 1.
func TestDynamoDBLocal(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		return
	}
	t.Parallel()
	home := filepath.Join(envoybin.Root(), ".tools/dynamodb")
	if err := canRunLocal(home); err != nil {
		if os.Getenv("OWNMESH_REQUIRE_DYNAMODB_LOCAL") == "1" {
			t.Fatalf("OWNMESH_REQUIRE_DYNAMODB_LOCAL is 1, but DynamoDB Local can't run: %v", err)
		}
		t.Skipf("the store was NOT tested with DynamoDB Local: %v", err)
	}
	// 40 writers of one mesh would wait for DynamoDB Local rather than for each other.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.timeout=5m", "-test.skip", "^TestContention$/^40_writers")
	cmd.Env = append(os.Environ(), insideVariable+"="+home, "AWS_ENDPOINT_URL=http://"+localAddress)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("with DynamoDB Local: %v\n%s", err, out)
	}
	if n := bytes.Count(out, []byte("\n--- PASS: ")); n < 10 {
		t.Errorf("only %d tests ran with DynamoDB Local:\n%s", n, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "commits/s") {
			t.Log("DynamoDB Local: ", strings.TrimSpace(line))
		}
	}
}

func canRunLocal(home string) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces take root")
	}
	for _, program := range []string{"java", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w (Debian packages default-jre-headless and iproute2)", err)
		}
	}
	if _, err := os.Stat(home); err != nil {
		return fmt.Errorf("%w: run `make tools-dynamodb`", err)
	}
	return nil
}

// runInside starts DynamoDB Local in this process's own namespace, and runs the tests with it.
func runInside(m *testing.M, home string) (code int, err error) {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("ip link set lo up: %w\n%s", err, out)
	}
	// The kernel ends Java when the thread that started it ends, however this process does.
	runtime.LockOSThread()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var log bytes.Buffer
	java := exec.Command("java", "-Djava.library.path="+home+"/lib", "-cp", home+"/lib/*",
		"software.amazon.dynamodb.services.local.main.ServerRunner", "-inMemory", "-disableTelemetry", "-port", "8000")
	java.Stdout, java.Stderr = &log, &log
	java.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := java.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- java.Wait() }()
	defer func() { _ = java.Process.Kill() }()
	for {
		connection, err := net.Dial("tcp", localAddress)
		if err == nil {
			_ = connection.Close()
			return m.Run(), nil
		}
		select {
		case err := <-ended:
			return 0, fmt.Errorf("it ended: %v\n%s", err, log.String())
		case <-ctx.Done():
			return 0, fmt.Errorf("it doesn't listen: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
