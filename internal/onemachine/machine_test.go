package onemachine_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ownmesh/ownmesh/internal/onemachine"
)

const anyPort = "127.0.0.1:0"

func start(t *testing.T, data string) *onemachine.Machine {
	t.Helper()
	m, err := onemachine.Start(t.Context(), onemachine.Options{Data: data, API: anyPort, XDS: anyPort, Admin: anyPort, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, m) })
	return m
}

func stop(t *testing.T, m *onemachine.Machine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

type status struct {
	UID                   string
	Generation, Published int64
}

func awaitPublished(t *testing.T, m *onemachine.Machine, generation int64) status {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var s status
		if code, answer := call(t, http.MethodGet, "http://"+m.APIAddr+"/v1/meshes/shop/status", ""); code == http.StatusOK {
			if err := json.Unmarshal([]byte(answer), &s); err != nil {
				t.Fatal(err)
			}
		}
		if s.Published == generation {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("generation %d was never published: %+v", generation, s)
		}
	}
}

func create(t *testing.T, m *onemachine.Machine, path, body string) {
	t.Helper()
	if code, answer := call(t, http.MethodPut, "http://"+m.APIAddr+"/v20190125/"+path, body); code != http.StatusOK {
		t.Fatalf("create %s: %d %s", path, code, answer)
	}
}

func TestAddressesAnswer(t *testing.T) {
	m := start(t, t.TempDir())
	create(t, m, "meshes", `{"meshName":"shop"}`)
	awaitPublished(t, m, 1)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "ownmesh_messages_set_aside 0", "/debug/pprof/cmdline": ""} {
		code, answer := call(t, http.MethodGet, "http://"+m.AdminAddr+path, "")
		if code != http.StatusOK || !strings.Contains(answer, want) {
			t.Errorf("GET %s: %d, want 200 and %q in the answer", path, code, want)
		}
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	data := t.TempDir()
	m := start(t, data)
	create(t, m, "meshes", `{"meshName":"shop"}`)
	first := awaitPublished(t, m, 1)
	stop(t, m)
	m = start(t, data)
	create(t, m, "meshes/shop/virtualNodes", `{"virtualNodeName":"cart","spec":{}}`)
	if again := awaitPublished(t, m, 2); again.UID != first.UID {
		t.Errorf("the mesh's uid was %s and is %s", first.UID, again.UID)
	}
}

func TestStartRefuses(t *testing.T) {
	running := t.TempDir()
	start(t, running)
	tests := map[string]struct {
		o    onemachine.Options
		want string
	}{
		"an address that others can reach": {onemachine.Options{Data: t.TempDir(), API: "0.0.0.0:0", XDS: anyPort, Admin: anyPort}, "not loopback"},
		"any address":                      {onemachine.Options{Data: t.TempDir(), API: ":0", XDS: anyPort, Admin: anyPort}, "not loopback"},
		"an address without a port":        {onemachine.Options{Data: t.TempDir(), API: anyPort, XDS: "127.0.0.1", Admin: anyPort}, "host:port"},
		"data that another process has":    {onemachine.Options{Data: running, API: anyPort, XDS: anyPort, Admin: anyPort}, running},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := onemachine.Start(t.Context(), test.o)
			if err == nil {
				stop(t, m)
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %q, want %q in it", err, test.want)
			}
		})
	}
}

func TestWebPagesAreRefused(t *testing.T) {
	m := start(t, t.TempDir())
	for _, address := range []string{m.APIAddr + "/v20190125/meshes", m.AdminAddr + "/metrics"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://example.com")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s from a web page: %s, want 403", address, resp.Status)
		}
	}
}
