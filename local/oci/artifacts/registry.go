package artifacts

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	docker "github.com/google/go-containerregistry/pkg/registry"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/objectstorage"
)

// registry serves the OCI Distribution Specification. Blobs are go-containerregistry's business, which would keep
// manifests in memory only: they are in the state of the emulator.
type registry struct {
	engine *engine.Engine
	dir    string // of the blobs
	blobs  http.Handler
	key    []byte // of access tokens
}

func registerRegistry(e *engine.Engine) {
	g := &registry{engine: e, dir: filepath.Join(e.Dir(), "registry"), key: []byte(rand.Text())}
	g.blobs = docker.New(docker.Logger(log.New(io.Discard, "", 0)),
		docker.WithBlobHandler(docker.NewDiskBlobHandler(g.dir)))
	e.HandleOther("GET "+tokenPath, http.HandlerFunc(g.serveToken))
	// containerd tries this first, and takes GET when it is not allowed.
	e.HandleOther("POST "+tokenPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, engine.Fail(http.StatusMethodNotAllowed, "UNSUPPORTED", "a token is for GET"))
	}))
	e.HandleOther("/v2/", g)
	e.OnStart(g.clean)
}

// clean creates the directory, and deletes the blobs that no image has any more.
func (g *registry) clean(t *engine.Tx) error {
	used := map[string]bool{}
	for _, r := range t.All(imageKind) {
		for _, digest := range engine.Private[imageState](r).Blobs {
			used[digest] = true
		}
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	return filepath.WalkDir(g.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || used["sha256:"+entry.Name()] {
			return err
		}
		return os.Remove(path)
	})
}

// request is a request to a repository.
type request struct {
	http.ResponseWriter
	r          *http.Request
	caller     caller
	repository string // without the tenancy's namespace
	part, name string // "manifests" and a tag or digest, "blobs", "tags"
}

func (q *request) reads() bool { return q.r.Method == http.MethodGet || q.r.Method == http.MethodHead }

// ServeHTTP implements http.Handler.
func (g *registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	namespace, rest, _ := strings.Cut(path, "/")
	q := &request{ResponseWriter: w, r: r}
	q.repository, q.part, q.name = split(rest)
	var ok bool
	if q.caller, ok = g.caller(r); !ok {
		scope := "repository:" + namespace + "/" + q.repository + ":pull"
		if !q.reads() {
			scope += ",push"
		}
		challenge(w, r, scope)
		return
	}
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	var err error
	switch {
	case path == "": // the version check
	case q.part == "":
		err = engine.Fail(http.StatusNotFound, "UNSUPPORTED", "the local cloud has no %s %s", r.Method, r.URL.Path)
	case namespace != objectstorage.Namespace:
		err = engine.Fail(http.StatusNotFound, "NAME_UNKNOWN", "Tenant with namespace %s not found", namespace)
	default:
		if err = g.admit(q); err == nil {
			err = g.serve(q)
		}
	}
	if err != nil {
		refuse(w, err)
	}
}

// refuse answers with an error as the OCI Distribution Specification has it ("Error Codes").
func refuse(w http.ResponseWriter, err error) {
	f := engine.AsFailure(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(engine.Doc{"errors": []any{engine.Doc{"code": f.Code, "message": f.Message}}})
}

// split parses the path behind the namespace: the repository's name, which may have slashes, the part and its name.
func split(path string) (repository, part, name string) {
	words := strings.Split(path, "/")
	for i := len(words) - 1; i > 0; i-- {
		if slices.Contains([]string{"manifests", "blobs", "tags"}, words[i]) {
			return strings.Join(words[:i], "/"), words[i], strings.Join(words[i+1:], "/")
		}
	}
	return path, "", ""
}

// admit refuses a request to a repository that the caller may not use. A push creates a repository that does not exist,
// private and in the root compartment (Artifacts API, ContainerConfiguration.isRepositoryCreatedOnFirstPush).
func (g *registry) admit(q *request) error {
	return g.engine.Update(func(t *engine.Tx) error {
		r := repositoryNamed(t, q.repository)
		switch public := r != nil && r.Doc.Flag("isPublic"); {
		case q.caller.User == "" && !(q.reads() && public):
			return engine.Fail(http.StatusForbidden, "DENIED",
				"Anonymous users are only allowed read access on public repos")
		case r != nil:
			return nil
		case q.reads() || !createsOnPush(t):
			return engine.Fail(http.StatusNotFound, "NAME_UNKNOWN", "repository %s not found", q.repository)
		}
		doc := engine.Doc{"displayName": q.repository, "compartmentId": engine.TenancyID}
		if err := completeRepository(t, doc); err != nil {
			return err
		}
		_, err := t.Insert(repositoryKind, doc)
		return err
	})
}

func (g *registry) serve(q *request) error {
	switch {
	case q.part == "blobs":
		g.blobs.ServeHTTP(q.ResponseWriter, q.r)
		return nil
	case q.part == "tags" && q.r.Method == http.MethodGet:
		return g.serveTags(q)
	case q.part == "manifests" && q.reads():
		return g.serveManifest(q)
	case q.part == "manifests" && q.r.Method == http.MethodPut:
		return g.putManifest(q)
	}
	return engine.Fail(http.StatusMethodNotAllowed, "UNSUPPORTED", "images are deleted by the Artifacts API")
}

func (g *registry) serveTags(q *request) error {
	tags := []string{}
	err := g.engine.View(func(t *engine.Tx) error {
		for _, r := range t.All(imageKind, engine.With("repositoryName", q.repository)) {
			for _, v := range r.Doc.Objects("versions") {
				tags = append(tags, v.Str("version"))
			}
		}
		return nil
	})
	slices.Sort(tags)
	q.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(q).Encode(engine.Doc{"name": objectstorage.Namespace + "/" + q.repository, "tags": tags})
	return err
}
