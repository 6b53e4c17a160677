package envoy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/test/machine"
)

// Probes of listeners that speak TLS speak it too, by whichever protocol; and where clients must show a certificate, they
// show the caller's.
func TestHealthChecksInTLS(t *testing.T) {
	p := newPKI(t)
	certificate := p.issue("a", "a.shop.local")
	mutual := ", validation: {trust: " + p.trust() + "}"
	kinds := []struct{ speaks, check, tls string }{
		{"http", "protocol: http, path: /ping", "mode: STRICT"},
		{"http", "protocol: http2, path: /ping", "mode: PERMISSIVE"},
		{"http2", "protocol: http2, path: /ping", "mode: STRICT" + mutual},
		{"http2", "protocol: http, path: /ping", "mode: STRICT"},
		{"grpc", "protocol: grpc", "mode: STRICT" + mutual},
		{"grpc", "protocol: tcp", "mode: STRICT"},
		{"tcp", "protocol: tcp", "mode: STRICT" + mutual},
		{"tcp", "protocol: http, path: /ping", "mode: STRICT"},
	}
	var listeners []string
	options := []func(*sidecar){}
	for i, k := range kinds {
		port := 8080 + i
		listeners = append(listeners, listener(port, k.speaks, "tls: {"+k.tls+", certificate: "+certificate+"}, healthCheck: {"+k.check+
			", healthyThreshold: 2, unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000}"))
		app := echo(t, "a")
		if k.speaks == "grpc" {
			app = newStandard(t, "a", true).address()
		}
		options = append(options, at(fmt.Sprintf("application/%d", port), app))
	}
	m := start(t, justMesh+exposed("a", strings.Join(listeners, ", "))+`---
kind: VirtualNode
virtualNodeName: ui
spec:
  backendDefaults: {clientPolicy: {tls: {validation: {trust: `+p.trust()+`}, certificate: `+p.issue("ui", "ui.shop.local")+`}}}
  backends: [{virtualService: {virtualServiceName: a.shop.local}}]
`)
	m.sidecar("virtualNode/a", options...)
	m.ready() // or it would not hear the first probe
	ui := m.sidecar("virtualNode/ui")
	m.ready()
	for i, k := range kinds {
		machine.Eventually(t, fmt.Sprintf("a probe of %s with %s, %s to succeed", k.speaks, k.check, k.tls), func() string {
			stats := fmt.Sprintf("cluster.cds_egress_shop_a_%s_%d.health_check.", k.speaks, 8080+i)
			if ui.stat(stats+"success") == 0 {
				return fmt.Sprintf("%d failed", ui.stat(stats+"failure"))
			}
			return ""
		})
	}
}
