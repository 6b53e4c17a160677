package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ownmesh/ownmesh/cmd/ownmesh/internal/screen"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/sigv4"
)

// Exit codes, for scripts; `ownmesh help exit-codes` says the same.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnreachable = 5
	exitTimeout     = 6
)

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `0  all is well
1  it failed: a fault of the server or of this machine, a proxy that refused its
   configuration while it was waited for, a finding under --strict
2  misuse: unknown command, flag or value
3  not found: the resource, its mesh or something that it refers to
4  refused: by the API, or because a file breaks the API's rules
5  the server can't be reached, or is no Ownmesh server
6  the time given to --timeout is over`,
	}
}

var (
	errNoMesh    = errors.New("there is no mesh")
	errWhichMesh = errors.New("there are several meshes")
)

// failure is an error with what a person can do about it, and the exit code.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is an error of whoever typed the command.
func usage(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// print writes a line for each error that is joined in f, and the hint.
func (f *failure) print(w io.Writer) {
	for line := range strings.Lines(f.err.Error()) {
		_, _ = fmt.Fprintln(w, "error:", screen.Plain(strings.TrimRight(line, "\n")))
	}
	if f.hint != "" {
		_, _ = fmt.Fprintln(w, "hint:", screen.Plain(f.hint))
	}
}

// explain finds exit code and hint of any error.
func (a *app) explain(err error) *failure {
	f := &failure{code: exitFailure, err: err}
	if inner := (*failure)(nil); errors.As(err, &inner) {
		f.code, f.hint = inner.code, inner.hint
		return f
	}
	refusal, credentials := (*client.Error)(nil), (*sigv4.CredentialsError)(nil)
	switch {
	case errors.Is(err, context.Canceled):
		f.err = errors.New("interrupted")
	case errors.As(err, &credentials):
		f.err, f.hint = credentials, "sign in, such as by `aws sso login`, or name a profile with --profile"
	case errors.Is(err, client.ErrUnreachable):
		f.code, f.hint = exitUnreachable, a.elsewhere(err)
	case errors.Is(err, client.ErrNotFound) && errors.As(err, &refusal):
		f.code, f.hint = exitNotFound, whatThereIs(refusal.Message)
	case errors.As(err, &refusal):
		f.code, f.hint = refused(refusal)
	}
	return f
}

// elsewhere says what to look at when there is no answer, or a stranger's.
func (a *app) elsewhere(err error) string {
	where := fmt.Sprintf("--endpoint or %s says where, now %s", endpointVariable, a.endpoint)
	switch {
	case errors.Is(err, client.ErrStranger):
		return "something else listens there; " + where
	case strings.HasPrefix(a.endpoint, "https:"):
		return "is it the stack's output Api, and can this machine reach it? " + where
	}
	return "is `ownmesh up` running? " + where
}

// whatThereIs names the command that lists what was not found among.
func whatThereIs(message string) string {
	switch {
	case strings.HasPrefix(message, "Mesh "):
		return "`ownmesh get meshes` lists what there is"
	case strings.HasPrefix(message, "Instance "):
		return "`ownmesh endpoints list` lists what there is"
	}
	return "`ownmesh get KIND` lists what there is"
}

func refused(e *client.Error) (code int, hint string) {
	switch {
	case e.Status >= http.StatusInternalServerError:
		return exitFailure, "the server's log says more under request " + e.RequestID
	case sigv4.OfCredentials(e.Type):
		return exitRefused, "the AWS credentials are not valid any more: sign in again, such as by `aws sso login`"
	case e.Type == "AccessDeniedException":
		return exitRefused, "the AWS credentials need execute-api:Invoke on this path"
	case e.Type == "MissingAuthenticationTokenException":
		return exitRefused, "API Gateway knows no such path: --endpoint must end with the stage, which is /mesh"
	case e.Type == "InvalidSignatureException":
		return exitRefused, "is --region that of the API, and this machine's clock right?"
	case e.Type == "ResourceInUseException":
		return exitRefused, "delete what refers to it first; `ownmesh delete -f` knows the order"
	case e.Type == "ConflictException":
		return exitRefused, "somebody else has written it meanwhile: try again"
	}
	return exitRefused, ""
}

func names(refs []client.Ref) string {
	var all []string
	for _, r := range refs {
		all = append(all, r.Name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
