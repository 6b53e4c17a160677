// Command images writes the container images of what runs on ECS, relay, sidecar and the example application, as OCI layouts, one a folder. It
// needs no container engine: the programs are built already, and tools/image-parts.sh has fetched the rest.
//
// It says what is in each image, and nothing else: how one is written is package image's. Start with sidecar.go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ownmesh/ownmesh/internal/image"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// source is where an image's files come from.
type source struct {
	programs string   // folder of programs: <arch>/<name>
	parts    string   // folder that tools/image-parts.sh fills
	arch     []string // amd64, arm64
	version  string
}

// images are all, by the folder that they go to.
var images = map[string]func(source) (image.Image, error){
	"relay":    relay,
	"sidecar":  sidecar,
	"ordering": ordering,
}

func run(args []string, out io.Writer) error {
	var s source
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.StringVar(&s.programs, "programs", "dist/programs", "`folder` of programs: ARCH/NAME")
	flags.StringVar(&s.parts, "parts", ".tools/image", "`folder` that tools/image-parts.sh fills")
	flags.StringVar(&s.version, "version", "", "of the programs, for the label")
	folder := flags.String("out", "dist/images", "`folder` for the layouts")
	arch := flags.String("arch", "amd64,arm64", "architectures")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name the images: relay, sidecar, ordering")
	}
	s.arch = strings.Split(*arch, ",")
	for _, name := range flags.Args() {
		of, ok := images[name]
		if !ok {
			return fmt.Errorf("there is no image %q: name relay, sidecar, ordering", name)
		}
		i, err := of(s)
		if err != nil {
			return err
		}
		digest, err := image.Write(filepath.Join(*folder, name), i)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s: %s %s\n", name, filepath.Join(*folder, name), digest); err != nil {
			return err
		}
	}
	return nil
}

// labels are the ones that registries show. No time is among them: the same source gives the same image.
func (s source) labels(name, what string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "ownmesh " + name,
		"org.opencontainers.image.description": what,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     s.version,
	}
}

// program is one of our own, which needs nothing around it.
func (s source) program(arch, name, at string) image.File {
	return image.File{Path: at, Mode: 0o755, Source: filepath.Join(s.programs, arch, name)}
}
