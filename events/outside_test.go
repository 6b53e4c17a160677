package events

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/golden"
)

// samples is an event of each type, as its file in testdata shows it.
func samples() []Event {
	at := time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	about := About{Mesh: "shop", MeshUID: "0b8b6c6e-6f3e-4f0e-9f1e-0d3a2b1c4d5e", Generation: 42, Time: at}
	const (
		arn  = "arn:aws:appmesh:eu-west-1:123456789012:mesh/shop"
		task = "arn:aws:ecs:eu-west-1:123456789012:task/shop/0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	)
	return []Event{
		ResourceChanged{
			About: about, Change: Updated, Kind: "route", Parent: "cart", Name: "by-weight", ResourceVersion: 7,
			Caller: "arn:aws:sts::123456789012:assumed-role/deployer/ci", RequestID: "5d1c2b3a-0f9e-4d8c-b7a6-958473625140",
		}.Event(arn + "/virtualRouter/cart/route/by-weight"),
		ConfigurationPublished{About: about, Changed: 1, Proxies: 0, Findings: 2}.Event(arn),
		EndpointsChanged{About: about, Services: []ServiceEndpoints{
			{Namespace: "shop.local", Service: "cart", Instances: 6, Added: 4, Changed: 1, Removed: 2},
		}}.Event(arn),
		ProxyConnected{About: about, Resource: "virtualNode/cart", Instance: task, Interception: "transparent", Relay: "relay-1f"}.Event(arn+"/virtualNode/cart", task),
		ProxyRejected{
			About: about, Resource: "virtualNode/cart", Instance: task, Relay: "relay-1f",
			Type: "route", Name: "rds_egress_http_15001", Message: "invalid regex '(': missing )",
		}.Event(arn+"/virtualNode/cart", task),
		MeshConverged{About: about, Proxies: 98, Relays: 2}.Event(arn),
	}
}

// samplePath is where the sample of a type lies: proxy-connected.json.
func samplePath(detailType string) string {
	return filepath.Join("testdata", strings.ReplaceAll(strings.ToLower(detailType), " ", "-")+".json")
}

// onTheBus is an event as a target receives it: EventBridge adds members of its own.
func onTheBus(t *testing.T, e Event) []byte {
	t.Helper()
	e.ID = "7bf73129-1428-4cd3-a780-95db273d1602"
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var added struct {
		Version    string          `json:"version"`
		ID         json.RawMessage `json:"id"`
		DetailType json.RawMessage `json:"detail-type"`
		Source     json.RawMessage `json:"source"`
		Account    string          `json:"account"`
		Time       json.RawMessage `json:"time"`
		Region     string          `json:"region"`
		Resources  json.RawMessage `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}
	added.Version, added.Account, added.Region = "0", "123456789012", "eu-west-1"
	if err := json.Unmarshal(body, &added); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(added, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// With -update the samples are written anew; what listeners rely on shows in the diff.
func TestEventsAreAsTheirSamplesShow(t *testing.T) {
	told := map[string]bool{}
	for _, e := range samples() {
		told[e.DetailType] = true
		want := onTheBus(t, e)
		if golden.Updating() {
			if err := os.WriteFile(samplePath(e.DetailType), want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(samplePath(e.DetailType))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the sample differs; `go test ./events -update` writes it anew. Sample:\n%s\nis now:\n%s", e.DetailType, got, want)
		}
		var back Event
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		back.ID = ""
		if !reflect.DeepEqual(back, e) {
			t.Errorf("%s came back as\n%+v, was\n%+v", e.DetailType, back, e)
		}
		about, ok := back.About()
		if !ok || about.Version != DetailVersion || about.Mesh != "shop" || about.MeshUID == "" || about.Generation != 42 || about.Time.IsZero() {
			t.Errorf("%s is about %+v, %v", e.DetailType, about, ok)
		}
	}
	for _, detailType := range Types {
		if !told[detailType] {
			t.Errorf("%s has no sample", detailType)
		}
	}
	if files, _ := filepath.Glob("testdata/*.json"); len(files) != len(Types) {
		t.Errorf("there are %d samples of %d types", len(files), len(Types))
	}
}

func TestEventsAreBounded(t *testing.T) {
	many := EndpointsChanged{Services: make([]ServiceEndpoints, MaxServices+7)}.Event().Detail.(EndpointsChanged)
	if len(many.Services) != MaxServices || many.More != 7 {
		t.Errorf("%d services and %d more", len(many.Services), many.More)
	}
	long := ProxyRejected{Message: strings.Repeat("語", MaxMessage)}.Event().Detail.(ProxyRejected).Message
	if len(long) > MaxMessage || !strings.HasSuffix(long, "語…") {
		t.Errorf("a message of %d bytes ends with %q", len(long), long[len(long)-6:])
	}
	if e := (EndpointsChanged{}).Event(); e.Resources == nil || e.Detail.(EndpointsChanged).Services == nil {
		t.Error("a list is null")
	}
}

func TestEventsOfOtherVersionsAreRead(t *testing.T) {
	var e Event
	if err := json.Unmarshal([]byte(`{"detail-type":"Moon Rose","detail":{"a":1}}`), &e); err != nil || string(e.Detail.(json.RawMessage)) != `{"a":1}` {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, known := e.About(); known {
		t.Error("an unknown detail is about something")
	}
	for _, body := range []string{`[]`, `{"detail-type":"Mesh Converged","detail":[]}`, `{"detail-type":"Mesh Converged"}`} {
		if err := json.Unmarshal([]byte(body), &e); err == nil {
			t.Errorf("%s was taken", body)
		}
	}
}
