package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is a file, a folder or a symbolic link in an image. Folders above it are made where they aren't given.
type File struct {
	Path    string      // from the root, without a leading slash: etc/ssl/certs/ca-certificates.crt
	Mode    fs.FileMode // permissions, fs.ModeDir for a folder, fs.ModeSymlink for a link; fs.ModeSticky as it is
	UID     int         // its owner and group
	Content []byte      // of a file
	Source  string      // of a file: where its content lies on this machine, if it isn't Content
	Target  string      // of a link
}

// epoch is when everything in an image was made, for who looks: the same on every machine.
var epoch = time.Unix(0, 0).UTC()

// newLayer makes one layer: sorted, with no trace of time or of this machine.
func newLayer(files []File) (v1.Layer, error) {
	files, err := withFolders(files)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := f.write(w); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// withFolders adds the folders that files lie in, and sorts.
func withFolders(files []File) ([]File, error) {
	all := map[string]File{}
	for _, f := range files {
		if f.Path != path.Clean(f.Path) || path.IsAbs(f.Path) || f.Path == "." || strings.HasPrefix(f.Path, "..") {
			return nil, fmt.Errorf("path %q must be clean and begin without a slash", f.Path)
		}
		if _, twice := all[f.Path]; twice {
			return nil, fmt.Errorf("%s is given twice", f.Path)
		}
		all[f.Path] = f
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if above, given := all[dir]; !given {
				all[dir] = File{Path: dir, Mode: fs.ModeDir | 0o755}
			} else if above.Mode.Type() != fs.ModeDir {
				return nil, fmt.Errorf("%s lies in %s, which is no folder", f.Path, dir)
			}
		}
	}
	sorted := make([]File, 0, len(all))
	for _, f := range all {
		sorted = append(sorted, f)
	}
	slices.SortFunc(sorted, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return sorted, nil
}

func (f File) write(w *tar.Writer) error {
	h := &tar.Header{Name: f.Path, Mode: int64(f.Mode.Perm()), Uid: f.UID, Gid: f.UID, ModTime: epoch, Format: tar.FormatPAX}
	if f.Mode&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	content := f.Content
	switch f.Mode.Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, f.Path+"/"
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Target, 0o777
	case 0:
		h.Typeflag = tar.TypeReg
		if f.Source != "" {
			var err error
			if content, err = os.ReadFile(f.Source); err != nil {
				return err
			}
		}
		h.Size = int64(len(content))
	default:
		return fmt.Errorf("mode %v is none of a file, folder or link", f.Mode)
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if f.Mode.Type() != 0 {
		return nil
	}
	_, err := w.Write(content)
	return err
}
