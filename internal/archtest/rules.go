package archtest

import (
	"slices"
	"strings"
)

// What several rules name.
var (
	aws    = "github.com/aws"
	envoys = []string{"github.com/envoyproxy/go-control-plane", "/core/envoy"}
)

// Rules are this repository's import rules. The reason is part of what a broken rule prints.
func (t *Tree) Rules() []Rule {
	rules := []Rule{
		{Of: []string{"events"}, Not: []string{"*"}, But: []string{"std"},
			Why: "but events is the contract that every part may import: standard library only"},
		{Of: []string{"core"}, Not: []string{aws},
			Why: "but core is pure: AWS comes in through adapters"},
		{Of: []string{"core"}, Not: []string{"/"}, But: []string{"/core", "/events"},
			Why: "but core knows ports only: adapters, lambdas and mains depend on it, never the other way"},
		{Of: []string{"core/resource", "core/graph", "core/api"}, Not: envoys,
			Why: "but what users write, the graph and the API know no Envoy types (and the API's Lambda stays small)"},
		{Of: []string{"core/compile"}, Not: []string{"context", "os", "time"}, Direct: true,
			Why: "but compiling is pure: no I/O, no clock, the same state gives the same bytes"},
		{Of: []string{"xdsrelay"}, Not: []string{"/core/graph", "/core/compile", "/core/resource", "/core/envoy"},
			Why: "but the relay serves logs and knows no mesh semantics but the join of endpoints"},
		{Of: []string{"sidecar"}, Not: []string{"/core/store", "/core/graph", "/core/compile"},
			Why: "but a sidecar knows one proxy, not the mesh"},
		{Of: []string{"infra"}, Not: []string{"/"}, But: []string{"/infra", "/events"},
			Why: "but infra is a module of its own and shares only the contract"},
		{Of: []string{"lambdas/api"}, Not: envoys,
			Why: "but the API's Lambda is 5 MB smaller without Envoy's types"},
	}
	for _, adapter := range t.adapters() {
		rules = append(rules, Rule{Of: []string{adapter}, Not: []string{"/adapters"}, But: []string{"/" + adapter},
			Why: "but an adapter is one technology and knows no other adapter"})
	}
	return rules
}

// adapters lists the folders right below adapters/.
func (t *Tree) adapters() []string {
	var found []string
	for _, dir := range t.dirs() {
		if rest, ok := strings.CutPrefix(dir, "adapters/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			found = append(found, "adapters/"+name)
		}
	}
	return slices.Compact(found)
}

// Impure is what the packages of Pure must not use: the same input gives the same output.
var (
	Pure   = []string{"core/resource", "core/graph", "core/envoy", "core/compile", "core/endpoint"}
	Impure = []string{
		"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After",
		"os.Getenv", "os.LookupEnv", "os.ReadFile", "os.Open", "anypb.New", "protojson.Marshal",
	}
)

// LineLimit is for files without their tests. Where readers drown is the tail.
const LineLimit = 350

// LongFiles lists files that may be longer, with the reason.
var LongFiles = map[string]string{}
