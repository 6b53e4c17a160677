// Package installation gives tests of test/aws Ownmesh as it is installed in AWS: the stack of the CDK application in an
// emulator, with IAM enforced, and beside it what ECS would run: relays and sidecars, each a process of its own that acts
// with the rights that the stack gives it.
//
// What the emulator lacks is made up for here and never in what is tested: it starts no tasks and resolves no private
// names, so relays are processes behind one address of this machine (Front). It takes no shortcut: meshes change
// through the API alone. Start with Get, then mesh.go.
package installation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/internal/envoybin"
	"github.com/ownmesh/ownmesh/test/aws/stack"
)

// Installation is what one test run has; it is shared, and its meshes are the tests' own.
type Installation struct {
	stack.Stack
	Config aws.Config // of the account's root
	API    string     // the API's URL, with its stage
	Front  *Gate      // what sidecars dial: in AWS the name of the relays

	programs string // folder with relay, sidecar and ownmesh, built from their mains
	gates    gates
	remove   func(context.Context) error
	mu       sync.Mutex
	relays   []*Relay
}

var shared struct {
	sync.Once
	*Installation
	err error
}

// Main runs a package's tests, and then removes the installation and ends the emulator. TestMain calls it.
func Main(m *testing.M) {
	emulator.Main(m, func() {
		if i := shared.Installation; i != nil {
			if err := i.end(); err != nil {
				fmt.Fprintln(os.Stderr, "remove the installation:", err)
			}
		}
	})
}

// Get is the installation, which is made if it isn't there.
func Get(tb testing.TB) *Installation {
	tb.Helper()
	cfg := emulator.Config(tb)
	shared.Do(func() { shared.Installation, shared.err = install(cfg) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.Installation
}

func install(cfg aws.Config) (*Installation, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	i := &Installation{Config: cfg, remove: func(context.Context) error { return nil }}
	built := make(chan error, 1)
	go func() { built <- i.build(ctx) }()
	err := i.deploy(ctx)
	if err != nil {
		cancel() // what is built is of no use
	}
	if err = errors.Join(err, <-built); err != nil {
		return nil, errors.Join(err, i.end())
	}
	return i, nil
}

// deploy makes the stack, and what makes up for what the emulator lacks.
func (i *Installation) deploy(ctx context.Context) error {
	if err := synthesize(ctx); err != nil {
		return err
	}
	made, remove, err := stack.Deploy(ctx, i.Config)
	if err != nil {
		return err
	}
	i.Stack, i.remove = made, remove
	i.API = aws.ToString(i.Config.BaseEndpoint) + "/_aws/execute-api/" + i.Outputs["ApiId"] + "/mesh"
	if i.Front, err = NewGate(); err != nil {
		return err
	}
	// In AWS the relays' name leads to them; here it leads nowhere, so the API names an address of this machine.
	if err := i.SetVariables(ctx, "api", map[string]string{"OWNMESH_RELAY": i.RelayAddress()}); err != nil {
		return err
	}
	if err := i.openGates(ctx, strings.TrimPrefix(aws.ToString(i.Config.BaseEndpoint), "http://")); err != nil {
		return err
	}
	// A schedule would strike at any moment: tests call the sweep themselves.
	if _, err := eventbridge.NewFromConfig(i.Config).DisableRule(ctx, &eventbridge.DisableRuleInput{Name: aws.String(i.Name + "-sweep")}); err != nil {
		return fmt.Errorf("switch the schedule off: %w", err)
	}
	return nil
}

// Sweep calls the sweep as its schedule does each minute, at a minute at which it looks at every mesh.
func (i *Installation) Sweep(tb testing.TB) {
	tb.Helper()
	out, err := lambda.NewFromConfig(i.Config).Invoke(tb.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(i.Name + "-sweep"), Payload: []byte(`{"time":"2026-11-21T08:05:00Z"}`),
	})
	if err != nil || out.FunctionError != nil {
		tb.Fatalf("sweep: %v: %s", err, out.Payload)
	}
}

// RelayAddress is what sidecars dial, by a name, as in AWS.
func (i *Installation) RelayAddress() string {
	return strings.Replace(i.Front.Address(), "127.0.0.1", "localhost", 1)
}

func (i *Installation) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	i.stopRelays()
	var errs []error
	for _, g := range []*Gate{i.Front, i.gates.s3, i.gates.dynamodb, i.gates.eventbridge} {
		if g != nil {
			errs = append(errs, g.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(i.programs), i.remove(ctx))...)
}

// SetVariables changes variables of one of the stack's Lambdas; "" takes one away.
func (i *Installation) SetVariables(ctx context.Context, function string, variables map[string]string) error {
	client, name := lambda.NewFromConfig(i.Config), aws.String(i.Name+"-"+function)
	now, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
	if err != nil {
		return fmt.Errorf("read the settings of %s: %w", *name, err)
	}
	all := now.Environment.Variables
	for variable, value := range variables {
		if all[variable] = value; value == "" {
			delete(all, variable)
		}
	}
	_, err = client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name, Environment: &types.Environment{Variables: all},
	})
	if err != nil {
		return fmt.Errorf("change the settings of %s: %w", *name, err)
	}
	return nil
}

// build makes the programs that run beside the stack.
func (i *Installation) build(ctx context.Context) error {
	var err error
	if i.programs, err = os.MkdirTemp("", "ownmesh-programs-*"); err != nil {
		return err
	}
	for name, pkg := range map[string]string{"relay": "./xdsrelay", "sidecar": "./sidecar", "ownmesh": "./cmd/ownmesh"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(i.programs, name), pkg)
		cmd.Dir = envoybin.Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// synthesize has `make synth` make the template and the Lambdas, unless those that it made are newer than all they are
// made of.
func synthesize(ctx context.Context) error {
	made, err := os.Stat(filepath.Join(stack.Dir(), "manifest.json"))
	if err == nil {
		changed, err := newest("core", "adapters", "lambdas", "events", "infra", "internal", "go.mod", "go.sum", "cdk.json")
		if err != nil {
			return err
		}
		if made.ModTime().After(changed) {
			return nil
		}
	}
	cmd := exec.CommandContext(ctx, "make", "synth")
	cmd.Dir = envoybin.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make synth: %w\n%s", err, out)
	}
	return nil
}

// newest is when the newest Go file (but for tests) or file below these was changed.
func newest(paths ...string) (time.Time, error) {
	var t time.Time
	for _, p := range paths {
		err := filepath.WalkDir(filepath.Join(envoybin.Root(), p), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			info, err := d.Info()
			if err == nil && info.ModTime().After(t) {
				t = info.ModTime()
			}
			return err
		})
		if err != nil {
			return t, err
		}
	}
	return t, nil
}
