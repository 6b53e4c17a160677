package resource

import (
	"strings"
	"testing"
)

// messages are violations as users read them.
func messages(violations []Violation) []string {
	var out []string
	for _, v := range violations {
		out = append(out, v.String())
	}
	return out
}

func TestParseRequestNamesEverythingThatIsWrong(t *testing.T) {
	_, violations := ParseRequest("CreateVirtualNode", []byte(`{
		"virtualNodeName": "a\u0007", "tags": [{"key": "aws:x"}], "sepc": 1, "meshName": "m", "meshOwner": "1",
		"spec": {
			"listeners": [
				{"portMapping": {"port": 0, "protocol": "HTTP"}, "timeout": {"http": {}, "tcp": {"idle": {"unit": "m"}}}},
				{"portmapping": {"port": 1.5}}, null, 7],
			"backends": {"a": [1, 2]},
			"logging": {"accessLog": {"file": {"path": "", "path": "x"}}}
		}}`))
	want := `virtualNodeName must have no control characters, got "a\u0007"
tags[0].key must not start with aws:, which is reserved, got "aws:x"
sepc is not a member of CreateVirtualNodeInput: did you mean "spec"?
meshName belongs in the request's path, not in its body
meshOwner belongs in the request's query, not in its body
spec.listeners[0].portMapping.port must be between 1 and 65535, got 0
spec.listeners[0].portMapping.protocol must be one of http, tcp, http2, grpc, got "HTTP"
spec.listeners[0].timeout.tcp.idle.unit must be one of s, ms, got "m"
spec.listeners[0].timeout must have at most one of grpc, http, http2, tcp, got http and tcp
spec.listeners[1].portmapping is not a member of Listener: did you mean "portMapping"?
spec.listeners[1].portMapping is required
spec.listeners[2] must be an object, got null
spec.listeners[3] must be an object, got 7
spec.backends must be a list, got {"a":[1,2]}
spec.logging.accessLog.file.path must be between 1 and 255 characters long, got ""
spec.logging.accessLog.file.path is given more than once
spec.serviceDiscovery is required for a virtual node with listeners`
	if got := strings.Join(messages(violations), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
