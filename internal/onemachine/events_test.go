package onemachine_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/internal/onemachine"
)

// told reads all events of a machine, in short.
func told(t *testing.T, m *onemachine.Machine) []string {
	t.Helper()
	_, answer := call(t, http.MethodGet, "http://"+m.APIAddr+"/v1/events?after=0&limit=1000", "")
	var in struct{ Events []events.Event }
	if err := json.Unmarshal([]byte(answer), &in); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	var all []string
	for _, e := range in.Events {
		about, _ := e.About()
		line := fmt.Sprintf("%s %s %d", e.DetailType, about.Mesh, about.Generation)
		switch d := e.Detail.(type) {
		case events.ResourceChanged:
			line += fmt.Sprintf(" %s/%s %s by %s", d.Kind, d.Name, d.Change, d.Caller)
		case events.EndpointsChanged:
			line += fmt.Sprintf(" %s %d", d.Services[0].Service, d.Services[0].Instances)
		}
		all = append(all, line)
	}
	return all
}

// awaitTold waits until all of these were told, whatever else was.
func awaitTold(t *testing.T, m *onemachine.Machine, want ...string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := told(t, m)
		if !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) }) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("told\n%q\nwant\n%q", got, want)
		}
	}
}

func TestEventsAreTold(t *testing.T) {
	data := t.TempDir()
	m := start(t, data)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.APIAddr+"/v1/events?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	following, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer following.Body.Close()
	create(t, m, "meshes", `{"meshName":"shop"}`)
	create(t, m, "meshes/shop/virtualNodes", `{"virtualNodeName":"cart","spec":{"serviceDiscovery":{"awsCloudMap":{"namespaceName":"shop.local","serviceName":"cart"}}}}`)
	if code, answer := call(t, http.MethodPut, "http://"+m.APIAddr+"/v1/namespaces/shop.local/services/cart/instances/a", `{"ipv4":"10.0.0.1"}`); code != http.StatusOK {
		t.Fatal(answer)
	}
	first := []string{
		"Resource Changed shop 1 mesh/shop created by local", "Resource Changed shop 2 virtualNode/cart created by local",
		"Configuration Published shop 2", "Endpoints Changed shop 2 cart 1",
	}
	awaitTold(t, m, first...)
	lines := bufio.NewScanner(following.Body)
	if !lines.Scan() {
		t.Fatal("who follows heard nothing")
	}
	stop(t, m) // sends followers away
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("following ended with %v", err)
	}

	m = start(t, data)
	if code, answer := call(t, http.MethodDelete, "http://"+m.APIAddr+"/v20190125/meshes/shop/virtualNodes/cart", ""); code != http.StatusOK {
		t.Fatal(answer)
	}
	awaitTold(t, m, append(first, "Resource Changed shop 3 virtualNode/cart deleted by local", "Configuration Published shop 3")...)
	seen := map[string]int{}
	for _, line := range told(t, m) {
		if seen[line]++; seen[line] > 1 && line[:8] == "Resource" {
			t.Errorf("%s was told twice", line)
		}
	}
}
