// Package images is the registry that nodes pull all of their images from: the emulated Container Registry, the
// registries of the internet, and images that are built here and stand for those of other registries.
package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Source says where images come from, as the variable IMAGES does.
type Source string

// Where images come from.
const (
	Auto     Source = "auto"     // the images that are built here, where there are some, and registries of the internet
	Registry Source = "registry" // registries of the internet, except for the local cloud's own parts
	Built    Source = "built"    // the images that are built here
)

// Use says when an image that is built here stands for another.
type Use int

// When an image that is built here stands for another.
const (
	Always  Use = iota // it is a part of the local cloud
	Usually            // unless images come from registries
	Offline            // if images are those that are built here, or its registry does not answer
)

// Mirror answers containerd's requests to a mirror, which name the registry in the query parameter ns
// (containerd, docs/hosts.md). It is safe for concurrent use after the last Add.
type Mirror struct {
	oracle     http.Handler
	hosts      []string
	images     map[string]standIn // by repository with registry host: "docker.io/library/mongo"
	blobs      map[string]blob    // by digest
	source     Source
	registries *Registries

	mu     sync.Mutex
	unseen []string // repositories whose registry did not answer, so that an image stands for theirs
}

// standIn is an image that stands for others.
type standIn struct {
	v1.Image
	use Use
}

// blob is a layer or the configuration of an image.
type blob struct {
	size int64
	open func() (io.ReadCloser, error)
}

// NewMirror returns a mirror of the registry that oracle serves, whose names are hosts, and of registries, which may be
// nil if images are those that are built here.
func NewMirror(source Source, registries *Registries, oracle http.Handler, hosts ...string) *Mirror {
	return &Mirror{
		oracle: oracle, hosts: hosts, images: map[string]standIn{}, blobs: map[string]blob{},
		source: source, registries: registries,
	}
}

// Add has the image stand for all tags and digests of the repositories, which are named with their registry hosts.
func (m *Mirror) Add(image v1.Image, use Use, repositories ...string) error {
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
		m.images[repository] = standIn{image, use}
	}
	return nil
}

// AddLayout is Add with the image for an architecture of the OCI image layout in dir, as `make image` writes it.
func (m *Mirror) AddLayout(dir, arch string, use Use, repositories ...string) error {
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
	return m.Add(found, use, repositories...)
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
	registry := r.URL.Query().Get("ns")
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	repository, reference, isBlob := strings.Cut(path, "/blobs/")
	if !isBlob {
		repository, reference, _ = strings.Cut(path, "/manifests/")
	}
	image, ok := m.images[registry+"/"+repository]
	// What is not below /v2/ is for tokens.
	if !strings.HasPrefix(r.URL.Path, "/v2/") || !ok && slices.Contains(m.hosts, registry) {
		m.oracle.ServeHTTP(w, r)
		return
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the mirror is for pulls")
	case path == "":
	case ok && !m.asksRegistry(image.use):
		m.serveBuilt(w, r, image, reference, isBlob)
	default:
		m.servePulled(w, r, registry, repository, reference, isBlob)
	}
}

// asksRegistry reports whether an image comes from its registry although another is built here.
func (m *Mirror) asksRegistry(use Use) bool {
	return use == Usually && m.source == Registry || use == Offline && m.source != Built
}

func (m *Mirror) serveBuilt(w http.ResponseWriter, r *http.Request, image v1.Image, reference string, isBlob bool) {
	if isBlob {
		m.serveBlob(w, r, reference)
		return
	}
	serveManifest(w, r, image)
}

// servePulled answers with what a registry of the internet answers, or with the image that stands for one.
func (m *Mirror) servePulled(
	w http.ResponseWriter, r *http.Request, registry, repository, reference string, isBlob bool,
) {
	image, ok := m.images[registry+"/"+repository]
	if ok && m.isBuilt(image, reference) { // its manifest was answered with that of the image built here
		m.serveBuilt(w, r, image, reference, isBlob)
		return
	}
	repo, err := repositoryOf(registry, repository)
	if err == nil && m.source == Built {
		err = errNotAsked
	}
	if err == nil {
		err = m.pull(w, r, repo, reference, isBlob)
	}
	if ok && m.source == Auto && !isDigest(reference) && errors.As(err, new(noAnswer)) {
		m.miss(registry + "/" + repository)
		serveManifest(w, r, image)
		return
	}
	if err != nil {
		refusePull(w, r, registry, registry+"/"+repository, err)
	}
}

// isBuilt reports whether a digest is of an image that was built here, or of a part of it.
func (m *Mirror) isBuilt(image v1.Image, digest string) bool {
	built, err := image.Digest()
	_, part := m.blobs[digest]
	return part || err == nil && built.String() == digest
}

func isDigest(reference string) bool {
	_, err := v1.NewHash(reference)
	return err == nil
}

// errNotAsked is why no registry is asked.
var errNotAsked = errors.New("with IMAGES=built nothing comes from the internet")

// pull answers with what the registry answers. With an error, it has not answered yet.
func (m *Mirror) pull(
	w http.ResponseWriter, r *http.Request, repo name.Repository, reference string, isBlob bool,
) error {
	auth := authn.Anonymous
	if user, password, ok := r.BasicAuth(); ok {
		auth = &authn.Basic{Username: user, Password: password}
	}
	if !isBlob {
		got, err := m.registries.manifest(r.Context(), repo, reference, auth)
		if err == nil {
			answerManifest(w, r, got)
		}
		return err
	}
	content, size, err := m.registries.blob(r.Context(), repo, reference, auth)
	if err != nil {
		return err
	}
	defer content.Close()
	answerBlob(w, r, reference, size, content)
	return nil
}

// miss remembers that an image stands for one whose registry does not answer.
func (m *Mirror) miss(repository string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.unseen, repository) {
		m.unseen = append(m.unseen, repository)
	}
}

// Missed says which images stand for those of registries that did not answer, or nothing.
func (m *Mirror) Missed() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.unseen) == 0 {
		return ""
	}
	return "registries that do not answer: images built here stand for " + strings.Join(m.unseen, ", ")
}

// refusePull answers why an image cannot be pulled. containerd shows the text of 403 only, and asks for credentials
// after 401 (containerd 2.3, core/remotes/docker).
func refusePull(w http.ResponseWriter, r *http.Request, registry, repository string, err error) {
	var answered *transport.Error
	if !errors.As(err, &answered) {
		refuse(w, http.StatusForbidden, "DENIED", fmt.Sprintf("%s cannot be pulled: %v; %s, push the image to the local "+
			"cloud's Container Registry, or use NODES=simulated, after `make down`", repository, err, advice(err)))
		return
	}
	_, _, authenticated := r.BasicAuth()
	denied := answered.StatusCode == http.StatusUnauthorized || answered.StatusCode == http.StatusForbidden
	switch {
	case denied && !authenticated:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", registry))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", answered.Error())
	case denied:
		refuse(w, http.StatusForbidden, "DENIED", answered.Error())
	default:
		refuse(w, answered.StatusCode, "UNKNOWN", answered.Error())
	}
}

// advice is what makes the local cloud pull an image that it has not pulled because of err.
func advice(err error) string {
	switch {
	case errors.Is(err, errNotAsked):
		return "use IMAGES=auto"
	case errors.Is(err, errNoRegistry):
		return "name another registry"
	}
	return "connect this machine to the internet"
}

func (m *Mirror) serveBlob(w http.ResponseWriter, r *http.Request, digest string) {
	b, ok := m.blobs[digest]
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "no blob "+digest)
		return
	}
	content, err := b.open()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	defer content.Close()
	answerBlob(w, r, digest, b.size, content)
}

func answerBlob(w http.ResponseWriter, r *http.Request, digest string, size int64, content io.Reader) {
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.Header().Set("Docker-Content-Digest", digest)
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, content) // an error means that the client or the registry is gone
	}
}

func serveManifest(w http.ResponseWriter, r *http.Request, image v1.Image) {
	content, err := image.RawManifest()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	mediaType, _ := image.MediaType()
	digest, _ := image.Digest()
	answerManifest(w, r, manifest{string(mediaType), digest.String(), content})
}

func answerManifest(w http.ResponseWriter, r *http.Request, m manifest) {
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(m.content)))
	w.Header().Set("Docker-Content-Digest", m.digest)
	if r.Method == http.MethodGet {
		_, _ = w.Write(m.content)
	}
}

// refuse answers with an error of the OCI Distribution Specification ("Error Codes").
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Del("Content-Length")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}})
}
