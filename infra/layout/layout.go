// Package layout turns images that `make images` leaves as OCI layouts into files that CDK publishes: it takes images from
// a Dockerfile, or from what `docker save` writes.
//
// It reads and writes files, and knows neither registries nor what is in an image. Start with Pack.
package layout

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// descriptor is what OCI's index and manifests say of a blob.
type descriptor struct {
	MediaType string    `json:"mediaType,omitempty"`
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type index struct {
	Manifests []descriptor `json:"manifests"`
}

type manifest struct {
	Config descriptor   `json:"config"`
	Layers []descriptor `json:"layers"`
}

// Pack writes one architecture's image of an OCI layout as a tar file that `docker load` takes, and what stands in
// for docker: CDK publishes images through those alone. The tag is the image's digest: the same image is the same file.
func Pack(dir, architecture, name, to string) error {
	digest, err := find(dir, "index.json", architecture)
	if err != nil {
		return err
	}
	var m manifest
	if err := readJSON(filepath.Join(dir, blob(digest)), &m); err != nil {
		return err
	}
	entry := map[string]any{"Config": blob(m.Config.Digest), "RepoTags": []string{name + ":" + strings.TrimPrefix(digest, "sha256:")[:12]}}
	files := []string{blob(m.Config.Digest)}
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, blob(l.Digest))
	}
	entry["Layers"] = layers
	list, err := json.Marshal([]any{entry})
	if err != nil {
		return err
	}
	return writeTar(dir, append(files, layers...), list, to)
}

// find returns the digest of an architecture's manifest, through indexes in indexes.
func find(dir, file, architecture string) (string, error) {
	var i index
	if err := readJSON(filepath.Join(dir, file), &i); err != nil {
		return "", err
	}
	for _, d := range i.Manifests {
		if strings.Contains(d.MediaType, "index") || strings.Contains(d.MediaType, "manifest.list") {
			if digest, err := find(dir, blob(d.Digest), architecture); err == nil {
				return digest, nil
			}
			continue
		}
		if d.Platform != nil && d.Platform.Architecture == architecture {
			return d.Digest, nil
		}
	}
	return "", fmt.Errorf("%s: no image for %s", filepath.Join(dir, file), architecture)
}

func blob(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeTar writes files of a folder, and the list of images, without times: the same files make the same bytes.
func writeTar(dir string, files []string, list []byte, to string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	for _, name := range files {
		if err := addFile(w, filepath.Join(dir, name), name); err != nil {
			return err
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(list))}); err != nil {
		return err
	}
	if _, err := w.Write(list); err != nil {
		return err
	}
	return w.Close()
}

func addFile(w *tar.Writer, path, name string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}
