package artifacts

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"oke-guestbook/local/oci/engine"
)

// maxManifest is the largest manifest that registries must take, in bytes (OCI Distribution Specification, "Pushing
// Manifests").
const maxManifest = 4 << 20

// serveManifest answers with a manifest. A GET counts as a pull.
func (g *registry) serveManifest(q *request) error {
	var state imageState
	var digest string
	err := g.engine.Update(func(t *engine.Tx) error {
		repository := repositoryNamed(t, q.repository)
		if repository == nil { // deleted since it was admitted
			return engine.Fail(http.StatusNotFound, "NAME_UNKNOWN", "repository %s not found", q.repository)
		}
		r := find(t, repository.ID, q.name)
		if r == nil {
			return engine.Fail(http.StatusNotFound, "MANIFEST_UNKNOWN",
				"manifest unknown: repository %s has no %s", q.repository, q.name)
		}
		state, digest = *engine.Private[imageState](r), r.Doc.Str("digest")
		if q.r.Method == http.MethodGet {
			r = t.Edit(r.ID)
			r.Doc["pullCount"], r.Doc["timeLastPulled"] = r.Doc.Num("pullCount")+1, engine.Timestamp(t.Now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	q.Header().Set("Content-Type", state.MediaType)
	q.Header().Set("Content-Length", strconv.Itoa(len(state.Manifest)))
	q.Header().Set("Docker-Content-Digest", digest)
	if q.r.Method == http.MethodGet {
		_, _ = q.Write(state.Manifest)
	}
	return nil
}

// putManifest stores an image, or gives one that is stored another tag.
func (g *registry) putManifest(q *request) error {
	content, err := io.ReadAll(http.MaxBytesReader(q, q.r.Body, maxManifest))
	if err != nil {
		return engine.Fail(http.StatusRequestEntityTooLarge, "SIZE_INVALID", "a manifest has at most %d bytes", maxManifest)
	}
	hash := sha256.Sum256(content)
	digest := fmt.Sprintf("sha256:%x", hash)
	if strings.Contains(q.name, ":") && q.name != digest {
		return engine.Fail(http.StatusBadRequest, "DIGEST_INVALID", "the manifest's digest is %s", digest)
	}
	state := imageState{MediaType: q.r.Header.Get("Content-Type"), Manifest: content}
	if err := g.engine.Update(func(t *engine.Tx) error { return g.store(t, q, state, digest) }); err != nil {
		return engine.Fail(http.StatusBadRequest, "MANIFEST_INVALID", "%s", err)
	}
	q.Header().Set("Docker-Content-Digest", digest)
	q.WriteHeader(http.StatusCreated)
	return nil
}

// hasBlob reports whether a layer or a configuration was uploaded.
func (g *registry) hasBlob(h v1.Hash) bool {
	_, err := os.Stat(filepath.Join(g.dir, h.Algorithm, h.Hex))
	return err == nil
}

func (g *registry) store(t *engine.Tx, q *request, state imageState, digest string) error {
	repository := repositoryNamed(t, q.repository)
	if repository == nil {
		return errors.New("the repository was deleted")
	}
	layers, err := g.layers(t, repository.ID, &state)
	if err != nil {
		return err
	}
	old := find(t, repository.ID, q.name)
	if old != nil && old.Doc.Str("digest") != digest && repository.Doc.Flag("isImmutable") {
		return fmt.Errorf("the repository is immutable, and has %s", q.name)
	}
	image := find(t, repository.ID, digest)
	if image == nil {
		if image, err = t.Insert(imageKind, imageDoc(repository, state, digest, layers)); err != nil {
			return err
		}
		*engine.Private[imageState](image) = state
	}
	image = t.Edit(image.ID)
	name(image)
	if q.name != digest {
		tag(t, image, q.name)
	}
	recount(t, repository.ID)
	t.Edit(repository.ID).Doc["timeLastPushed"] = engine.Timestamp(t.Now)
	return nil
}

// layers returns the layers of an image; an index has none. All that the manifest names must have been pushed.
func (g *registry) layers(t *engine.Tx, repository string, state *imageState) ([]v1.Descriptor, error) {
	if types.MediaType(state.MediaType).IsIndex() {
		index, err := v1.ParseIndexManifest(bytes.NewReader(state.Manifest))
		if err != nil {
			return nil, err
		}
		for _, m := range index.Manifests {
			if find(t, repository, m.Digest.String()) == nil {
				return nil, fmt.Errorf("the index has the manifest %s, which was not pushed", m.Digest)
			}
		}
		return nil, nil
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(state.Manifest))
	if err != nil {
		return nil, err
	}
	for _, part := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if !g.hasBlob(part.Digest) {
			return nil, fmt.Errorf("the manifest has the blob %s, which was not pushed", part.Digest)
		}
		state.Blobs = append(state.Blobs, part.Digest.String())
	}
	return manifest.Layers, nil
}

func imageDoc(repository *engine.Resource, state imageState, digest string, layers []v1.Descriptor) engine.Doc {
	shown, size := []any{}, 0.0
	for _, layer := range layers {
		size += float64(layer.Size)
		shown = append(shown, engine.Doc{
			"digest": layer.Digest.String(), "sizeInBytes": float64(layer.Size),
			"timeCreated": repository.Doc["timeCreated"],
		})
	}
	return engine.Doc{
		"compartmentId": repository.Doc["compartmentId"], "createdBy": engine.UserID, "digest": digest,
		"layers": shown, "layersSizeInBytes": size, "manifestSizeInBytes": float64(len(state.Manifest)),
		"pullCount": 0.0, "repositoryId": repository.ID, "repositoryName": repository.Doc["displayName"],
		"versions": []any{},
	}
}
