package events

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMessagesComeBackAsTheyWereSent(t *testing.T) {
	for _, m := range []RegisterMessage{
		{MeshChanged: &MeshChanged{UID: "u", Generation: 3}},
		{MeshChanged: &MeshChanged{UID: "u"}},
		{InstancesChanged: &InstancesChanged{UID: "u", Namespace: "shop.local", Service: "cart"}},
	} {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseRegisterMessage(string(body))
		again, _ := json.Marshal(got)
		if err != nil || string(again) != string(body) || got.UID() != "u" {
			t.Errorf("%s came back as %s, about %q, %v", body, again, got.UID(), err)
		}
	}
}

func TestBrokenMessagesAreRefused(t *testing.T) {
	for body, want := range map[string]string{
		``:                        "message is not",
		`{"meshChanged":{"uid":1`: "message is not",
		`{}`:                      "exactly one",
		`{"meshChanged":{"uid":"u"},"instancesChanged":{"uid":"u","namespace":"n","service":"s"}}`: "exactly one",
		`{"meshChanged":{"generation":3}}`:                 "must have a uid",
		`{"meshChanged":{"uid":"u","generation":-1}}`:      "at least 0",
		`{"instancesChanged":{"uid":"u","namespace":"n"}}`: "uid, namespace and service",
	} {
		if _, err := ParseRegisterMessage(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	for body, want := range map[string]string{`[]`: "message is not", `{"generation":1}`: "must have a uid", `{"uid":"u","generation":-2}`: "at least 0"} {
		if _, err := ParseMeshChanged(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestMergedMessagesLoseNothing(t *testing.T) {
	for _, c := range [][3]int64{{1, 2, 2}, {2, 1, 2}, {0, 2, 0}, {2, 0, 0}, {0, 0, 0}} {
		got := MeshChanged{UID: "u", Generation: c[0]}.Merge(MeshChanged{UID: "u", Generation: c[1]})
		if got != (MeshChanged{UID: "u", Generation: c[2]}) {
			t.Errorf("%d and %d became %v", c[0], c[1], got)
		}
	}
}
