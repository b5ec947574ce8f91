package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// The stand-in's image has the programs that the stack's Pods run, each a link to the binary, and the official image's
// users and directories.
func TestStandIn(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "mongod")
	if err := os.WriteFile(binary, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	index, err := StandIn.Index(map[string]string{"arm64": binary}, StandIn.Labels("v1", ""))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.String() != "linux/arm64" {
		t.Fatalf("%+v, %v", manifest, err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil || !slices.Equal(config.Config.Entrypoint, []string{"docker-entrypoint.sh"}) ||
		!slices.Equal(config.Config.Cmd, []string{"mongod"}) || config.Config.User != "" {
		t.Errorf("configuration: %+v, %v", config.Config, err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	archive, err := io.ReadAll(content)
	if err != nil || !bytes.HasSuffix(archive, make([]byte, 1024)) {
		t.Errorf("the layer's archive has no end, %v", err) // which Go's reader does not miss
	}
	found := map[string]*tar.Header{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[path.Clean(h.Name)] = h
		if parent := path.Dir(path.Clean(h.Name)); parent != "." && found[parent] == nil {
			t.Errorf("%s comes before its directory", h.Name)
		}
	}
	for _, name := range []string{"bin/bash", "usr/bin/install", "usr/local/bin/docker-entrypoint.sh"} {
		h := found[name]
		if h == nil || path.Join(path.Dir(name), h.Linkname) != "usr/bin/mongod" {
			t.Errorf("%s is no link to the binary: %+v", name, h)
		}
	}
	if h := found["data/db"]; h == nil || h.Uid != 999 || h.Typeflag != tar.TypeDir {
		t.Errorf("/data/db: %+v", h)
	}
	if h := found["tmp"]; h == nil || h.Mode != 0o1777 {
		t.Errorf("/tmp: %+v", h)
	}
}
