// Package emulator gives tests the AWS that runs on this machine: a LocalStack-compatible emulator.
//
// $AWS_ENDPOINT_URL names one that is running already; else the one that `make tools-emulator` puts into .tools/emulator is
// started, once a test binary, and ended with it. It never talks to AWS, and never downloads. Start with Main and
// Config.
package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// Region is where tests are.
const Region = "us-east-1"

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 3 * time.Second
)

// running is the emulator of this process.
var running struct {
	sync.Mutex
	endpoint string
	process  *exec.Cmd
	dir      string // what the emulator keeps: Lambdas unpacked, 70 MB
	log      string // its log, kept if a test fails
}

// Main runs a package's tests, and then ends the emulator that they started; before that it does what atEnd says.
// TestMain calls it.
func Main(m *testing.M, atEnd ...func()) {
	code := m.Run()
	for _, f := range atEnd {
		f()
	}
	stop()
	if code == 0 && running.log != "" {
		_ = os.Remove(running.log) // or it stays in the folder for temporary files
	}
	os.Exit(code)
}

// Config is how clients reach the emulator, which is started if it isn't running.
func Config(tb testing.TB) aws.Config {
	tb.Helper()
	endpoint, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return aws.Config{
		Region:       Region,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		BaseEndpoint: aws.String(endpoint),
	}
}

// Name is a name for a bucket or a table that nobody else has.
func Name(tb testing.TB) string {
	tb.Helper()
	return "test-" + strings.ToLower(rand.Text())
}

func start() (endpoint string, err error) {
	running.Lock()
	defer running.Unlock()
	if running.endpoint != "" {
		return running.endpoint, nil
	}
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		running.endpoint = endpoint
		return endpoint, nil
	}
	root := envoybin.Root()
	if _, err := os.Stat(filepath.Join(root, ".tools/emulator/bin/ministack")); err != nil {
		return "", errors.New("no AWS emulator: run `make tools-emulator`, or set AWS_ENDPOINT_URL to a running one")
	}
	port, err := freePort()
	if err != nil {
		return "", fmt.Errorf("start the emulator: %w", err)
	}
	endpoint = fmt.Sprintf("http://127.0.0.1:%d", port)
	log, err := os.CreateTemp("", "ownmesh-emulator-*.log")
	if err != nil {
		return "", fmt.Errorf("start the emulator: %w", err)
	}
	defer func() { _ = log.Close() }() // the emulator has it too
	running.log = log.Name()
	if running.dir, err = os.MkdirTemp("", "ownmesh-emulator-*"); err != nil {
		return "", fmt.Errorf("start the emulator: %w", err)
	}
	cmd := exec.Command(filepath.Join(root, "localstack/start.sh"), fmt.Sprint(port)) // becomes the emulator
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "TMPDIR="+running.dir, "STATE_DIR="+running.dir)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the emulator: %w", err)
	}
	running.process = cmd
	if err := waitHealthy(endpoint); err != nil {
		return "", fmt.Errorf("start the emulator (its log is %s): %w", log.Name(), err)
	}
	running.endpoint = endpoint
	return endpoint, nil
}

// stop ends the emulator, which may not hear a SIGTERM.
func stop() {
	running.Lock()
	defer running.Unlock()
	if running.process == nil {
		return
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = running.process.Wait() }()
	_ = running.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopTimeout):
		_ = running.process.Process.Kill()
		<-ended
	}
	if err := os.RemoveAll(running.dir); err != nil {
		fmt.Fprintln(os.Stderr, "remove what the emulator kept:", err)
	}
}

func waitHealthy(endpoint string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_localstack/health", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not healthy after %v: %w", startTimeout, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
