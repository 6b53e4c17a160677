// Package terraform runs Terraform, with HashiCorp's provider for AWS as it is, against an API of Ownmesh: that of one machine
// in this package's test, that of AWS in test/aws. The folder shop holds the mesh that both make.
//
// The provider comes from Terraform's registry. Where that can't be reached, OWNMESH_TERRAFORM_PROVIDER names a folder that
// has the program terraform-provider-aws; with neither, the tests skip. There is no code here but for tests. Start with Life.
package terraform

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Provider is the variable that names the folder of a provider.
const Provider = "OWNMESH_TERRAFORM_PROVIDER"

//go:embed shop/*.tf
var shop embed.FS

// Folder is one where Terraform is run, with what it made so far. It is for one test.
type Folder struct {
	tb          testing.TB
	program     string
	dir         string
	environment []string
}

// New makes a folder with the configuration of shop, for the API at this URL. The environment is what the provider has of
// AWS; sts, if it is not empty, the URL at which the provider learns its account.
func New(tb testing.TB, api, sts, mesh string, environment ...string) *Folder {
	tb.Helper()
	program, err := exec.LookPath("terraform")
	if err != nil {
		tb.Skip("no terraform on PATH: its provider is not tested here")
	}
	f := &Folder{tb: tb, program: program, dir: tb.TempDir()}
	if err := os.CopyFS(f.dir, shop); err != nil {
		tb.Fatal(err)
	}
	f.dir = filepath.Join(f.dir, "shop")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "TF_") {
			f.environment = append(f.environment, v)
		}
	}
	f.environment = append(append(f.environment, environment...), "AWS_EC2_METADATA_DISABLED=true", "CHECKPOINT_DISABLE=1", "TF_INPUT=0",
		"TF_CLI_ARGS=-no-color", "TF_VAR_appmesh="+api, "TF_VAR_sts="+sts, "TF_VAR_mesh="+mesh)
	f.initialize()
	return f
}

// initialize gets the provider, from a folder if one is named, or skips the test.
func (f *Folder) initialize() {
	f.tb.Helper()
	if provider := os.Getenv(Provider); provider != "" {
		settings := filepath.Join(f.dir, "terraform.rc")
		text := fmt.Sprintf("provider_installation {\n  dev_overrides { \"hashicorp/aws\" = %q }\n  direct {}\n}\n", provider)
		f.write("terraform.rc", text)
		f.environment = append(f.environment, "TF_CLI_CONFIG_FILE="+settings)
		if _, err := os.Stat(filepath.Join(provider, "terraform-provider-aws")); err != nil || !filepath.IsAbs(provider) {
			f.tb.Fatalf("%s is %q: it must name, by an absolute path, a folder that has the program terraform-provider-aws: %v", Provider, provider, err)
		}
		return // Terraform wants no init then
	}
	if value, ok := os.LookupEnv("TF_CLI_CONFIG_FILE"); ok {
		f.environment = append(f.environment, "TF_CLI_CONFIG_FILE="+value)
	}
	if out, err := f.run("init"); err != nil && strings.Contains(out, "provider packages") {
		f.tb.Skipf("terraform can't get its provider here, and %s names none: %s", Provider, out)
	} else if err != nil {
		f.tb.Fatalf("terraform init: %v: %s", err, out)
	}
}

// Run runs a command of Terraform that must do well, and gives what it prints.
func (f *Folder) Run(arguments ...string) string {
	f.tb.Helper()
	out, err := f.run(arguments...)
	if err != nil {
		f.tb.Fatalf("terraform %s: %v: %s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// Fails runs a command of Terraform that must fail, and gives what it prints.
func (f *Folder) Fails(arguments ...string) string {
	f.tb.Helper()
	out, err := f.run(arguments...)
	if err == nil {
		f.tb.Fatalf("terraform %s does well: %s", strings.Join(arguments, " "), out)
	}
	return out
}

func (f *Folder) run(arguments ...string) (string, error) {
	out, err := f.command(arguments...).CombinedOutput()
	return string(out), err
}

func (f *Folder) command(arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(f.tb.Context(), f.program, arguments...)
	cmd.Dir, cmd.Env = f.dir, f.environment
	return cmd
}

func (f *Folder) write(name, text string) {
	f.tb.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.tb.Fatal(err)
	}
}

// Forget drops Terraform's state, and has the next apply import all that was in it.
func (f *Folder) Forget() {
	f.tb.Helper()
	var state struct {
		Values struct {
			Root struct {
				Resources []struct {
					Address, Mode string
					Values        map[string]any
				}
			} `json:"root_module"`
		}
	}
	out, err := f.command("show", "-json").Output() // not with what it says on standard error
	if err == nil {
		err = json.Unmarshal(out, &state)
	}
	if err != nil {
		f.tb.Fatalf("terraform show: %v: %s", err, out)
	}
	var imports strings.Builder
	for _, r := range state.Values.Root.Resources {
		var id []string
		for _, part := range []string{"mesh_name", "virtual_router_name", "virtual_gateway_name", "name"} {
			if name, ok := r.Values[part].(string); ok {
				id = append(id, name)
			}
		}
		if r.Mode == "managed" {
			fmt.Fprintf(&imports, "import {\n  to = %s\n  id = %q\n}\n", r.Address, strings.Join(id, "/"))
		}
	}
	f.write("import.tf", imports.String())
	if err := os.Remove(filepath.Join(f.dir, "terraform.tfstate")); err != nil {
		f.tb.Fatal(err)
	}
}
