package resource

import (
	"encoding/json"
	"testing"
)

func TestSpecHashIsOfTheValue(t *testing.T) {
	groups := [][]string{
		{`{"a":1,"b":[1,2]}`, ` { "b" : [ 1 , 2.0 ], "a" : 10e-1 } `},
		{`{"b":[2,1],"a":1}`},
		{`{"a":"é/"}`, `{"\u0061":"\u00e9\/"}`},
		{`{"a":"1"}`}, {`{"a":1}`}, {`{"a":true}`}, {`{"a":null}`}, {`{"a":{}}`}, {`{"a":[]}`}, {`{}`}, {`{"a":"true"}`},
		{`[0]`, `[-0]`, `[0.0e5]`}, {`[1.5]`, `[15e-1]`}, {`[1e400]`, `[10e399]`}, {`[-1e400]`}, {`[[0]]`}, {`[0,0]`},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`}, {`{"a":2,"b":1}`}, {`not JSON`}, {``},
	}
	seen := map[string]int{}
	for i, group := range groups {
		for _, spec := range group {
			hash := SpecHash(json.RawMessage(spec))
			if j, ok := seen[hash]; ok && j != i {
				t.Errorf("%s hashes like %s", spec, groups[j][0])
			} else if !ok && spec != group[0] {
				t.Errorf("%s does not hash like %s", spec, group[0])
			}
			seen[hash] = i
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"listeners", "logging", "backends", "backendDefaults", "serviceDiscovery", "tls", "spec"}
	for name, want := range map[string]string{
		"Listeners": "listeners", "listener": "listeners", "lsiteners": "listeners", "service_discovery": "serviceDiscovery",
		"serviceDiscvery": "serviceDiscovery", "backend-defaults": "backendDefaults", "TLS": "tls", "sepc": "spec",
		"timeout": "", "": "", "x": "", "éé": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, not %q", name, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for literal, want := range map[string]struct {
		i     int64
		ok    bool
		plain string
	}{
		"0": {0, true, "0"}, "-0": {0, true, "0"}, "0e999999999999999999999": {0, true, "0"}, "100": {100, true, "100"}, "1e2": {100, true, "100"},
		"1.50e1": {15, true, "15"}, "120e-1": {12, true, "12"}, "1.5": {0, false, "15e-1"}, "-2.0": {-2, true, "-2"},
		"9223372036854775807": {1<<63 - 1, true, "9223372036854775807"}, "9223372036854775808": {0, false, "9223372036854775808e0"},
		"-9223372036854775808": {-1 << 63, true, "-9223372036854775808"}, "1e19": {0, false, "1e19"}, "1e-2147483648": {0, false, "1e-2147483647"},
	} {
		d := parseDecimal([]byte(literal))
		i, ok := d.int64()
		if plain := string(d.append(nil)); i != want.i || ok != want.ok || plain != want.plain {
			t.Errorf("%s: %d %v %s, not %+v", literal, i, ok, plain, want)
		}
	}
}
