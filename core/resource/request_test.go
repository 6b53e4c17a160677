package resource

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestParseRequestReads(t *testing.T) {
	for _, test := range []struct {
		operation, body string
		want            Request
	}{
		{"CreateMesh", ``, Request{}}, // meshName is required: see below
		{"UpdateMesh", ``, Request{Spec: []byte(`{}`)}},
		{"UpdateMesh", ` null `, Request{Spec: []byte(`{}`)}},
		{"UpdateMesh", `{"spec": null, "clientToken": null}`, Request{Spec: []byte(`{}`)}},
		{"UpdateMesh", `{"spec": {}}`, Request{Spec: []byte(`{}`), HasSpec: true}},
		{"CreateMesh", `{"meshName": "shop", "clientToken": "` + strings.Repeat("t", 200) + `", "tags": [
			{"key": "a", "value": "1"}, {"key": "b"}, {"key": "c", "value": null}, {"key": "a", "value": "2"}, {"key": "", "value": ""}]}`, Request{}},
		{"CreateMesh", `{"meshName": "shop", "clientToken": "` + strings.Repeat("t", 200) + `", "tags": [
			{"key": "a", "value": "1"}, {"key": "b"}, {"key": "c", "value": null}, {"key": "a", "value": "2"}]}`,
			Request{Name: "shop", Spec: []byte(`{}`), ClientToken: strings.Repeat("t", 200), Tags: map[string]string{"a": "2", "b": "", "c": ""}}},
		{"TagResource", `{"tags": []}`, Request{Spec: []byte(`{}`)}},
		{"UntagResource", `{"tagKeys": ["a", "b"]}`, Request{Spec: []byte(`{}`), TagKeys: []string{"a", "b"}}},
		{"CreateVirtualService", `{"virtualServiceName": "a/b ü.local", "spec": {"provider": {}}}`,
			Request{Name: "a/b ü.local", Spec: []byte(`{"provider":{}}`), HasSpec: true}},
		{"CreateInterception", `{"interceptionName": "all", "spec": {"mode": "explicit", "virtualNode": null}}`,
			Request{Name: "all", Spec: []byte(`{"mode":"explicit"}`), HasSpec: true}},
		// Zeros, empty values, order and characters stay; nulls go; whole numbers are spelled plainly.
		{"UpdateVirtualNode", `{"spec": {"listeners": [], "backends": [ ], "logging": {}, "backendDefaults": {"clientPolicy": null}}}`,
			Request{Spec: []byte(`{"listeners":[],"backends":[],"logging":{},"backendDefaults":{}}`), HasSpec: true}},
		{"UpdateRoute", `{"spec": {"priority": -0.0, "httpRoute": {"match": {"prefix": "\u002f<ü>", "port": 8.08e3},
			"action": {"weightedTargets": [{"weight": 1e2, "virtualNode": "a"}, {"virtualNode": "b", "weight": 50.0}]}}}}`,
			Request{Spec: []byte(`{"priority":0,"httpRoute":{"match":{"prefix":"\u002f<ü>","port":8080},` +
				`"action":{"weightedTargets":[{"weight":100,"virtualNode":"a"},{"virtualNode":"b","weight":50}]}}}`), HasSpec: true}},
		{"UpdateRoute", `{"spec": {"httpRoute": {"match": {"headers": [{"name": "n", "match":
			{"range": {"start": -9223372036854775808, "end": 9223372036854775807}}}]}, "action": {"weightedTargets": [{"virtualNode": "a", "weight": 0}]}}}}`,
			Request{Spec: []byte(`{"httpRoute":{"match":{"headers":[{"name":"n","match":{"range":{"start":-9223372036854775808,"end":9223372036854775807}}}]},` +
				`"action":{"weightedTargets":[{"virtualNode":"a","weight":0}]}}}`), HasSpec: true}},
	} {
		got, violations := ParseRequest(test.operation, []byte(test.body))
		if refused := reflect.DeepEqual(test.want, Request{}); refused != (len(violations) > 0) {
			t.Errorf("%s %s: %v", test.operation, test.body, violations)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s: want (-), got (+):\n%s", test.operation, test.body, diff)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	many := `{"tagKeys": [` + strings.Repeat(`1,`, 5000) + `1]}`
	for _, test := range []struct{ operation, body, want string }{
		{"CreateMesh", `{}`, `meshName is required`},
		{"CreateMesh", `[1, "a b"]`, `body must be an object, got [1,"a b"]`},
		{"CreateMesh", `"` + strings.Repeat("ü", 40) + `"`, `body must be an object, got "` + strings.Repeat("ü", 30) + `…"`},
		{"CreateMesh", `{"meshName": "a", "spec": {"egressFilter": {"type": "ALLOW_ALL"},}}`, `body must be JSON: at byte 65 found '}' where a member's name should start`},
		{"CreateMesh", `{"meshName": "a"} x`, `body must be JSON: at byte 18 found 'x' behind the end of the value`},
		{"CreateMesh", "{\"meshName\": \"a\xff\"}", `body must be JSON: at byte 15 found the byte 0xff, which is not UTF-8, inside a string`},
		{"CreateMesh", `{"meshName": "\ud83d"}`, `body must be JSON: at byte 14 found half of a surrogate pair`},
		{"CreateMesh", `{"meshName":` + strings.Repeat("[", 100000), `body must be JSON: at byte 75 values nest deeper than 64 levels`},
		{"CreateMesh", `[` + strings.Repeat("0,", 200000) + `0]`, `body must be JSON: at byte 199999 there are more than 100000 values`},
		{"CreateMesh", `{"meshName": "a", "MeshName": "a"}`, `MeshName is not a member of CreateMeshInput: did you mean "meshName"?`},
		{"CreateMesh", `{"meshName": "a", "": 1, "a\nb": 2}`, `[""] is not a member of CreateMeshInput, which has clientToken, meshName, spec, tags` + "\n" +
			`["a\nb"] is not a member of CreateMeshInput, which has clientToken, meshName, spec, tags`},
		{"CreateMesh", `{"meshName": "` + strings.Repeat("é", 255) + `"}`, ``}, // characters, not bytes
		{"CreateMesh", `{"meshName": "` + strings.Repeat("é", 256) + `"}`,
			`meshName must be between 1 and 255 characters long, got "` + strings.Repeat("é", 30) + `…" (256 characters)`},
		{"CreateVirtualService", `{"virtualServiceName": "", "spec": {}}`, `virtualServiceName must be between 1 and 255 characters long, got ""`},
		{"UpdateRoute", `{"spec": {"priority": 99999999999999999999999, "tcpRoute": {"action": {"weightedTargets": []}}}}`,
			`spec.priority must be between 0 and 1000, got 99999999999999999999999` + "\n" +
				`spec.tcpRoute.action.weightedTargets must have between 1 and 10 items, got 0`},
		{"UpdateRoute", `{"spec": {"priority": 1e999999999999, "tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "a", "weight": 1e-1}]}}}}`,
			`spec.priority must be between 0 and 1000, got 1e999999999999` + "\n" +
				`spec.tcpRoute.action.weightedTargets[0].weight must be a whole number, got 1e-1`},
		{"UntagResource", many, strings.Join(append([]string{`tagKeys must have at most 50 items, got 5001`}, lines(99)...), "\n") +
			"\nbody has 4902 more faults like these"},
		{"CreateInterception", `{"interceptionName": "x", "spec": {"mode": "none", "virtualNode": "a", "virtualGateway": "b"}}`,
			`spec.mode must be one of transparent, explicit, got "none"` + "\n" + `spec must have at most one of virtualGateway, virtualNode, got both`},
	} {
		_, violations := ParseRequest(test.operation, []byte(test.body))
		if got := strings.Join(messages(violations), "\n"); got != test.want {
			t.Errorf("%s %.200s:\ngot  %s\nwant %s", test.operation, test.body, got, test.want)
		}
	}
}

// lines are the messages for the first n of many wrong tag keys.
func lines(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("tagKeys[%d] must be a string, got 1", i))
	}
	return out
}

func TestTagResourceLeavesTheCountToItsCaller(t *testing.T) {
	var tags []string
	for i := range 60 {
		tags = append(tags, fmt.Sprintf(`{"key": "k%d", "value": ""}`, i))
	}
	body := `"tags": [` + strings.Join(tags, ",") + `]}`
	if r, violations := ParseRequest("TagResource", []byte("{"+body)); len(violations) > 0 || len(r.Tags) != 60 {
		t.Errorf("TagResource: %d tags, %v", len(r.Tags), violations)
	}
	if _, violations := ParseRequest("CreateMesh", []byte(`{"meshName": "a", `+body)); len(violations) != 1 || violations[0].Path != "tags" {
		t.Errorf("CreateMesh: %v", violations)
	}
}

func TestRulesWithinOneResource(t *testing.T) {
	const targets = `"action": {"weightedTargets": [{"virtualNode": "a", "weight": 1}]}`
	const target = `"action": {"target": {"virtualService": {"virtualServiceName": "a"}}}`
	for _, test := range []struct{ operation, spec, want string }{
		{"UpdateVirtualNode", `{"listeners": [{"portMapping": {"port": 80, "protocol": "tcp"}}]}`, `spec.serviceDiscovery is required for a virtual node with listeners`},
		{"UpdateVirtualNode", `{"listeners": [{"portMapping": {"port": 80, "protocol": "tcp"}}], "serviceDiscovery": {}}`,
			`spec.serviceDiscovery is required for a virtual node with listeners, got {}`},
		{"UpdateVirtualNode", `{"listeners": [{"portMapping": {"port": 80, "protocol": "tcp"}}], "serviceDiscovery": {"dns": null}}`,
			`spec.serviceDiscovery is required for a virtual node with listeners, got {"dns":null}`},
		{"UpdateVirtualNode", `{"listeners": []}`, ``},
		{"UpdateVirtualNode", `{"serviceDiscovery": {"dns": {"hostname": "a"}}}`, ``},
		{"UpdateVirtualNode", `{"backends": [{}]}`, ``},
		{"UpdateRoute", `{}`, `spec must have exactly one of grpcRoute, http2Route, httpRoute, tcpRoute, got none`},
		{"UpdateRoute", `{"tcpRoute": {` + targets + `}, "httpRoute": {"match": {}, ` + targets + `}}`,
			`spec must have exactly one of grpcRoute, http2Route, httpRoute, tcpRoute, got httpRoute and tcpRoute`},
		{"UpdateRoute", `{"tcpRoute": {` + targets + `}, "httpRoute": null}`, ``},
		{"UpdateRoute", `{"grpcRoute": {"match": {"methodName": "Get"}, ` + targets + `}}`, `spec.grpcRoute.match.serviceName is required where methodName is given`},
		{"UpdateRoute", `{"grpcRoute": {"match": {}, ` + targets + `}}`, ``},
		{"UpdateGatewayRoute", `{"priority": 1}`, `spec must have exactly one of grpcRoute, http2Route, httpRoute, got none`},
		{"UpdateGatewayRoute", `{"httpRoute": {"match": {"prefix": "/aws-appmesh"}, ` + target + `}}`,
			`spec.httpRoute.match.prefix must not start with /aws-appmesh, which is reserved, got "/aws-appmesh"`},
		{"UpdateGatewayRoute", `{"http2Route": {"match": {"prefix": "/aws-app-mesh-x/"}, ` + target + `}}`,
			`spec.http2Route.match.prefix must not start with /aws-app-mesh, which is reserved, got "/aws-app-mesh-x/"`},
		{"UpdateGatewayRoute", `{"grpcRoute": {"match": {"serviceName": "aws.app-mesh.x"}, ` + target + `}}`,
			`spec.grpcRoute.match.serviceName must not start with aws.app-mesh, which is reserved, got "aws.app-mesh.x"`},
		{"UpdateGatewayRoute", `{"httpRoute": {"match": {"prefix": "/x/aws-appmesh"}, ` + target + `}}`, ``},
		{"UpdateRoute", `{"httpRoute": {"match": {"prefix": "/aws-appmesh"}, ` + targets + `}}`, ``}, // only gateways have reserved ones
		{"UpdateInterception", `{"mode": "transparent", "virtualGateway": "a"}`, ``},
	} {
		_, violations := ParseRequest(test.operation, []byte(`{"spec": `+test.spec+`}`))
		if got := strings.Join(messages(violations), "\n"); got != test.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", test.operation, test.spec, got, test.want)
		}
	}
}

func TestCheckParam(t *testing.T) {
	for _, test := range []struct{ operation, member, value, want string }{
		{"ListRoutes", "limit", "1", ""},
		{"ListRoutes", "limit", "100", ""},
		{"ListTagsForResource", "limit", "100", "limit must be between 1 and 50, got 100"},
		{"ListRoutes", "limit", "+1", `limit must be a whole number, got "+1"`},
		{"ListRoutes", "limit", "99999999999999999999", "limit must be between 1 and 100, got 99999999999999999999"},
		{"ListRoutes", "nextToken", "", ""},
		{"GetSomethingElse", "meshName", "", ""},
		{"ListRoutes", "X-Amz-Date", "\xff", ""}, // not ours to judge
		{"CreateRoute", "routeName", "", ""},     // in the body
		{"UpdateRoute", "routeName", "a/b ü", ""},
		{"UpdateRoute", "routeName", "a\x00", `routeName must have no control characters, got "a\u0000"`},
		{"UpdateRoute", "routeName", "a\xff", `routeName must be UTF-8, got "a\xff"`},
		{"DeleteVirtualService", "virtualServiceName", strings.Repeat("x", 256),
			`virtualServiceName must be between 1 and 255 characters long, got "` + strings.Repeat("x", 60) + `…" (256 characters)`},
		{"DeleteVirtualNode", "meshOwner", "123", `meshOwner must be 12 characters long, got "123"`},
		{"TagResource", "resourceArn", "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop", ""},
		{"TagResource", "resourceArn", "shop", `resourceArn must be the ARN of a mesh or of something in one: it does not read arn:partition:appmesh:region:account:mesh/…, got "shop"`},
	} {
		if got := strings.Join(messages(CheckParam(test.operation, test.member, test.value)), "\n"); got != test.want {
			t.Errorf("%s %s=%q:\ngot  %s\nwant %s", test.operation, test.member, test.value, got, test.want)
		}
	}
}

func TestUnknownOperationPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	ParseRequest("CreateNothing", nil)
}

// TestLargestSpec: what counts is the spec as it is kept, without the spaces and nulls of the request.
func TestLargestSpec(t *testing.T) {
	body := func(size int) []byte { // a spec of this size
		const head, tail = `{"backends":[`, `]}`
		var spec strings.Builder
		spec.WriteString(head)
		for i := 0; size-spec.Len()-len(tail) > 1000; i++ {
			fmt.Fprintf(&spec, `{"virtualService":{"virtualServiceName":"service-%d-%s"}},`, i, strings.Repeat("x", 200))
		}
		const last = `{"virtualService":{"virtualServiceName":"` + `"}}`
		left := size - spec.Len() - len(tail)
		for ; left > len(last)+250; left -= len(last) + 1 + 200 {
			fmt.Fprintf(&spec, `{"virtualService":{"virtualServiceName":"%s"}},`, strings.Repeat("y", 200))
		}
		fmt.Fprintf(&spec, `{"virtualService":{"virtualServiceName":"%s"}}%s`, strings.Repeat("z", left-len(last)), tail)
		return []byte(`{"virtualNodeName": "n", "spec":   ` + strings.Replace(spec.String(), "{", `{"logging":null,  `, 1) + `}`)
	}
	r, vs := ParseRequest("CreateVirtualNode", body(MaxSpecBytes))
	if len(vs) > 0 || len(r.Spec) != MaxSpecBytes {
		t.Errorf("a spec of %d bytes: %v", len(r.Spec), vs)
	}
	_, vs = ParseRequest("UpdateVirtualNode", bytes.Replace(body(MaxSpecBytes+1), []byte(`"virtualNodeName": "n",`), nil, 1))
	if want := "spec must have at most 262144 bytes as JSON without spaces, got one of 262145"; len(vs) != 1 || vs[0].String() != want {
		t.Errorf("got %v, want %s", vs, want)
	}
}
