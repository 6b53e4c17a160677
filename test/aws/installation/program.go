package installation

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// Ownmesh is the command line as somebody runs it who has no other AWS settings than these credentials.
func (i *Installation) Ownmesh(tb testing.TB, id Identity, args ...string) *exec.Cmd {
	tb.Helper()
	return asUser(tb, filepath.Join(i.programs, "ownmesh"), id, args...)
}

// AWS is the AWS CLI in the same way.
func (i *Installation) AWS(tb testing.TB, id Identity, args ...string) *exec.Cmd {
	tb.Helper()
	for _, name := range []string{"aws", filepath.Join(envoybin.Root(), ".tools/aws-cli/bin/aws")} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "appmesh", "create-mesh", "--generate-cli-skeleton").Run() == nil {
			return asUser(tb, path, id, args...)
		}
	}
	tb.Fatal("no AWS CLI that knows App Mesh: run `make tools-aws`")
	return nil
}

func asUser(tb testing.TB, program string, id Identity, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "OWNMESH_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	none := filepath.Join(tb.TempDir(), "none")
	cmd.Env = append(append(cmd.Env, "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER="),
		id.Environment()...)
	return cmd
}

var ready = regexp.MustCompile(`^ready proxy=(\S+) `)

// Proxy runs `ownmesh proxy` as somebody until the test ends, and gives its URL.
func (i *Installation) Proxy(tb testing.TB, id Identity) string {
	tb.Helper()
	cmd := i.Ownmesh(tb, id, "proxy", "--api", i.API, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stderr = tb.Output()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		if m := ready.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		tb.Fatalf("the proxy says %q", text)
	case <-time.After(20 * time.Second):
		tb.Fatal("the proxy is not ready")
	}
	return ""
}
