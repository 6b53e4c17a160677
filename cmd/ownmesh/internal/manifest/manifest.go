// Package manifest reads files that say what a mesh should be: documents in YAML or JSON, each the input of an App
// Mesh Create call plus its kind; CloudFormation templates; saved answers of App Mesh's API.
//
// It knows where each document stands, so that every complaint can name file, document and line, and it reports all
// of them at once. It never calls a server: what a spec must be is core/resource's to say. Start with Read.
package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/internal/client"
	"github.com/ownmesh/ownmesh/internal/importer/cloudformation"
)

// Limits of what is read.
const (
	maxFile      = 64 << 20
	maxDocuments = 200_000
	maxProblems  = 100 // more are only counted
)

// Document is one resource as a file describes it.
type Document struct {
	File   string // as it was named; "standard input"
	Number int    // in the file, from 1
	Line   int    // in the file, from 1
	Origin string // the logical id in a template; "" elsewhere

	client.Ref
	Spec    json.RawMessage   // without nulls; "{}" where the file has none
	Tags    map[string]string // nil where the file says nothing of tags
	HasTags bool              // the file has a tags member, maybe an empty one
}

// Where names the document for people.
func (d Document) Where() string {
	if d.Origin != "" {
		return fmt.Sprintf("%s: %s (line %d)", d.File, d.Origin, d.Line)
	}
	return where(d.File, d.Number, d.Line)
}

func where(file string, number, line int) string {
	return fmt.Sprintf("%s: document %d (line %d)", file, number, line)
}

// Options say what files leave open.
type Options struct {
	Mesh                   string // of documents without a meshName
	cloudformation.Options        // for templates
}

// Content is what files hold.
type Content struct {
	// Documents are in the order of paths, then of names in a folder, then of their places in a file.
	Documents []Document
	Left      []Left // what is not carried over
}

// Left is something in a file that no document stands for, though nothing is wrong with it.
type Left struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Read reads files, folders (their *.yaml, *.yml and *.json) and, for "-", stdin. The error holds one line for each
// thing wrong; Content is what there is besides.
func Read(paths []string, stdin io.Reader, o Options) (Content, error) {
	r := &reader{options: o, tagless: map[string]bool{}}
	for _, p := range paths {
		r.path(p, stdin)
	}
	r.documents()
	if len(r.content.Documents) > maxDocuments {
		r.problem(fmt.Errorf("there are %d documents, more than %d", len(r.content.Documents), maxDocuments))
	}
	r.problems = append(r.problems, twice(r.content.Documents)...)
	r.unspecified()
	if len(r.problems) > maxProblems {
		rest := len(r.problems) - maxProblems
		r.problems = append(r.problems[:maxProblems], fmt.Errorf("and %d more", rest))
	}
	return r.content, errors.Join(r.problems...)
}

// Sort puts documents into the order in which creating works; within a kind they stay as they were.
func Sort(docs []Document) {
	slices.SortStableFunc(docs, func(a, b Document) int { return cmp.Compare(rank(a), rank(b)) })
}

func rank(d Document) int {
	i := slices.IndexFunc(resource.Kinds, func(i resource.Info) bool { return i.Kind == d.Kind })
	// An interception for one node or gateway refers to it, so it can't come early as one for the mesh does.
	if d.Kind == resource.KindInterception {
		spec, err := resource.Decode[resource.InterceptionSpec](d.Spec)
		if err == nil && (spec.VirtualNode != "" || spec.VirtualGateway != "") {
			return len(resource.Kinds)
		}
	}
	return i
}

func expand(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", path, err)
	}
	wanted, what := document, "*.yaml, *.yml or *.json"
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == cdkMark }) {
		wanted, what = template, "*.template.json"
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && wanted(strings.ToLower(e.Name())) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("folder %s holds no %s", path, what)
	}
	return files, nil
}

// cdkMark is a file by which the AWS CDK marks folders that it synthesized to. Beside templates it puts files of its own.
const cdkMark = "cdk.out"

func document(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

func template(name string) bool { return strings.HasSuffix(name, ".template.json") }

func load(path string, stdin io.Reader) (data []byte, name string, err error) {
	name, in := path, stdin
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, name, fmt.Errorf("read %s: %w", path, errors.Unwrap(err))
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	data, err = io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, name, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, name, fmt.Errorf("%s is longer than %d MB", name, maxFile>>20)
	}
	return data, name, nil
}

// twice finds resources that two documents describe.
func twice(docs []Document) []error {
	var problems []error
	first := map[client.Ref]Document{}
	for _, d := range docs {
		r := d.Ref
		r.Owner = ""
		if before, ok := first[r]; ok {
			problems = append(problems, fmt.Errorf("%s: %s of mesh %s is already in %s", d.Where(), d.Key, d.Mesh, before.Where()))
			continue
		}
		first[r] = d
	}
	return problems
}
