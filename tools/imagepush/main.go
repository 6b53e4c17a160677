// Command imagepush stands in for docker where `cdk deploy` publishes images: CDK_DOCKER names it. It does the four things
// that CDK asks for with an image that is built already, and refuses all others:
//
//	imagepush load -i FILE                                  an image as `docker save` writes it
//	imagepush tag FROM TO
//	imagepush login --username NAME --password-stdin HOST
//	imagepush push TO
//
// And one thing for people: all architectures of an image that `make images` left, into a registry of theirs:
//
//	imagepush copy dist/images/sidecar TO
//
// Between calls it remembers in a folder of its own what was loaded and who is logged in, as docker does. It builds and runs
// nothing, and needs no daemon. Start with commands.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	dir, err := stateDir()
	if err == nil {
		err = run(dir, os.Args[1:], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// stateDir is where it remembers: $OWNMESH_IMAGEPUSH, else a folder in the user's cache.
func stateDir() (string, error) {
	if dir := os.Getenv("OWNMESH_IMAGEPUSH"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "ownmesh-imagepush"), err
}

// state is what is known between calls.
type state struct {
	Images map[string]loaded // by every name that it was given
	Logins map[string]login  // by host
}

type loaded struct {
	File string // as docker save writes it
	Tag  string // its name in there
}

type login struct{ Username, Password string }

// commands are what CDK asks for.
var commands = map[string]func(*state, []string, io.Reader, io.Writer) error{
	"load":  load,
	"tag":   tag,
	"login": logIn,
	"push":  push,
	"copy":  copyLayout,
}

func run(dir string, args []string, in io.Reader, out io.Writer) error {
	if len(args) >= 2 && args[0] == "--config" { // docker's own folder: not for us
		args = args[2:]
	}
	if len(args) == 0 {
		return errors.New("name a command: load, tag, login, push, copy")
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%q is nothing that it does: load, tag, login, push, copy. It stands in for docker only to publish images that are built", args[0])
	}
	s, err := read(dir)
	if err != nil {
		return err
	}
	if err := command(s, args[1:], in, out); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return write(dir, s)
}

// load takes the file's images by name. CDK reads the name from the last line.
func load(s *state, args []string, _ io.Reader, out io.Writer) error {
	if len(args) != 2 || args[0] != "-i" {
		return errors.New("want -i FILE")
	}
	file, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, m := range manifest {
		for _, t := range m.RepoTags {
			s.Images[t] = loaded{File: file, Tag: t}
			if _, err := fmt.Fprintln(out, "Loaded image:", t); err != nil {
				return err
			}
		}
	}
	return nil
}

func tag(s *state, args []string, _ io.Reader, _ io.Writer) error {
	if len(args) != 2 {
		return errors.New("want FROM TO")
	}
	from, ok := s.Images[args[0]]
	if !ok {
		return fmt.Errorf("no image %s was loaded", args[0])
	}
	s.Images[args[1]] = from
	return nil
}

func logIn(s *state, args []string, in io.Reader, _ io.Writer) error {
	if len(args) != 4 || args[0] != "--username" || args[2] != "--password-stdin" {
		return errors.New("want --username NAME --password-stdin HOST")
	}
	password, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	s.Logins[host(args[3])] = login{Username: args[1], Password: strings.TrimSpace(string(password))}
	return nil
}

func push(s *state, args []string, _ io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one image")
	}
	from, ok := s.Images[args[0]]
	if !ok {
		return fmt.Errorf("no image %s was loaded or tagged", args[0])
	}
	inFile, err := name.NewTag(from.Tag)
	if err != nil {
		return err
	}
	img, err := tarball.ImageFromPath(from.File, &inFile)
	if err != nil {
		return fmt.Errorf("%s: %w", from.File, err)
	}
	to, err := name.ParseReference(args[0])
	if err != nil {
		return err
	}
	if err := remote.Write(to, img, remote.WithAuth(s.auth(to))); err != nil {
		return err
	}
	return printDigest(out, args[0], img)
}

// copyLayout pushes an OCI layout as it is: its index, and so every architecture.
func copyLayout(s *state, args []string, _ io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("want FOLDER TO")
	}
	from, err := layout.ImageIndexFromPath(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w: run `make images`?", args[0], err)
	}
	// A layout's own index names what is in the folder: `make images` leaves one image, an index of architectures.
	outer, err := from.IndexManifest()
	if err != nil {
		return err
	}
	if len(outer.Manifests) != 1 || !outer.Manifests[0].MediaType.IsIndex() {
		return fmt.Errorf("%s holds %d things; want one image of several architectures", args[0], len(outer.Manifests))
	}
	index, err := from.ImageIndex(outer.Manifests[0].Digest)
	if err != nil {
		return err
	}
	to, err := name.ParseReference(args[1])
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(to, index, remote.WithAuth(s.auth(to))); err != nil {
		return err
	}
	return printDigest(out, args[1], index)
}

func (s *state) auth(to name.Reference) authn.Authenticator {
	if l, ok := s.Logins[to.Context().RegistryStr()]; ok {
		return &authn.Basic{Username: l.Username, Password: l.Password}
	}
	return authn.Anonymous
}

func printDigest(out io.Writer, name string, of interface{ Digest() (v1.Hash, error) }) error {
	digest, err := of.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", name, digest)
	return err
}

// host is a registry's host of what CDK gives, which may be a URL.
func host(endpoint string) string {
	_, rest, found := strings.Cut(endpoint, "://")
	if !found {
		rest = endpoint
	}
	h, _, _ := strings.Cut(rest, "/")
	return h
}

func read(dir string) (*state, error) {
	s := &state{Images: map[string]loaded{}, Logins: map[string]login{}}
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "state.json"), err)
	}
	return s, nil
}

// write keeps the state for its owner alone: passwords are in it, which ECR's tokens are for 12 hours. Calls at the same
// time each leave a whole file.
func write(dir string, s *state) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "state-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return os.Rename(temporary.Name(), filepath.Join(dir, "state.json"))
}
