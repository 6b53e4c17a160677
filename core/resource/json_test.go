package resource

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// seeds are values that JSON readers have stumbled over.
var seeds = []string{
	``, ` `, `{}`, `[]`, `null`, `true`, `fals`, `{"a":1}`, `{"a":1,}`, `[1,]`, `[,1]`, `{"a" 1}`, `{a:1}`, `{"a":1,"a":2}`, `[1 2]`,
	`0`, `-0`, `00`, `01`, `-`, `+1`, `1.`, `.5`, `1.5`, `1e`, `1e+`, `1E-2`, `-1.25e+10`, `1e400`, `0x1`, `NaN`, `Infinity`,
	`""`, `"`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u00zz"`, `"\uD83D\uDE00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\u0041"`, `"\ud83dx"`, "\"\x01\"", "\"\x1f\"",
	"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"é\u2028\U0001F600\"", "\xef\xbb\xbf{}", `{"\u0061":1,"a":2}`, "\"\x7f\"", `"\/\b\f\n\r\t\\"`,
	`{} {}`, `[[[[[[]]]]]]`, "\t{\r\n}\n", "\f{}", strings.Repeat("[", 70) + strings.Repeat("]", 70), `{"a":{"b":[{"c":null}]}}`,
}

// agrees compares the parser with encoding/json: it takes the same texts, but for those that it is meant to refuse.
func agrees(t interface{ Errorf(string, ...any) }, b []byte) {
	n, err := parseJSON(b)
	if err != nil {
		if err.offset < 0 || err.offset > len(b) || err.what == "" {
			t.Errorf("%q: a fault %q at byte %d", b, err.what, err.offset)
		}
		stricter := !utf8.Valid(b) || strings.Contains(err.what, "surrogate") || strings.Contains(err.what, "deeper") ||
			strings.Contains(err.what, "more than")
		if json.Valid(b) && !stricter {
			t.Errorf("%q is refused: %v", b, err)
		}
		return
	}
	if !json.Valid(b) || !utf8.Valid(b) {
		t.Errorf("%q is accepted", b)
		return
	}
	repeats := false
	var plain func(n node) any
	plain = func(n node) any {
		switch n.kind {
		case objectNode:
			o := map[string]any{}
			for _, m := range n.members {
				_, present := o[m.name]
				if present != m.repeated {
					t.Errorf("%q: member %q repeated: %v", b, m.name, m.repeated)
				}
				repeats = repeats || present
				o[m.name] = plain(m.node)
			}
			return o
		case listNode:
			l := []any{}
			for _, item := range n.items {
				l = append(l, plain(item))
			}
			return l
		case stringNode:
			return n.text
		case numberNode:
			return json.Number(n.raw)
		case boolNode:
			return string(n.raw) == "true"
		}
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var want any
	if err := d.Decode(&want); err != nil {
		t.Errorf("%q: %v", b, err)
	}
	if got := plain(n); !repeats && !reflect.DeepEqual(want, got) {
		t.Errorf("%q is read as %#v, not %#v", b, got, want)
	}
}

func TestParserAgreesWithTheStandardLibrary(t *testing.T) {
	for _, s := range seeds {
		agrees(t, []byte(s))
	}
	many := `{` + strings.Repeat(`"a":1,"b":2,"c":{},`, 40) + `"z":0}`
	agrees(t, []byte(many))
	token := rapid.SampledFrom([]string{`{`, `}`, `[`, `]`, `,`, `:`, `"a"`, `"b"`, `"\u00e9"`, `"`, `1`, `-2.5e3`, `null`, `true`, ` `, `0`, "\n", `\`})
	rapid.Check(t, func(t *rapid.T) {
		agrees(t, []byte(strings.Join(rapid.SliceOf(token).Draw(t, "tokens"), "")))
	})
}

// FuzzParseRequest: whatever the bytes, no panic; and what is accepted decodes into the structs and stays accepted.
func FuzzParseRequest(f *testing.F) {
	operations := []string{
		"CreateMesh", "UpdateMesh", "CreateVirtualService", "UpdateVirtualNode", "CreateVirtualRouter", "CreateRoute",
		"UpdateVirtualGateway", "CreateGatewayRoute", "TagResource", "UntagResource", "CreateInterception", "DeleteMesh",
	}
	for i, s := range seeds {
		f.Add(i, []byte(s))
		f.Add(i, []byte(`{"spec":`+s+`}`))
	}
	f.Add(3, []byte(`{"spec":{"listeners":[{"portMapping":{"port":8e1,"protocol":"http"}}],"serviceDiscovery":{"dns":{"hostname":"a"}}}}`))
	f.Add(5, []byte(`{"routeName":"r","spec":{"tcpRoute":{"action":{"weightedTargets":[{"virtualNode":"a","weight":1.0}]}}}}`))
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		agrees(t, body)
		operation := operations[((which%len(operations))+len(operations))%len(operations)]
		r, violations := ParseRequest(operation, body)
		if len(violations) > 0 {
			for _, v := range violations {
				if s := v.String(); v.Path == "" || v.Rule == "" || !utf8.ValidString(s) || len(s) > 2000 {
					t.Errorf("a poor message: %q", s)
				}
			}
			return
		}
		if !r.HasSpec {
			return
		}
		decodes(t, operation, r.Spec)
		again, err := parseJSON(r.Spec)
		if err != nil {
			t.Fatalf("the kept spec %s: %v", r.Spec, err)
		}
		if kept := appendSpec(nil, again); string(kept) != string(r.Spec) || SpecHash(kept) != SpecHash(r.Spec) {
			t.Errorf("%s is kept as %s", r.Spec, kept)
		}
	})
}

// decodes fails the test if a spec does not fit its struct.
func decodes(t *testing.T, operation string, spec json.RawMessage) {
	var err error
	switch strings.TrimPrefix(strings.TrimPrefix(operation, "Create"), "Update") {
	case "Mesh":
		_, err = Decode[MeshSpec](spec)
	case "VirtualService":
		_, err = Decode[VirtualServiceSpec](spec)
	case "VirtualNode":
		_, err = Decode[VirtualNodeSpec](spec)
	case "VirtualRouter":
		_, err = Decode[VirtualRouterSpec](spec)
	case "Route":
		_, err = Decode[RouteSpec](spec)
	case "VirtualGateway":
		_, err = Decode[VirtualGatewaySpec](spec)
	case "GatewayRoute":
		_, err = Decode[GatewayRouteSpec](spec)
	case "Interception":
		_, err = Decode[InterceptionSpec](spec)
	}
	if err != nil {
		t.Errorf("%s: %v", operation, err)
	}
}
