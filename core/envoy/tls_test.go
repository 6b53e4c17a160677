package envoy

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/ownmesh/ownmesh/core/graph"
)

// A secret's name says which files it is of: else one node would serve with another's certificate.
func TestSecretsOfDifferentFilesHaveDifferentNames(t *testing.T) {
	seen := map[string]string{}
	note := func(name, of string) {
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s are both called %s", of, other, name)
		}
		seen[name] = of
	}
	for _, f := range []graph.CertificateFiles{{Chain: "/a", Key: "/b"}, {Chain: "/a:/b", Key: "/c"}, {Chain: "/a", Key: "/b:/c"}, {Chain: "/a%3A/b", Key: "/c"}} {
		note(CertificateSecret(f).Name, f.Chain+" with "+f.Key)
	}
	for _, path := range []string{"/a", "/a:/b", "/a%3A/b"} {
		note(TrustSecret(path).Name, path)
	}
	if name := CertificateSecret(graph.CertificateFiles{Chain: "/keys/cart.pem", Key: "/keys/cart.key"}).Name; name != "certificate:/keys/cart.pem:/keys/cart.key" {
		t.Errorf("usual paths are to be read as they are, got %s", name)
	}
}

func TestSANsAreOfTheirKind(t *testing.T) {
	for name, want := range map[string]tlsv3.SubjectAltNameMatcher_SanType{
		"cart.shop.local":   tlsv3.SubjectAltNameMatcher_DNS,
		"*.shop.local":      tlsv3.SubjectAltNameMatcher_DNS,
		"spiffe://shop/web": tlsv3.SubjectAltNameMatcher_URI,
		"urn:shop:web":      tlsv3.SubjectAltNameMatcher_URI,
		"10.0.0.1":          tlsv3.SubjectAltNameMatcher_IP_ADDRESS,
		"fd00::1":           tlsv3.SubjectAltNameMatcher_IP_ADDRESS,
	} {
		got := sans([]string{name})
		if len(got) != 1 || got[0].SanType != want || got[0].Matcher.GetExact() != name {
			t.Errorf("%s: %v, want exactly it, as %s", name, got, want)
		}
	}
}

// A bootstrap without a control plane has its secrets in it, and the SDS socket where something asks there.
func TestStaticSecrets(t *testing.T) {
	file, sds := graph.Trust{File: "/ca.pem"}, graph.Trust{SDS: "ca"}
	for name, test := range map[string]struct {
		tls    *graph.Upstream
		socket bool
	}{
		"plain text":         {},
		"files":              {tls: &graph.Upstream{Certificate: &graph.Certificate{File: graph.CertificateFiles{Chain: "/c", Key: "/k"}}, Peers: &graph.Peers{Trust: file}}},
		"trust by SDS":       {tls: &graph.Upstream{Peers: &graph.Peers{Trust: sds}}, socket: true},
		"certificate by SDS": {tls: &graph.Upstream{Certificate: &graph.Certificate{SDS: "own"}, Peers: &graph.Peers{Trust: file}}, socket: true},
	} {
		c := Egress("shop", graph.Offer{Node: "cart", Port: graph.Port{Port: 80, Protocol: graph.HTTP}}, test.tls)
		text, err := Static{Clusters: []*clusterv3.Cluster{c}}.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if socket := strings.Contains(string(text), "path: "+staticSDSSocket); socket != test.socket {
			t.Errorf("%s: the socket's cluster is there: %v, want %v\n%s", name, socket, test.socket, text)
		}
		if strings.Contains(string(text), "ads:") {
			t.Errorf("%s: there is no control plane to ask\n%s", name, text)
		}
	}
}
