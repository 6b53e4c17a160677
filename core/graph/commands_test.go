package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"testing"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// arguments are examples of what commands take in parentheses.
var arguments = map[string][]string{
	"": {"a"}, "START_TIME": {"", "%s.%3f", "%Y/%m/%dT%H:%M:%S%z %9f"}, "GRPC_STATUS": {"", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"},
	"RESPONSE_CODE_DETAILS": {"", "ALLOW_WHITESPACES"}, "REQ": {":METHOD", "X-ENVOY-ORIGINAL-PATH?:PATH"},
	"FILTER_STATE": {"key", "key:PLAIN", "key:TYPED"}, "DYNAMIC_METADATA": {"ns", "ns:key:path"},
}

// TestEnvoyKnowsTheCommands asks the real Envoy about every command, in every form that we let pass.
func TestEnvoyKnowsTheCommands(t *testing.T) {
	var formats []string
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		rule := commands[name]
		examples := arguments[name]
		if len(examples) == 0 {
			examples = map[demand][]string{never: {""}, maybe: {"", "24"}, always: {"a"}}[rule.argument]
		}
		for _, a := range examples {
			format := "%" + name
			if a != "" {
				format += "(" + a + ")"
			}
			if rule.length {
				formats = append(formats, format+":7%")
			}
			formats = append(formats, format+"%")
		}
	}
	formats = append(formats, "100%% of %PROTOCOL%", "plain", "%REQ(a)%%RESP(b):3%")
	var text string
	for _, f := range formats {
		if problem := checkFormat(f); problem != "" {
			t.Errorf("%q: %s", f, problem)
		}
		text += f + "\n"
	}
	if out, err := envoyTakes(t, text); err != nil {
		t.Errorf("Envoy refuses one of our formats: %v\n%s", err, out)
	}
}

// TestRefusedFormats: what we refuse here, Envoy does too.
func TestRefusedFormats(t *testing.T) {
	for _, f := range []string{
		"%", "100%", "%REQ%", "%REQ()%", "%NONSENSE%", "%PROTOCOL(x)%", "%PROTOCOL:3%", "%protocol%", "%START_TIME", "%REQ(a)",
		"%GRPC_STATUS(x)%", "%UPSTREAM_METADATA(a):3%", "%START_TIME:3%", "%REQ(a):x%", "%PROTOCOL% %",
	} {
		if checkFormat(f) == "" {
			t.Errorf("%q passes", f)
		}
		if _, err := envoyTakes(t, f); err == nil {
			t.Errorf("Envoy takes %q", f)
		}
	}
}

// envoyTakes asks the real Envoy about a format.
func envoyTakes(t *testing.T, format string) ([]byte, error) {
	t.Helper()
	quoted, err := json.Marshal(format)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"static_resources":{"listeners":[{"name":"l",
"address":{"socket_address":{"address":"127.0.0.1","port_value":0}},"filter_chains":[{"filters":[]}],
"access_log":[{"name":"f","typed_config":{"@type":"type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
"path":"/dev/null","log_format":{"text_format_source":{"inline_string":%s}}}}]}]}}`, quoted)
	return exec.Command(envoybin.Find(t), "--mode", "validate", "-l", "warning", "--config-yaml", config).CombinedOutput()
}
