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
	"github.com/ownmesh/ownmesh/internal/freeport"
)

// Region is where tests are.
const Region = "us-east-1"

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 3 * time.Second
)

// running is the emulator of this test binary.
var running struct {
	sync.Mutex
	endpoint string
	process  *process // nil: somebody else's
}

// Main runs a package's tests, and then ends the emulator that they started; before that it does what atEnd says.
// TestMain calls it.
func Main(m *testing.M, atEnd ...func()) {
	code := m.Run()
	for _, f := range atEnd {
		f()
	}
	if running.process != nil {
		running.process.stop(code != 0)
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
		HTTPClient:   connection{},
	}
}

// WithoutIAM starts another emulator for one test, in which everybody may do everything.
func WithoutIAM(tb testing.TB) (endpoint string) {
	tb.Helper()
	p, err := launch("AUTH=false")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.stop(tb.Failed()) })
	return p.endpoint
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
	if running.process, err = launch(); err != nil {
		return "", err
	}
	running.endpoint = running.process.endpoint
	return running.endpoint, nil
}

// process is an emulator that was started here.
type process struct {
	cmd      *exec.Cmd
	endpoint string
	dir      string // what it keeps: Lambdas unpacked, 70 MB
	log      string
}

// launch starts an emulator with these variables besides its own, and waits until it answers.
func launch(variables ...string) (p *process, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start the emulator: %w", err)
		}
	}()
	root := envoybin.Root()
	if _, err := os.Stat(filepath.Join(root, ".tools/emulator/bin/ministack")); err != nil {
		return nil, errors.New("it isn't there: run `make tools-emulator`, or set AWS_ENDPOINT_URL to a running one")
	}
	port, err := freeport.Next()
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "ownmesh-emulator-*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the emulator has it too
	p = &process{endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), log: log.Name()}
	if p.dir, err = os.MkdirTemp("", "ownmesh-emulator-*"); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(filepath.Join(root, "localstack/start.sh"), fmt.Sprint(port)) // becomes the emulator
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), append(variables, "TMPDIR="+p.dir, "STATE_DIR="+p.dir)...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := waitHealthy(p.endpoint); err != nil {
		p.stop(true)
		return nil, fmt.Errorf("%w (its log is %s)", err, p.log)
	}
	return p, nil
}

// stop ends the emulator, which may not hear a SIGTERM. Its log stays where it is to be read.
func (p *process) stop(keepLog bool) {
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.cmd.Wait() }()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-ended
	}
	if err := os.RemoveAll(p.dir); err != nil {
		fmt.Fprintln(os.Stderr, "remove what the emulator kept:", err)
	}
	if !keepLog {
		_ = os.Remove(p.log) // or it stays in the folder for temporary files
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
