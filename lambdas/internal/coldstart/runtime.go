// Package coldstart starts Lambdas as their runtime does, and measures how long the first answer takes.
//
// It stands in for AWS's runtime API: one invocation a process. What AWS adds before the process starts (to fetch and
// unpack the zip, to start a sandbox) is not in it. It is for tests alone. Start with Run.
package coldstart

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long an answer may take.
const patience = 20 * time.Second

// Result is what one start was like.
type Result struct {
	Took   time.Duration // from the start of the process until its answer was there
	Answer string
	Memory int64 // bytes, at most, resident
}

// Run starts a program with an environment, gives it one event, and ends it after its answer.
func Run(ctx context.Context, program string, environment []string, event string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answers, failures := make(chan string, 1), make(chan string, 1)
	served := false
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch path := strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/"); {
		case path == "invocation/next" && !served:
			served = true
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(patience).UnixMilli()))
			_, _ = io.WriteString(w, event)
		case path == "invocation/next":
			<-ctx.Done() // nothing more to do
		case path == "invocation/1/response":
			answers <- string(body)
			w.WriteHeader(http.StatusAccepted)
		default:
			failures <- path + ": " + string(body)
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	defer runtime.Close()
	defer cancel() // before Close, which waits for requests

	cmd := exec.CommandContext(ctx, program)
	var log strings.Builder
	cmd.Stderr = &log
	cmd.Env = append(environment, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(runtime.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=test")
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var out Result
	select {
	case out.Answer = <-answers:
		out.Took = time.Since(start)
	case failure := <-failures:
		return out, fmt.Errorf("it answered with a failure: %s", failure)
	case err := <-ended:
		return out, fmt.Errorf("it ended without an answer (%w): %s", err, log.String())
	case <-ctx.Done():
		return out, fmt.Errorf("no answer after %v: %s", patience, log.String())
	}
	_ = cmd.Process.Kill()
	<-ended
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		out.Memory = usage.Maxrss << 10
	}
	return out, nil
}
