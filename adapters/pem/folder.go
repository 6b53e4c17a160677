// Package pem keeps certificates (certificate.Source) as PEM files in a folder, as they come out of AWS Certificate
// Manager: a folder for each, named by the last part of its ARN.
//
//	<id>/certificate.pem  the certificate, and behind it those of authorities on the way to the root, if any; or an
//	                      authority's own certificate
//	<id>/private-key.pem  its key: proxies read it, this package does not
//	<id>/chain.pem        the authorities that signed it, up to the root: what its callers trust
//
// Proxies on this machine read the files in place. Start with Find.
package pem

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ownmesh/ownmesh/core/certificate"
	"github.com/ownmesh/ownmesh/core/graph"
)

// The files of a certificate.
const (
	certificateFile = "certificate.pem"
	keyFile         = "private-key.pem"
	chainFile       = "chain.pem"

	maxFile = 1 << 20
)

// Folder is certificate.Source in a folder.
type Folder struct {
	dir  string // absolute
	root *os.Root
}

var _ certificate.Source = (*Folder)(nil)

// Open opens the certificates in dir, which must exist.
func Open(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of certificates: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of certificates: %w", err)
	}
	return &Folder{dir: dir, root: root}, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

var validID = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Find implements certificate.Source.
func (f *Folder) Find(ctx context.Context, arn string) (graph.Material, error) {
	if err := ctx.Err(); err != nil {
		return graph.Material{}, err
	}
	kind, id, ok := cutLast(arn, "/")
	if !ok || !validID.MatchString(id) {
		return graph.Material{}, nil
	}
	own, err := f.read(id, certificateFile)
	if own == nil || err != nil {
		return problem(err), nil
	}
	chain, err := f.read(id, chainFile)
	if err != nil {
		return problem(err), nil
	}
	if strings.HasSuffix(kind, "certificate-authority") {
		return graph.Material{Authorities: string(own) + string(chain)}, nil
	}
	if chain == nil {
		return graph.Material{Problem: chainFile + " is missing"}, nil
	}
	if there, err := f.isFile(id, keyFile); err != nil {
		return problem(err), nil
	} else if !there {
		return graph.Material{Problem: keyFile + " is missing"}, nil
	}
	return graph.Material{
		Files: graph.CertificateFiles{
			Chain: filepath.Join(f.dir, id, certificateFile), Key: filepath.Join(f.dir, id, keyFile),
		},
		Authorities: string(chain),
	}, nil
}

// problem is what a user is told of files that are there and can't be used.
func problem(err error) graph.Material {
	if err == nil {
		return graph.Material{}
	}
	return graph.Material{Problem: err.Error()}
}

// isFile tells whether there is a file; what is there and is none is an error.
func (f *Folder) isFile(id, name string) (bool, error) {
	switch info, err := f.root.Stat(path.Join(id, name)); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, errors.New(name + " can't be read")
	case !info.Mode().IsRegular(): // to open a pipe would wait for ever
		return false, errors.New(name + " is no file")
	}
	return true, nil
}

// read reads certificates; nil if there is no such file. Only certificates come out, whatever else is in the file.
func (f *Folder) read(id, name string) ([]byte, error) {
	if there, err := f.isFile(id, name); err != nil || !there {
		return nil, err
	}
	file, err := f.root.Open(path.Join(id, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it went just now
	}
	if err != nil {
		return nil, errors.New(name + " can't be read")
	}
	defer func() { _ = file.Close() }()
	data := make([]byte, maxFile+1)
	n, err := io.ReadFull(file, data)
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New(name + " can't be read")
	case n > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFile)
	}
	var out bytes.Buffer
	for rest := data[:n]; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, errors.New(name + " holds a certificate that can't be read")
		}
		block.Headers = nil
		if err := pem.Encode(&out, block); err != nil {
			return nil, errors.New(name + " can't be read")
		}
	}
	if out.Len() == 0 {
		return nil, errors.New(name + " holds no certificate in PEM")
	}
	return out.Bytes(), nil
}

// Fingerprint is a text that differs when files of certificates have come, gone or changed. Contents of keys don't count,
// for nothing here depends on them.
func (f *Folder) Fingerprint() (string, error) {
	sum := sha256.New()
	folders, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return "", fmt.Errorf("list certificates: %w", err)
	}
	for _, d := range folders {
		for _, name := range []string{certificateFile, chainFile, keyFile} {
			info, err := f.root.Stat(path.Join(d.Name(), name))
			if err != nil {
				continue // one that comes or goes just now shows the next time
			}
			_, _ = fmt.Fprintf(sum, "%q %d %d\n", path.Join(d.Name(), name), info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cutLast cuts at the last separator.
func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
