// Command ecs deploys the ordering application to ECS with Fargate, each task with Ownmesh's sidecar, and a gateway behind
// a load balancer. README.md says how; ordering.go is the stack, sidecar.go what makes a task part of a mesh.
//
// It makes no mesh: `ownmesh apply` does, from ../mesh.yaml and the files here. Start with main.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/layout"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	s, err := readSettings(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) })
	if err != nil {
		return err
	}
	for _, image := range []string{"sidecar", "ordering"} {
		if s.uris[image] != "" {
			continue
		}
		to := s.tarball(image)
		if err := layout.Pack(filepath.Join(s.artifacts, "images", image), "arm64", "ownmesh/"+image, to); err != nil {
			return fmt.Errorf("%s's image: %w: run `make images`, or name one with -c %sImage=…", image, err, image)
		}
	}
	newOrdering(app, s)
	app.Synth(nil)
	return nil
}
