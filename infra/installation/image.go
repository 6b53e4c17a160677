package installation

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/options"
	"github.com/ownmesh/ownmesh/infra/registry"
)

// localImage stands for the relay's image where nothing runs it.
const localImage = "ownmesh/relay:local"

// usesLayout tells whether the relay's image is taken from `make images`.
func usesLayout(o options.Options) bool { return o.RelayImage == "" && !o.Local }

func layoutPath(o options.Options) string { return filepath.Join(o.Artifacts, "images", "relay") }

// tarballPath is where the image lies as `docker load` takes it.
func tarballPath(o options.Options) string {
	return filepath.Join(o.Artifacts, "images", "relay-arm64.tar")
}

// relayImage is the image that was named, or what `make images` left, which `cdk deploy` then publishes.
func (m *mesh) relayImage() awsecs.ContainerImage {
	switch {
	case m.o.RelayImage != "":
		return registry.Image(m.Stack, "RelayRepository", m.o.RelayImage)
	case m.o.Local:
		return awsecs.ContainerImage_FromRegistry(jsii.String(localImage), nil)
	}
	return awsecs.ContainerImage_FromTarball(jsii.String(tarballPath(m.o)))
}
