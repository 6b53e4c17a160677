package relay

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// Each offer of a secret differs from the one before and from the first, and names the same files under the same version.
func TestRespelled(t *testing.T) {
	file := func(name string) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: name}}
	}
	body, err := proto.Marshal(&tlsv3.Secret{Name: "s", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: file("/certs/a.pem"), PrivateKey: file("a.key"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	first := newEntry(secret, "s", "v1", body, nil)
	for n, want := range map[int]string{1: "///certs/a.pem", 2: "//certs/a.pem", 3: "///certs/a.pem"} {
		e := respelled(first, n)
		var got tlsv3.Secret
		if err := proto.Unmarshal(e.body.ReadOnlyData(), &got); err != nil {
			t.Fatal(err)
		}
		if chain := got.GetTlsCertificate().GetCertificateChain().GetFilename(); chain != want || asSpelled("Invalid path: "+chain) != "Invalid path: /certs/a.pem" {
			t.Errorf("offer %d names %s, want %s", n, chain, want)
		}
		if key := got.GetTlsCertificate().GetPrivateKey().GetFilename(); key != "a.key" || e.name != "s" || e.hash != "v1" {
			t.Errorf("offer %d: key %s, name %s, version %s", n, key, e.name, e.hash)
		}
	}
	trust, err := proto.Marshal(&tlsv3.Secret{Name: "t", Type: &tlsv3.Secret_ValidationContext{
		ValidationContext: &tlsv3.CertificateValidationContext{TrustedCa: file("/certs/ca.pem")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if e := newEntry(secret, "t", "v1", trust, nil); string(respelled(e, 1).body.ReadOnlyData()) == string(trust) {
		t.Error("a trust's file is spelled as before")
	}
}
