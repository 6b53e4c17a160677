package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/core/artifact"
	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/events"
)

// withObjects gives the server an artifact store, and returns it.
func withObjects(t *testing.T) (artifact.Objects, option) {
	t.Helper()
	objects, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return objects, func(_ *server, o *Options) { o.Objects = objects }
}

// place writes an object, as JSON unless it is bytes.
func place(t *testing.T, objects artifact.Objects, key string, v any) {
	t.Helper()
	data, isBytes := v.([]byte)
	if !isBytes {
		var err error
		if data, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := objects.Create(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	objects, with := withObjects(t)
	s := newServer(t, with)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.put("meshes/shop/virtualNodes", nodeBody("cart")).ok()
	s.put("meshes", `{"meshName":"empty"}`).ok()
	uid, empty := s.uid("shop"), s.uid("empty")

	nothing := func(mesh, uid string, generation int) string {
		return fmt.Sprintf(`{"mesh":%q,"uid":%q,"generation":%d,"published":0,"proxies":[],"summary":{"connected":0,"current":0,"behind":0,"rejected":0}}`, mesh, uid, generation)
	}
	s.ask("GET", "/v1/meshes/shop/status", "").equal(nothing("shop", uid, 2))
	s.ask("GET", "/v1/status", "").equal(`{"meshes":[` + nothing("empty", empty, 1) + `,` + nothing("shop", uid, 2) + `]}`)

	now := time.UnixMilli(s.now.Load()).UTC()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	proxy := func(node, instance string, since time.Duration, generation int64, state events.ProxyState) events.ProxyStatus {
		return events.ProxyStatus{Resource: "virtualNode/" + node, Instance: instance, Interception: "explicit", ConnectedSince: ago(since), Generation: generation, State: state}
	}
	rejected := proxy("ui", "1", time.Hour, 1, events.Rejected)
	rejected.Rejected = []events.RejectedPart{{Type: "listener", Name: "l", Generation: 2, Message: "no such filter", At: ago(time.Minute)}}
	place(t, objects, events.ReportPath(uid), resource.Report{MeshUID: uid, Generation: 2})
	place(t, objects, events.StatusPath(uid, "a"), events.RelayStatus{Relay: "a", MeshUID: uid, At: ago(80 * time.Second), Generation: 2, Proxies: []events.ProxyStatus{
		proxy("cart", "1", time.Hour, 2, events.Current), proxy("cart", "moved", time.Hour, 1, events.Behind), proxy("late", "1", time.Hour, 1, events.Current), rejected,
		proxy("twin", "127.0.0.1", time.Hour, 2, events.Current), proxy("twin", "127.0.0.1", time.Minute, 2, events.Current),
	}})
	place(t, objects, events.StatusPath(uid, "b/1"), events.RelayStatus{Relay: "b/1", MeshUID: uid, At: ago(0), Generation: 2, Proxies: []events.ProxyStatus{
		proxy("cart", "moved", time.Second, 2, events.Current),
	}})
	place(t, objects, events.StatusPath(uid, "dead"), events.RelayStatus{Relay: "dead", MeshUID: uid, At: ago(91 * time.Second), Generation: 2, Proxies: []events.ProxyStatus{
		proxy("cart", "gone", time.Hour, 2, events.Current),
	}})
	place(t, objects, events.StatusPath(uid, "damaged"), []byte(`{"relay":`))

	a := s.ask("GET", "/v1/meshes/shop/status", "")
	a.ok()
	var got meshStatus
	if err := json.Unmarshal(a.raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Published != 2 || got.Summary != (statusSummary{Connected: 6, Current: 4, Behind: 1, Rejected: 1}) {
		t.Errorf("published %d, summary %+v", got.Published, got.Summary)
	}
	var lines []string
	for _, p := range got.Proxies {
		lines = append(lines, fmt.Sprint(p.Resource, " ", p.Instance, " ", p.State, " ", p.Relay))
	}
	want := []string{"virtualNode/cart 1 current a", "virtualNode/cart moved current b/1", "virtualNode/late 1 behind a",
		"virtualNode/twin 127.0.0.1 current a", "virtualNode/twin 127.0.0.1 current a", "virtualNode/ui 1 rejected a"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("proxies:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(string(a.raw), "null") {
		t.Errorf("lists are never null: %s", a.raw)
	}
	if p := got.Proxies[5]; len(p.Rejected) != 1 || p.Rejected[0].Message != "no such filter" {
		t.Errorf("rejected: %+v", p)
	}
	s.ask("GET", "/v1/meshes/none/status", "").failsWith(notFound)
}

func TestStatusWithoutObjects(t *testing.T) {
	s := newServer(t)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	if got := s.ask("GET", "/v1/meshes/shop/status", "").ok(); fmt.Sprintf("%v %v", got["generation"], got["published"]) != "1 0" {
		t.Errorf("%v", got)
	}
	s.ask("GET", "/v1/meshes/shop/findings", "").equal(`{"generation":0,"findings":[]}`)
}

// refusing is an artifact store without the rights to be read.
type refusing struct{ artifact.Objects }

func (refusing) Get(context.Context, string) ([]byte, string, error) {
	return nil, "", errors.New("403")
}

func TestStatusOfUnreadableObjects(t *testing.T) {
	s := newServer(t, func(_ *server, o *Options) { o.Objects = refusing{} })
	s.put("meshes", `{"meshName":"shop"}`).ok()
	s.ask("GET", "/v1/meshes/shop/status", "").failsWith(internalError)
}

func TestFindings(t *testing.T) {
	objects, with := withObjects(t)
	s := newServer(t, with)
	s.put("meshes", `{"meshName":"shop"}`).ok()
	place(t, objects, events.ReportPath(s.uid("shop")), resource.Report{MeshUID: s.uid("shop"), Generation: 1, Findings: []resource.Finding{
		{Resource: resource.Key{Kind: resource.KindVirtualNode, Name: "cart"}, Path: "spec.backends[0]", Code: "backend-missing", Message: "m", Hint: "h"},
	}})
	s.ask("GET", "/v1/meshes/shop/findings", "").equal(`{"generation":1,"findings":[{"resource":{"kind":"virtualNode","name":"cart"},"path":"spec.backends[0]","code":"backend-missing","message":"m","hint":"h"}]}`)
	s.ask("GET", "/v1/meshes/shop/findings?resource=virtualNode/cart", "").equal(`{"generation":1,"findings":[{"resource":{"kind":"virtualNode","name":"cart"},"path":"spec.backends[0]","code":"backend-missing","message":"m","hint":"h"}]}`)
	s.ask("GET", "/v1/meshes/shop/findings?resource=virtualNode/other", "").equal(`{"generation":1,"findings":[]}`)
	place(t, objects, events.RegistrationPath(s.uid("shop")), resource.Report{MeshUID: s.uid("shop"), Generation: 1, Findings: []resource.Finding{
		{Resource: resource.Key{Kind: resource.KindTaskBinding, Name: "cart"}, Path: "spec", Code: "task-binding-needless", Message: "m", Hint: "h"},
	}})
	s.ask("GET", "/v1/meshes/shop/findings?resource=taskBinding/cart", "").equal(`{"generation":1,"findings":[{"resource":{"kind":"taskBinding","name":"cart"},"path":"spec","code":"task-binding-needless","message":"m","hint":"h"}]}`)
	if all := s.ask("GET", "/v1/meshes/shop/findings", "").ok()["findings"].([]any); len(all) != 2 {
		t.Errorf("findings of compile and register: %v", all)
	}
	s.ask("GET", "/v1/meshes/shop/view", "").equal(`{"mesh":"shop","virtualNodes":[],"virtualGateways":[],"virtualRouters":[],"virtualServices":[]}`)
	s.ask("GET", "/v1/meshes/shop/view?resource=virtualNode/none", "").failsWith(badRequest)
	s.ask("GET", "/v1/meshes/none/view", "").failsWith(notFound)
	s.ask("GET", "/v1/meshes/none/findings", "").failsWith(notFound)
}

// Status reads every mesh and every relay, however many pages they take.
func TestStatusOfMany(t *testing.T) {
	objects, with := withObjects(t)
	s := newServer(t, with)
	for i := range defaultPage + 1 {
		s.put("meshes", fmt.Sprintf(`{"meshName":"m%03d"}`, i)).ok()
	}
	if got := s.ask("GET", "/v1/status", "").ok()["meshes"].([]any); len(got) != defaultPage+1 {
		t.Errorf("%d meshes, want %d", len(got), defaultPage+1)
	}
	const manyRelays = 101 // more than are listed at once
	uid, now := s.uid("m000"), time.UnixMilli(s.now.Load())
	for i := range manyRelays {
		relay := fmt.Sprintf("r%03d", i)
		place(t, objects, events.StatusPath(uid, relay), events.RelayStatus{
			Relay: relay, MeshUID: uid, At: now, Proxies: []events.ProxyStatus{{Resource: "virtualNode/cart", Instance: relay, State: events.Current}},
		})
	}
	if got := member(s.ask("GET", "/v1/meshes/m000/status", "").ok(), "summary", "connected"); fmt.Sprint(got) != fmt.Sprint(manyRelays) {
		t.Errorf("%v proxies, want %d", got, manyRelays)
	}
}
