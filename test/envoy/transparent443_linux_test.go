package envoy

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// An HTTP backend on port 443 takes what comes there in plain text. What is in TLS is for others, and under ALLOW_ALL it
// passes. And a node may call itself.
func TestTransparentHTTPS(t *testing.T) {
	n := newNetwork(t)
	ui, bank, outside := n.host("ui"), n.host("bank"), n.host("outside")
	m := start(t, "kind: Mesh\nmeshName: shop\n"+exposed("bank", "{portMapping: {port: 443, protocol: http}}")+
		exposed("ui", "{portMapping: {port: 8080, protocol: http}}")+`---
kind: VirtualNode
virtualNodeName: ui
spec:
  listeners: [{portMapping: {port: 8080, protocol: http}}]
  serviceDiscovery: {awsCloudMap: {namespaceName: shop.local, serviceName: ui}}
  backends: [{virtualService: {virtualServiceName: bank.shop.local}}, {virtualService: {virtualServiceName: ui.shop.local}}]
`)
	ui.redirect("iptables", "8080", away, "169.254.170.2")
	serveOn(bank.listen(bank.ip+":443"), answering("bank"))
	serveOn(ui.listen("0.0.0.0:8080"), answering("ui"))
	secure := httptest.NewUnstartedServer(answering("outside"))
	secure.Listener = outside.listen(outside.ip + ":443")
	secure.StartTLS()
	t.Cleanup(secure.Close)
	m.sidecar("virtualNode/ui", on(m, ui))
	m.put(endpoint.Instance{Namespace: "shop.local", Service: "bank", ID: "1", IPv4: bank.ip})
	for _, one := range []struct {
		egress string
		passes bool
	}{{"DROP_ALL", false}, {"ALLOW_ALL", true}} {
		m.apply("kind: Mesh\nmeshName: shop\nspec: {egressFilter: {type: " + one.egress + "}}\n")
		ui.caller(t, nobody+":443").reaches("bank", http.MethodGet, "http://bank.shop.local:443/")
		ui.caller(t, nobody+":8080").reaches("ui", http.MethodGet, "http://ui.shop.local:8080/")
		ui.caller(t, outside.ip+":443").reaches("outside", http.MethodGet, "https://s3.eu-west-1.amazonaws.com/")
		if got := ui.caller(t, outside.ip+":443").answers("https://example.com/"); (got == "outside") != one.passes {
			t.Errorf("%s: https://example.com/ is answered by %s", one.egress, got)
		}
	}
}
