package pem_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ownmesh/ownmesh/adapters/pem"
	"github.com/ownmesh/ownmesh/core/certificate/certificatetest"
	"github.com/ownmesh/ownmesh/core/graph"
	"github.com/ownmesh/ownmesh/internal/certtest"
)

func open(t *testing.T, dir string) *pem.Folder {
	t.Helper()
	f, err := pem.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// put writes a certificate's files; "" leaves one out.
func put(t *testing.T, dir, arn string, files map[string]string) {
	t.Helper()
	at := filepath.Join(dir, path.Base(arn))
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		certtest.Write(t, filepath.Join(at, name), []byte(data))
	}
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	ca := certtest.New(t, "root")
	pair := ca.Issue(t, "cart.shop.local")
	put(t, dir, certificatetest.Served, map[string]string{
		"certificate.pem": string(pair.Chain), "private-key.pem": string(pair.Key), "chain.pem": string(ca.PEM),
	})
	put(t, dir, certificatetest.Authority, map[string]string{"certificate.pem": string(ca.PEM)})
	certificatetest.Run(t, open(t, dir), ca.PEM)
}

// What is there and can't be used says why, without a word of what is in the files.
func TestProblems(t *testing.T) {
	ca := certtest.New(t, "root")
	pair := ca.Issue(t, "cart.shop.local")
	whole := map[string]string{"certificate.pem": string(pair.Chain), "private-key.pem": string(pair.Key), "chain.pem": string(ca.PEM)}
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no key":          {map[string]string{"private-key.pem": ""}, "private-key.pem is missing"},
		"no chain":        {map[string]string{"chain.pem": ""}, "chain.pem is missing"},
		"no certificates": {map[string]string{"certificate.pem": "nonsense"}, "certificate.pem holds no certificate in PEM"},
		"a broken one":    {map[string]string{"chain.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "chain.pem holds a certificate that can't be read"},
		"keys alone":      {map[string]string{"chain.pem": string(pair.Key)}, "chain.pem holds no certificate in PEM"},
		"far too long":    {map[string]string{"chain.pem": strings.Repeat("x", 2<<20)}, "chain.pem is larger than 1048576 bytes"},
	} {
		dir := t.TempDir()
		files := map[string]string{}
		for file, data := range whole {
			if change, ok := test.files[file]; ok {
				data = change
			}
			if data != "" {
				files[file] = data
			}
		}
		put(t, dir, certificatetest.Served, files)
		m, err := open(t, dir).Find(t.Context(), certificatetest.Served)
		if err != nil || m.Problem != test.want || m.Authorities != "" {
			t.Errorf("%s: %+v, %v, want %q", name, m, err, test.want)
		}
	}
}

// What is no file is not waited for, nor handed to proxies as a key.
func TestNoFiles(t *testing.T) {
	ca := certtest.New(t, "root")
	pair := ca.Issue(t, "cart.shop.local")
	whole := map[string]string{"certificate.pem": string(pair.Chain), "private-key.pem": string(pair.Key), "chain.pem": string(ca.PEM)}
	for name := range whole {
		for kind, create := range map[string]func(string) error{
			"a folder": func(at string) error { return os.Mkdir(at, 0o700) },
			"a pipe":   func(at string) error { return syscall.Mkfifo(at, 0o600) },
		} {
			dir := t.TempDir()
			files := maps.Clone(whole)
			delete(files, name)
			put(t, dir, certificatetest.Served, files)
			if err := create(filepath.Join(dir, path.Base(certificatetest.Served), name)); err != nil {
				t.Fatal(err)
			}
			m, err := open(t, dir).Find(t.Context(), certificatetest.Served)
			if err != nil || m != (graph.Material{Problem: name + " is no file"}) {
				t.Errorf("%s is %s: %+v, %v", name, kind, m, err)
			}
		}
	}
}

// Whatever else stands in a file stays there: text between certificates, headers in them, keys.
func TestOnlyCertificatesComeOut(t *testing.T) {
	dir := t.TempDir()
	ca := certtest.New(t, "root")
	pair := ca.Issue(t, "cart.shop.local")
	headed := strings.Replace(string(ca.PEM), "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nComment: sesame\n\n", 1)
	put(t, dir, certificatetest.Authority, map[string]string{"certificate.pem": "the password is sesame\n" + headed + string(pair.Key)})
	m, err := open(t, dir).Find(t.Context(), certificatetest.Authority)
	if err != nil || strings.TrimSpace(m.Authorities) != strings.TrimSpace(string(ca.PEM)) {
		t.Errorf("got %+v, %v, want\n%s", m, err, ca.PEM)
	}
}

// A folder's name can't lead out of it, nor can a link in it.
func TestOutside(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	ca := certtest.New(t, "root")
	put(t, outside, "x/secret", map[string]string{"certificate.pem": string(ca.PEM)})
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	m, err := open(t, dir).Find(t.Context(), "arn:aws:acm-pca:x:y:certificate-authority/linked")
	if err != nil || m.Authorities != "" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	seen := map[string]bool{}
	look := func(what string, want bool) {
		t.Helper()
		now, err := f.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		if seen[now] == want {
			t.Errorf("%s: new %v, want %v", what, !seen[now], want)
		}
		seen[now] = true
	}
	look("empty", true)
	look("empty still", false)
	put(t, dir, "a", map[string]string{"certificate.pem": "1"})
	look("one came", true)
	put(t, dir, "a", map[string]string{"certificate.pem": "22"})
	look("it changed", true)
	look("nothing", false)
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	look("it went: as at first", false)
}
