package artifacts_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity"
	"oke-guestbook/local/oci/ocitest"
)

const (
	repositories = ocitest.Core + "/container/repositories"
	images       = ocitest.Core + "/container/images"
	tokens       = ocitest.Core + "/users/" + oci.UserID + "/authTokens"
	user         = oci.Namespace + "/" + identity.UserName
)

// registry is a local cloud and the address of its registry.
type registry struct {
	*ocitest.Cloud
	host string
}

func run(t *testing.T, test func(registry)) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		server := httptest.NewServer(c.Server)
		defer server.Close()
		test(registry{c, strings.TrimPrefix(server.URL, "http://")})
	})
}

func (r registry) reference(repository string) name.Reference {
	r.T.Helper()
	ref, err := name.ParseReference(r.host + "/" + oci.Namespace + "/" + repository)
	if err != nil {
		r.T.Fatal(err)
	}
	return ref
}

// authToken creates an auth token of the user.
func (r registry) authToken() string {
	r.T.Helper()
	token := r.Want(200, "POST", tokens, engine.Doc{"description": "test"}).Object()
	r.Conforms("identity.AuthToken", token)
	return token.Str("token")
}

func login(username, password string) remote.Option {
	return remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: username, Password: password}))
}

// refused checks that an error is the registry's, with that status and words of its message.
func refused(t *testing.T, what string, err error, status int, words string) {
	t.Helper()
	var failure *transport.Error
	if !errors.As(err, &failure) || failure.StatusCode != status || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: got %v, want status %d and %q", what, err, status, words)
	}
}

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(2000, 2)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestRepositoryVisibility(t *testing.T) {
	run(t, func(r registry) {
		made := r.Want(200, "POST", repositories, engine.Doc{
			"compartmentId": oci.CompartmentID, "displayName": "team/guestbook",
		}).Object()
		r.Conforms("artifacts.ContainerRepository", made)
		if made.Flag("isPublic") || made.Str("namespace") != oci.Namespace {
			t.Errorf("a new repository is %v", made)
		}
		r.Refused(409, "Conflict", "team/guestbook", "POST", repositories,
			engine.Doc{"compartmentId": oci.TenancyID, "displayName": "team/guestbook"})
		r.Refused(400, "InvalidParameter", "displayName", "POST", repositories,
			engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "Guestbook:v1"})
		ref, img := r.reference("team/guestbook:v1"), randomImage(t)
		const anonymous = "Anonymous users are only allowed read access on public repos"
		refused(t, "push without credentials", remote.Write(ref, img), 403, "")
		refused(t, "push with a wrong token", remote.Write(ref, img, login(user, "wrong")), 401, "Unauthorized")
		token := r.authToken()
		me := login(user, token)
		for _, other := range []string{
			identity.UserName, "other/" + identity.UserName, oci.Namespace + "/other",
			oci.Namespace + "/federation/" + identity.UserName,
		} {
			_, err := remote.Get(ref, login(other, token))
			refused(t, "user "+other, err, 401, "Unauthorized")
		}
		if err := remote.Write(ref, img, login(oci.Namespace+"/Default/"+identity.UserName, token)); err != nil {
			t.Fatal(err)
		}
		_, err := remote.Get(ref)
		refused(t, "pull without credentials", err, 403, anonymous)
		_, err = remote.Get(r.reference("team/guestbook:v2"), me)
		refused(t, "wrong tag", err, 404, "v2")
		_, err = remote.Get(r.reference("nobody:v1"), me)
		refused(t, "missing repository", err, 404, "nobody")

		r.Want(200, "PUT", repositories+"/"+made.Str("id"), engine.Doc{"isPublic": true})
		pulled, err := remote.Image(ref)
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := img.Digest(); digest(t, pulled) != want {
			t.Errorf("pulled %s, want %s", digest(t, pulled), want)
		}
		refused(t, "push to a public repository", remote.Write(ref, randomImage(t)), 403, anonymous)
	})
}

func digest(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A push to a repository that does not exist makes it in the root compartment, private; the images are listed, and
// moved tags with them.
func TestPushCreatesRepository(t *testing.T) {
	run(t, func(r registry) {
		me := login(user, r.authToken())
		index, err := random.Index(1000, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		const configuration = ocitest.Core + "/container/configuration"
		r.Want(200, "PUT", configuration+"?compartmentId="+oci.TenancyID, engine.Doc{"isRepositoryCreatedOnFirstPush": false})
		refused(t, "push", remote.WriteIndex(r.reference("new:v1"), index, me), 404, "new")
		r.Want(200, "PUT", configuration+"?compartmentId="+oci.TenancyID, engine.Doc{"isRepositoryCreatedOnFirstPush": true})
		r.Conforms("artifacts.ContainerConfiguration", r.Get(configuration+"?compartmentId="+oci.TenancyID))
		if err := remote.WriteIndex(r.reference("new:v1"), index, me); err != nil {
			t.Fatal(err)
		}
		all := r.Get(repositories + "?compartmentId=" + oci.TenancyID)
		r.Conforms("artifacts.ContainerRepositoryCollection", all)
		repository := all.Objects("items")[0]
		if repository.Flag("isPublic") || repository.Num("imageCount") != 3 || all.Num("layerCount") != 2 {
			t.Errorf("repositories %v, want one that is private, with 3 images and 2 layers", all)
		}
		tagged := func(tag string) (digests []string) {
			found := r.Get(images + "?compartmentId=" + oci.TenancyID + "&version=" + tag)
			r.Conforms("artifacts.ContainerImageCollection", found)
			for _, image := range found.Objects("items") {
				r.Conforms("artifacts.ContainerImage", r.Get(images+"/"+image.Str("id")))
				digests = append(digests, image.Str("digest"))
			}
			return digests
		}
		want, _ := index.Digest()
		if got := tagged("v1"); len(got) != 1 || got[0] != want.String() {
			t.Errorf("images v1: %v, want %s", got, want)
		}
		next := randomImage(t)
		if err := remote.Write(r.reference("new:v1"), next, me); err != nil {
			t.Fatal(err)
		}
		if got := tagged("v1"); len(got) != 1 || got[0] != digest(t, next).String() {
			t.Errorf("images v1 after another push: %v, want %s", got, digest(t, next))
		}
		if tags, err := remote.List(r.reference("new:v1").Context(), me); err != nil || len(tags) != 1 {
			t.Errorf("tags %v, error %v", tags, err)
		}
		r.Want(204, "DELETE", repositories+"/"+repository.Str("id"), nil)
		if got := tagged("v1"); len(got) != 0 {
			t.Errorf("images of a deleted repository: %v", got)
		}
	})
}

// An API key is enough to push: with it the registry gives an access token, which docker login takes too.
func TestAccessTokenBySignature(t *testing.T) {
	run(t, func(r registry) {
		const path = "/20180419/docker/token"
		token := r.Get(path)
		r.Conforms("containerregistry.AccessToken", token)
		signed := login("BEARER_TOKEN", token.Str("token"))
		if err := remote.Write(r.reference("signed:v1"), randomImage(t), signed); err != nil {
			t.Error(err)
		}
		refused(t, "forged token", remote.Write(r.reference("signed:v2"), randomImage(t),
			login("BEARER_TOKEN", token.Str("token")+"x")), 401, "Unauthorized")
		reply := r.Send("GET", path, nil, func(q *http.Request) { q.URL.RawQuery, q.RequestURI = "scope=a", path+"?scope=a" })
		if reply.Status != 401 {
			t.Errorf("a request with another target than the signed one got %d", reply.Status)
		}
	})
}

func TestAuthTokens(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := engine.Doc{"description": "ci"}
		create := func() engine.Doc { return c.Want(200, "POST", tokens, body).Object() }
		first := create()
		create()
		c.Refused(400, "LimitExceeded", "at most 2", "POST", tokens, body)
		c.Refused(404, "NotAuthorizedOrNotFound", "x", "POST", ocitest.Core+"/users/x/authTokens", body)
		for _, listed := range c.GetList(tokens) {
			if listed["token"] != nil {
				t.Error("a list shows a token")
			}
		}
		c.Want(204, "DELETE", tokens+"/"+first.Str("id"), nil)
		create()
		c.Conforms("identity.User", c.Get(ocitest.Core+"/users/"+oci.UserID))
	})
}

// Images outlive the process. Blobs that no image has are deleted by the next start.
func TestImagesAreKept(t *testing.T) {
	dir, img := t.TempDir(), randomImage(t)
	ref, err := name.ParseReference("iad.ocir.io/" + oci.Namespace + "/kept:v1")
	if err != nil {
		t.Fatal(err)
	}
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		r := registry{Cloud: c}
		if err := remote.Write(ref, img, login(user, r.authToken()), remote.WithTransport(inProcess{c})); err != nil {
			t.Fatal(err)
		}
	})
	blobs := filepath.Join(dir, "registry", "sha256")
	stray := filepath.Join(blobs, strings.Repeat("a", 64))
	if err := os.WriteFile(stray, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		if left, err := os.ReadDir(blobs); err != nil || len(left) != 3 {
			t.Errorf("blobs %v, error %v, want two layers and a configuration", left, err)
		}
		token := c.Get("/20180419/docker/token").Str("token")
		pulled, err := remote.Image(ref, login("BEARER_TOKEN", token), remote.WithTransport(inProcess{c}))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(pulled); err != nil {
			t.Error(err)
		}
		if digest(t, pulled) != digest(t, img) {
			t.Errorf("pulled %s, want %s", digest(t, pulled), digest(t, img))
		}
	})
}

// inProcess sends a client's requests to the registry without a network, whatever their host is.
type inProcess struct{ *ocitest.Cloud }

func (p inProcess) RoundTrip(q *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	served := q.Clone(q.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	p.Server.ServeHTTP(w, served)
	response := w.Result()
	response.Request = q
	return response, nil
}
