// Package images is the registry that nodes pull all of their images from: the emulated Container Registry, and images
// that are built here and stand for those of other registries, for machines without internet.
package images

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
)

// Mirror answers containerd's requests to a mirror, which name the registry in the query parameter ns
// (containerd, docs/hosts.md). It is safe for concurrent use after the last Add.
type Mirror struct {
	oracle http.Handler
	hosts  []string
	images map[string]v1.Image // by repository with registry host: "docker.io/library/mongo"
	blobs  map[string]blob     // by digest
}

// blob is a layer or the configuration of an image.
type blob struct {
	size int64
	open func() (io.ReadCloser, error)
}

// NewMirror returns a mirror of the registry that oracle serves, whose names are hosts.
func NewMirror(oracle http.Handler, hosts ...string) *Mirror {
	return &Mirror{oracle, hosts, map[string]v1.Image{}, map[string]blob{}}
}

// Add has the image stand for all tags and digests of the repositories, which are named with their registry hosts.
func (m *Mirror) Add(image v1.Image, repositories ...string) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		size, err := layer.Size()
		if err != nil {
			return err
		}
		m.blobs[digest.String()] = blob{size, layer.Compressed}
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	digest, err := image.ConfigName()
	if err != nil {
		return err
	}
	m.blobs[digest.String()] = blob{int64(len(config)), func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(config))), nil
	}}
	for _, repository := range repositories {
		m.images[repository] = image
	}
	return nil
}

// AddLayout is Add with the image for an architecture of the OCI image layout in dir, as `make image` writes it.
func (m *Mirror) AddLayout(dir, arch string, repositories ...string) error {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return fmt.Errorf("image in %s: %w", dir, err)
	}
	top, err := index.IndexManifest()
	if err != nil || len(top.Manifests) != 1 {
		return fmt.Errorf("image in %s: %d manifests, want one (%w)", dir, len(top.Manifests), err)
	}
	if index, err = index.ImageIndex(top.Manifests[0].Digest); err != nil {
		return fmt.Errorf("image in %s: %w", dir, err)
	}
	found, err := imageFor(index, arch)
	if err != nil {
		return fmt.Errorf("image in %s: %w", dir, err)
	}
	return m.Add(found, repositories...)
}

// imageFor returns the image of an index for an architecture.
func imageFor(index v1.ImageIndex, arch string) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	matches := match.Platforms(v1.Platform{OS: "linux", Architecture: arch})
	for _, m := range manifest.Manifests {
		if matches(m) {
			return index.Image(m.Digest)
		}
	}
	return nil, fmt.Errorf("there is none for linux/%s", arch)
}

// ServeHTTP implements http.Handler.
func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	namespace := r.URL.Query().Get("ns")
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	repository, digest, isBlob := strings.Cut(path, "/blobs/")
	if !isBlob {
		repository, _, _ = strings.Cut(path, "/manifests/")
	}
	image, ok := m.images[namespace+"/"+repository]
	// What is not below /v2/ is for tokens.
	if !strings.HasPrefix(r.URL.Path, "/v2/") || !ok && slices.Contains(m.hosts, namespace) {
		m.oracle.ServeHTTP(w, r)
		return
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the mirror is for pulls")
	case path == "":
	case !ok:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", fmt.Sprintf("the local cloud has no way to the internet, and "+
			"nothing in it stands for %s/%s: push the image to its Container Registry", namespace, repository))
	case isBlob:
		m.serveBlob(w, r, digest)
	default:
		serveManifest(w, r, image)
	}
}

func (m *Mirror) serveBlob(w http.ResponseWriter, r *http.Request, digest string) {
	b, ok := m.blobs[digest]
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "no blob "+digest)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(b.size, 10))
	w.Header().Set("Docker-Content-Digest", digest)
	if r.Method == http.MethodHead {
		return
	}
	content, err := b.open()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer content.Close()
	_, _ = io.Copy(w, content) // an error means that the client is gone
}

func serveManifest(w http.ResponseWriter, r *http.Request, image v1.Image) {
	manifest, err := image.RawManifest()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	mediaType, _ := image.MediaType()
	digest, _ := image.Digest()
	w.Header().Set("Content-Type", string(mediaType))
	w.Header().Set("Content-Length", strconv.Itoa(len(manifest)))
	w.Header().Set("Docker-Content-Digest", digest.String())
	if r.Method == http.MethodGet {
		_, _ = w.Write(manifest)
	}
}

// refuse answers with an error of the OCI Distribution Specification ("Error Codes").
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}})
}
