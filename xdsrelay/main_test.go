package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/folder"
	"github.com/ownmesh/ownmesh/events"
	"github.com/ownmesh/ownmesh/xdsrelay/relay/xdstest"
	"google.golang.org/grpc/codes"
)

func none(string) string { return "" }

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"no artifacts":            {nil, "nothing to serve"},
		"all interfaces":          {[]string{"-artifacts", dir, "-xds", "0.0.0.0:0"}, "not on loopback"},
		"no host":                 {[]string{"-artifacts", dir, "-xds", ":0"}, "not on loopback"},
		"admin beyond loopback":   {[]string{"-artifacts", dir, "-xds", "127.0.0.1:0", "-admin", "[::]:0"}, "not on loopback"},
		"an argument too many":    {[]string{"-artifacts", dir, "more"}, "unexpected argument"},
		"a folder that is none":   {[]string{"-artifacts", "/dev/null/artifacts"}, "open the artifacts"},
		"an address that is none": {[]string{"-artifacts", dir, "-xds", "localhost"}, "listen for Envoys"},
	} {
		t.Run(name, func(t *testing.T) {
			err := command(t.Context(), test.arguments, none, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRunServes(t *testing.T) {
	dir := t.TempDir()
	objects, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	if _, err := objects.Create(t.Context(), events.NamePath("shop"), []byte("0b0e8c2e")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- command(ctx, []string{"-xds", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-drain", "0s"}, func(name string) string {
			if name == "OWNMESH_ARTIFACTS" {
				return dir
			}
			return ""
		}, io.Discard, in)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("it says nothing")
	}
	var ready struct{ Msg, XDS, Admin string }
	if err := json.Unmarshal(lines.Bytes(), &ready); err != nil || ready.Msg != "ready" {
		t.Fatalf("%s: %v", lines.Bytes(), err)
	}
	go io.Copy(io.Discard, out)

	c := xdstest.Connect(t, ready.XDS, xdstest.Node{ID: "mesh/shop/virtualNode/cart"})
	c.SubscribeAll(xdstest.Cluster)
	if said := c.ExpectStatus(codes.Unavailable); !strings.Contains(said, "nothing is published yet") {
		t.Errorf("it says %q", said)
	}
	response, err := http.Get("http://" + ready.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), "ownmesh_relay_streams_refused_total 1") {
		t.Errorf("metrics are:\n%s", body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
