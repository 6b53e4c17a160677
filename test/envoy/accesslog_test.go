package envoy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// lines waits until a log has that many lines.
func lines(t *testing.T, file string, want int) []string {
	t.Helper()
	var got []string
	machine.Eventually(t, fmt.Sprintf("%d lines in %s", want, filepath.Base(file)), func() string {
		if got = written(file); len(got) < want {
			return fmt.Sprintf("%q", got)
		}
		return ""
	})
	if len(got) != want {
		t.Fatalf("%s has %d lines, want %d: %q", filepath.Base(file), len(got), want, got)
	}
	return got
}

// written is what a log has by now, a line each; of one that isn't there, nothing.
func written(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// A node's access log tells of what comes in and of what goes out, as text, as JSON, or in Envoy's own format.
func TestAccessLog(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	logging := func(format string) string {
		return "logging: {accessLog: {file: {path: " + file("a.log") + format + "}}}"
	}
	node := func(format string) string {
		return `---
kind: VirtualNode
virtualNodeName: a
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: a}}
  ` + logging(format) + "\n"
	}
	m := start(t, shop("http")+node("")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}")+`---
kind: VirtualNode
virtualNodeName: ui
spec:
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
  logging: {accessLog: {file: {path: `+file("ui.log")+`, format: {text: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %UPSTREAM_CLUSTER%\n"}}}}
`)
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	c := ui.calls()

	c.reaches("a", "GET", cart+"/one")
	if got := lines(t, file("ui.log"), 1); got[0] != "GET /one 200 "+clusterA {
		t.Errorf("ui's log says %q", got)
	}
	if got := lines(t, file("a.log"), 1); !strings.Contains(got[0], `"GET /one HTTP/1.1" 200`) {
		t.Errorf("in Envoy's own format a's log says %q", got)
	}

	m.apply(node(`, format: {json: [{key: path, value: "%REQ(:PATH)%"}, {key: code, value: "%RESPONSE_CODE%"}, {key: from, value: ui}]}`))
	// A connection that is open already keeps the log that it began with, as long as it is drained. A request that is under way
	// when it is cut is made again, and is in a's log twice.
	var entry map[string]any
	asked := 1
	machine.Eventually(t, "a's log to change", func() string {
		c.reaches("a", "GET", cart+"/two")
		asked++
		all := written(file("a.log"))
		last := all[len(all)-1]
		if err := json.Unmarshal([]byte(last), &entry); err != nil {
			return last
		}
		return ""
	})
	if entry["path"] != "/two" || fmt.Sprint(entry["code"]) != "200" || entry["from"] != "ui" || len(entry) != 3 {
		t.Errorf("as JSON a's log says %v", entry)
	}
	lines(t, file("ui.log"), asked)
}

// A gateway logs both of its passes; TCP connections are logged, too.
func TestAccessLogElsewhere(t *testing.T) {
	folder := t.TempDir()
	front, db := filepath.Join(folder, "front.log"), filepath.Join(folder, "db.log")
	m := start(t, several+gatewayRoute("it", "prefix: /cart", "cart.shop.local", "")+`---
kind: VirtualGateway
virtualGatewayName: front
spec:
  listeners: [{portMapping: {port: 80, protocol: http}}]
  logging: {accessLog: {file: {path: `+front+`, format: {text: "%REQ(:PATH)% %UPSTREAM_CLUSTER%\n"}}}}
---
kind: VirtualNode
virtualNodeName: db
spec:
  listeners: [{portMapping: {port: 3306, protocol: tcp}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: db}}
  logging: {accessLog: {file: {path: `+db+`, format: {text: "%BYTES_SENT% %UPSTREAM_CLUSTER%\n"}}}}
`)
	m.sidecar("virtualNode/cart", at("application/8080", echo(t, "cart")))
	m.sidecar("virtualNode/db", at("application/3306", greeter(t, "db")))
	ui, gateway := m.sidecar("virtualNode/ui"), m.sidecar("virtualGateway/front")
	m.ready()
	gateway.customers(80).reaches("cart", "GET", "http://shop.example.com/cart/1")
	got := lines(t, front, 2)
	if got[0] != "/1 cds_egress_shop_cart_http_8080" || got[1] != "/1 cds_ingress_shop_front_self_redirect_http_15001" {
		t.Errorf("the gateway's log says %q", got)
	}
	before, _ := os.ReadFile(db) // of connections that only looked
	c := ui.connect("db.shop.local:3306")
	c.line()
	c.Close()
	machine.Eventually(t, "db's log to tell of a connection", func() string {
		now, err := os.ReadFile(db)
		if err == nil && strings.Contains(string(now[len(before):]), "14 cds_ingress_shop_db_tcp_3306") {
			return ""
		}
		return string(now)
	})
}

// A log may be the Envoy's standard output, as containers have it.
func TestAccessLogStdout(t *testing.T) {
	m := start(t, shop("http")+route("all", "httpRoute: {match: {prefix: /}, "+to("a")+"}")+`---
kind: VirtualNode
virtualNodeName: ui
spec:
  backends: [{virtualService: {virtualServiceName: cart.shop.local}}]
  logging: {accessLog: {file: {path: /dev/stdout, format: {text: "stdout tells of %REQ(:PATH)%\n"}}}}
`)
	m.sidecar("virtualNode/a", at("application/8080", echo(t, "a")))
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	ui.calls().reaches("a", "GET", cart+"/one")
	machine.Eventually(t, "a line on standard output", func() string {
		said, err := os.ReadFile(ui.log)
		if err != nil || !strings.Contains(string(said), "stdout tells of /one\n") {
			return fmt.Sprint(string(said), err)
		}
		return ""
	})
}
