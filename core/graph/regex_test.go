package graph

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// passing are regexes that we let pass, some of them near a limit.
var passing = []string{
	`/[a-z]+`, `(?i)` + strings.Repeat("sk", 120), `\pL+`, `\p{Greek}`, `\P{^Lu}`, `[[:alpha:]]`, `[^\x00-\xff]?`, `a{990}`,
	`(a{30}){28}`, `(?:a{31}){31}`, `.{300}`, `(?s).*`, `\Q\p{Letter}\E`, `\\p{x}`, `^$`, `(?P<n>x)(?<m>y)`, `\bword\B`, `é{300}`,
	`[é-ü]{100}`, strings.Repeat("x", 255), `(a|b|cd|ef)*?`, `((((((((((x))))))))))`, `\x{e9}{900}`, `[\p{Han}a-f]{2}`, `(?i)é{99}`,
	`a{0,400}`, `a{3,}`, `(?:ab|cd){100}`, `[a-z0-9]{300}`, `(?i)[a-z]{200}`, `\351`, `日本`, `(?U)a+`, `(?m)^a$`, `\pL{9}`, `(a*)*`, `(|a)+`,
	`(?:a?){300}`, `(?i)k{300}`,
}

// TestEnvoyTakesRegexes asks the real Envoy, with the limit that bootstraps set, about what passes here.
func TestEnvoyTakesRegexes(t *testing.T) {
	for _, r := range passing {
		if problem := checkRegex(r); problem != "" {
			t.Errorf("%q %s", r, problem)
		}
	}
	if out, err := envoyTakesRegexes(t, passing); err != nil {
		t.Errorf("Envoy refuses one of our regexes: %v\n%s", err, out)
	}
}

// TestRefusedRegexes: what we refuse here, Envoy does too.
func TestRefusedRegexes(t *testing.T) {
	for _, r := range []string{
		`(`, `*`, `a**`, `\p{Letter}`, `\p{Cn}`, `a{1001}`, `a{1000}b{900}`, `(a{1000}){1000}`, `(?=x)`, `\1`, `[z-a]`, `\x{100}`, `\777`, `(a{30}){40}`,
	} {
		if checkRegex(r) == "" {
			t.Errorf("%q passes", r)
		}
		if _, err := envoyTakesRegexes(t, []string{r}); err == nil {
			t.Errorf("Envoy takes %q", r)
		}
	}
}

func envoyTakesRegexes(t *testing.T, regexes []string) ([]byte, error) {
	t.Helper()
	var routes []string
	for _, r := range regexes {
		quoted, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, fmt.Sprintf(`{"match":{"safe_regex":{"regex":%s}},"direct_response":{"status":200}}`, quoted))
	}
	config := `{"layered_runtime":{"layers":[{"name":"s","static_layer":{"re2.max_program_size.error_level":1000}}]},
"static_resources":{"listeners":[{"name":"l","address":{"socket_address":{"address":"127.0.0.1","port_value":0}},
"filter_chains":[{"filters":[{"name":"h","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
"stat_prefix":"x","http_filters":[{"name":"r","typed_config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
"route_config":{"virtual_hosts":[{"name":"v","domains":["*"],"routes":[` + strings.Join(routes, ",") + `]}]}}}]}]}]}}`
	return exec.Command(envoybin.Find(t), "--mode", "validate", "-l", "warning", "--config-yaml", config).CombinedOutput()
}
