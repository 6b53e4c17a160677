package aws_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ownmesh/ownmesh/internal/emulator"
	"github.com/ownmesh/ownmesh/test/aws/installation"
)

// The AWS CLI as it is, with no other help than the proxy: what IAM lets the proxy's user do works, and nothing else, whoever
// the client says it is.
func TestUnmodifiedClientsByWayOfTheProxy(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	operator, reader := i.User(t, "Operators"), i.User(t, "Readers")
	writing, reading := i.Proxy(t, operator), i.Proxy(t, reader)
	mesh := emulator.Name(t)
	client := installation.Identity{Credentials: aws.Credentials{AccessKeyID: "nobody", SecretAccessKey: "unknown"}}
	call := func(proxy string, args ...string) (string, error) {
		out, err := i.AWS(t, client, append([]string{"appmesh", "--endpoint-url", proxy}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := call(writing, "create-mesh", "--mesh-name", mesh); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const name = "b c.shop.local" // the emulator, unlike AWS, can't keep an encoded slash apart from others
	if out, err := call(writing, "create-virtual-service", "--mesh-name", mesh, "--virtual-service-name", name, "--spec", "{}"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := call(reading, "describe-virtual-service", "--mesh-name", mesh, "--virtual-service-name", name); err != nil || !strings.Contains(out, `"`+name+`"`) {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := call(reading, "describe-mesh", "--mesh-name", "none"); err == nil || !strings.Contains(out, "(NotFoundException)") {
		t.Errorf("a mesh that is not there: %v: %s", err, out)
	}
	if out, err := call(reading, "delete-mesh", "--mesh-name", mesh); err == nil || !strings.Contains(out, "not authorized") && !strings.Contains(out, "AccessDenied") {
		t.Errorf("a reader's proxy deletes: %v: %s", err, out)
	}
	journal, err := i.As(t, reader).Journal(t.Context(), mesh, 0, 10)
	if err != nil || len(journal) != 2 || journal[1].Caller != operator.ARN {
		t.Errorf("the journal is %+v, %v; want two entries by %s", journal, err, operator.ARN)
	}
}

// The command line signs by itself.
func TestTheCommandLineSigns(t *testing.T) {
	t.Parallel()
	i := installation.Get(t)
	reader, nobody := i.User(t, "Readers"), i.User(t)
	ownmesh := func(id installation.Identity, args ...string) (string, int) {
		cmd := i.Ownmesh(t, id, append(args, "--endpoint", i.API, "--sign")...)
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := ownmesh(reader, "version"); code != 0 || !strings.Contains(out, "server") {
		t.Errorf("a reader: %d, %s", code, out)
	}
	if out, code := ownmesh(nobody, "status"); code != 4 || !strings.Contains(out, "need execute-api:Invoke") {
		t.Errorf("who has no policy: %d, %s", code, out)
	}
	if out, code := ownmesh(reader, "events"); code != 4 || !strings.Contains(out, "make a rule on that bus") {
		t.Errorf("events: %d, %s", code, out)
	}
}
