// Package options is what a user can choose about an installation of Ownmesh in AWS, by CDK's context: `cdk deploy -c
// name=payments -c egress=public`, or the "context" of cdk.json.
//
// It reads and checks values, and knows the sentence that docs/aws/options.md says about each. It makes nothing in AWS, and
// asks AWS nothing: a template comes out the same with and without credentials.
//
// Start with table.go, the list of options; check.go refuses what can't be.
package options

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Options is what an installation is made from. Fields are as the option of the same name in table.go says.
type Options struct {
	Name      string
	Local     bool
	Artifacts string
	LogLevel  string
	LogDays   int
	Destroy   bool // removal=destroy

	AlarmTopicARN string

	VPCID            string
	SubnetIDs        []string
	VPCCIDR          string
	Egress           string
	NATGateways      int
	ClientGroupIDs   []string
	Cluster          string
	NamespaceName    string
	NamespaceID      string
	NamespaceARN     string
	TaskClusters     []string
	ContainerInsight bool

	RelayImage     string
	RelayCPU       int
	RelayMemory    int
	RelayMin       int
	RelayMax       int
	RelayCPUTarget int
	RelayStreams   int
	RelayInterval  string

	APIRate            int
	APIBurst           int
	APIConcurrency     int
	APIAccessLogs      bool
	CompileMemory      int
	CompileConcurrency int

	Sidecars []Proxy
}

// Proxy is one node or gateway whose sidecars get a managed policy of their own.
type Proxy struct {
	Mesh string
	Kind string // virtualNode or virtualGateway
	Name string
}

// The ways in which relays of a new VPC reach AWS's own services.
const (
	EgressNAT       = "nat"
	EgressPublic    = "public"
	EgressEndpoints = "endpoints"
)

// Architecture is what Lambdas and the relay run on: emulators run on this machine's kind of processor.
func (o Options) Architecture() string {
	if o.Local {
		return "amd64"
	}
	return "arm64"
}

// ExistingVPC tells whether the relays go into a VPC that is there already.
func (o Options) ExistingVPC() bool { return o.VPCID != "" }

// ExistingNamespace tells whether the relays are registered in a Cloud Map namespace that is there already.
func (o Options) ExistingNamespace() bool { return o.NamespaceID != "" }

// plain is how options of ours are written. Other context belongs to CDK: its keys have ':', '@', '-' or '/'.
var plain = regexp.MustCompile(`^[A-Za-z]+$`)

// From reads options from CDK's context. It reports all that is wrong with them, not only the first.
func From(context map[string]any) (Options, error) {
	var o Options
	var wrong []string
	known := map[string]option{}
	for _, opt := range table {
		known[opt.name] = opt
		text, err := scalar(context[opt.name])
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", opt.name, err))
			continue
		}
		if text == "" {
			text = opt.standard
		}
		if err := opt.set(&o, text); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %q %v", opt.name, text, err))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if _, ok := known[key]; !ok && plain.MatchString(key) {
			wrong = append(wrong, fmt.Sprintf("%s: there is no such option; docs/aws/options.md lists them%s", key, nearest(key)))
		}
	}
	if len(wrong) == 0 {
		wrong = o.check()
	}
	if len(wrong) > 0 {
		return Options{}, fmt.Errorf("context: %s", strings.Join(wrong, "\n         "))
	}
	o.derive()
	return o, nil
}

// derive fills in what follows from other options.
func (o *Options) derive() {
	if o.NamespaceName == "" {
		o.NamespaceName = o.Name + ".internal"
	}
}

// scalar is a context value as -c would have given it: cdk.json may hold numbers, booleans and lists.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any:
		var parts []string
		for _, e := range v {
			text, err := scalar(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("is an object; want text, a number, true, false or a list")
}

// nearest suggests the option that differs in case or by a letter or two.
func nearest(key string) string {
	for _, opt := range table {
		if strings.EqualFold(opt.name, key) || strings.HasPrefix(strings.ToLower(opt.name), strings.ToLower(key)) {
			return "; is " + opt.name + " meant?"
		}
	}
	return ""
}
