// Package certificatetest is the contract of certificate.Source as tests: every source passes Run.
package certificatetest

import (
	"context"
	"strings"
	"testing"

	"github.com/ownmesh/ownmesh/core/certificate"
	"github.com/ownmesh/ownmesh/core/graph"
)

// ARNs that a filled source knows, or not.
const (
	Served    = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
	Authority = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/66666666-7777-8888-9999-000000000000"
	Absent    = "arn:aws:acm:eu-west-1:123456789012:certificate/absent"
)

// Run tests a source that holds a certificate under Served, signed by the authority under Authority, whose own
// certificate is given in PEM.
func Run(t *testing.T, s certificate.Source, authority []byte) {
	find := func(arn string) graph.Material {
		t.Helper()
		m, err := s.Find(t.Context(), arn)
		if err != nil {
			t.Fatalf("%s: %v", arn, err)
		}
		return m
	}
	served := find(Served)
	if served.Files.Chain == "" || served.Files.Key == "" || served.Problem != "" {
		t.Errorf("a certificate: %+v, want files to serve with", served)
	}
	if strings.TrimSpace(served.Authorities) != strings.TrimSpace(string(authority)) {
		t.Errorf("a certificate is signed by\n%s\nwant\n%s", served.Authorities, authority)
	}
	root := find(Authority)
	if root.Files != (graph.CertificateFiles{}) || strings.TrimSpace(root.Authorities) != strings.TrimSpace(string(authority)) {
		t.Errorf("an authority: %+v, want its own certificate and nothing to serve with", root)
	}
	for _, m := range []graph.Material{served, root} {
		if strings.Contains(m.Authorities, "PRIVATE") {
			t.Error("a private key came through")
		}
	}
	for _, arn := range []string{Absent, "", "arn", "no/such/thing", "arn:aws:acm:eu-west-1:123456789012:certificate/..", "a/../../etc/passwd", "x/\x00"} {
		if m := find(arn); m != (graph.Material{}) {
			t.Errorf("%q: %+v, want nothing", arn, m)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Find(ctx, Served); err == nil {
		t.Error("a cancelled context: no error")
	}
}
