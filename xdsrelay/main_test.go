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
	private, public := keyFiles(t, newKey(t))
	with := func(more ...string) []string { return append([]string{"-artifacts", dir}, more...) }
	secure := func(more ...string) []string {
		return with(append([]string{"-xds", "0.0.0.0:0", "-admin", "127.0.0.1:0", "-token-key", public, "-ca-key", private, "-name", "relay.shop.internal:15010"}, more...)...)
	}
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"no artifacts":            {nil, "nothing to serve: give -bucket (OWNMESH_BUCKET)"},
		"two of them":             {with("-bucket", "b"), "both a bucket and a folder"},
		"all interfaces":          {with("-xds", "0.0.0.0:0"), "set -token-key (OWNMESH_TOKEN_KEY), -ca-key (OWNMESH_RELAY_CA_KEY) and -name (OWNMESH_RELAY)"},
		"no host":                 {with("-xds", ":0"), "not on loopback"},
		"admin beyond loopback":   {secure("-admin", "[::]:0"), "[::]:0 is not on loopback"},
		"an argument too many":    {with("more"), "unexpected argument"},
		"a folder that is none":   {[]string{"-artifacts", "/dev/null/artifacts", "-xds", "127.0.0.1:0", "-admin", "127.0.0.1:0"}, "open the artifacts"},
		"an address that is none": {with("-xds", "localhost"), "listen for Envoys"},
		"tokens without TLS":      {with("-token-key", public), "TLS and tokens go together"},
		"TLS without tokens":      {with("-ca-key", private, "-name", "r:1"), "TLS and tokens go together"},
		"no name":                 {secure("-name", ""), `-name (OWNMESH_RELAY) must be the host:port that sidecars dial, got ""`},
		"a name without port":     {secure("-name", "relay.internal"), "must be the host:port"},
		"a wild name":             {secure("-name", "*.internal:1"), "must be the host:port"},
		"keys the wrong way":      {secure("-token-key", private), "must be a PEM file with a PUBLIC KEY"},
		"no such key":             {secure("-ca-key", "/none"), "no such file"},
		"an interval":             {with("-interval", "1ms"), "the interval must be between 10ms and 1m0s, got 1ms"},
		"a drain":                 {with("-drain", "1h"), "the drain time must be between"},
		"a level":                 {with("-log-level", "loud"), `log level "loud" must be debug, info, warn or error`},
		"a limit":                 {with("-peer-streams", "-1"), "peer-streams must be 0 or more, got -1"},
		"no cache":                {with("-cache", dir, "-cache-size", "0"), "must be 1 MiB or more"},
	} {
		t.Run(name, func(t *testing.T) {
			err := command(t.Context(), test.arguments, none, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for variable, value := range map[string]string{"OWNMESH_INTERVAL": "soon", "OWNMESH_PEER_STREAMS": "many"} {
		err := command(t.Context(), with(), func(name string) string {
			if name == variable {
				return value
			}
			return ""
		}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), variable+`="`+value+`"`) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
}

// A slip is answered in a line; whoever asks for help gets it.
func TestHelp(t *testing.T) {
	none := func(string) string { return "" }
	var said strings.Builder
	err := command(t.Context(), []string{"-intervall", "5s"}, none, io.Discard, &said)
	if err == nil || !strings.Contains(err.Error(), "-intervall; `xdsrelay -help` lists the flags") || said.Len() > 0 {
		t.Errorf("got %v, and %q", err, said.String())
	}
	if err := command(t.Context(), []string{"-help"}, none, io.Discard, &said); err != nil || !strings.Contains(said.String(), "-artifacts folder") {
		t.Errorf("got %v, and %q", err, said.String())
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
