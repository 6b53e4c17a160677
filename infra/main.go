// Command infra writes the CloudFormation template of an installation. The CDK command line runs it: see cdk.json at the
// repository's root, and docs/aws/deploy.md.
//
// Start with main; the stack is in installation/, what can be chosen in options/.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/installation"
	"github.com/ownmesh/ownmesh/infra/options"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	defer jsii.Close()
	app := awscdk.NewApp(&awscdk.AppProps{Context: installation.Flags()})
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	o, err := options.From(context)
	if err != nil {
		return err
	}
	if _, err := installation.New(app, o); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}
