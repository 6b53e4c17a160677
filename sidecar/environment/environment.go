// Package environment reads the environment variables of App Mesh's Envoy image, and Ownmesh's own, so that a task
// definition written for App Mesh configures a sidecar here.
//
// Variables lists every one of them: what it does, or why it does nothing. Read turns their values into the options
// of a bootstrap and the arguments of an Envoy. It reads no environment and no file by itself: both are handed in.
package environment

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ownmesh/ownmesh/sidecar/bootstrap"
)

// Settings are what the variables ask for.
type Settings struct {
	Options bootstrap.Options
	// Config, if not nil, is a whole bootstrap of the user's own, to be used as it is: Options mean nothing then.
	Config []byte
	// Arguments are for Envoy's command line, besides -c.
	Arguments []string
	// Program is for the sidecar program.
	Program Program
	// Idle are the variables that are set and have no effect here.
	Idle []Variable
}

// Read reads the variables by get, which gives "" for what is not set, and the files that they name by file. An error
// has a line for each wrong value: the variable, its value, and what would be right.
//
// Identity and relay may be missing: flags can give them, and bootstrap.Render demands them.
func Read(get func(name string) string, file func(path string) ([]byte, error)) (Settings, error) {
	r := &reader{get: get, file: file}
	s := Settings{Arguments: r.arguments()}
	if path := r.text("ENVOY_CONFIG_FILE"); path != "" {
		s.Config = r.content("ENVOY_CONFIG_FILE")
	}
	r.identity(&s.Options)
	s.Program = r.program()
	r.platform(&s.Options)
	r.relay(&s.Options)
	r.admin(&s.Options)
	r.limits(&s.Options)
	r.stats(&s.Options)
	r.sinks(&s.Options)
	s.Options.Tracer = r.tracer()
	s.Options.TracedShare = r.share("OWNMESH_TRACED_SHARE")
	r.fragments(&s.Options)
	for _, v := range Variables {
		if v.Without != "" && r.text(v.Name) != "" {
			s.Idle = append(s.Idle, v)
		}
	}
	return s, errors.Join(r.faults...)
}

// reader collects what is wrong while it reads on.
type reader struct {
	get    func(string) string
	file   func(string) ([]byte, error)
	faults []error
}

func (r *reader) wrong(name, value, must string) {
	r.faults = append(r.faults, fmt.Errorf("%s is %q, and %s", name, value, must))
}

// text is a variable's value as App Mesh took it: without space around it, and empty like not set at all.
func (r *reader) text(name string) string { return strings.TrimSpace(r.get(name)) }

// first is the value of the first variable that has one, and its name.
func (r *reader) first(names ...string) (name, value string) {
	for _, name := range names {
		if v := r.text(name); v != "" {
			return name, v
		}
	}
	return "", ""
}

// content is the file that a variable names.
func (r *reader) content(name string) []byte {
	path := r.text(name)
	b, err := r.file(path)
	if err != nil {
		r.wrong(name, path, fmt.Sprintf("must name a file that can be read: %v", err))
	}
	return b
}
