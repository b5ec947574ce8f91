package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	docker "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"oke-guestbook/plan/workload"
)

const user, password = "ns/me", "token"

var authorized = &authn.Basic{Username: user, Password: password}

// serve starts a registry, which answers to repositories called after a status with it, and gives private ones to the
// user alone. It returns the registry's host.
func serve(t *testing.T) string {
	t.Helper()
	images := docker.New(docker.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, given, _ := r.BasicAuth()
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/v2/ns/%d/", &status)
		switch {
		case strings.HasPrefix(r.URL.Path, "/v2/ns/slow"):
			<-r.Context().Done()
		case strings.HasPrefix(r.URL.Path, "/v2/ns/broken"):
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			_, _ = w.Write([]byte("["))
		case status > 0:
			w.WriteHeader(status)
		case r.URL.Path == "/v2/" && name == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/v2/ns/private") && (name != user || given != password):
			w.WriteHeader(http.StatusForbidden)
		default:
			images.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// push puts images for both architectures, for one, and for none into the registry.
func push(t *testing.T, host string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	image, err := random.Image(8, 1)
	must(err)
	config, err := image.ConfigFile()
	must(err)
	config.Architecture = "amd64"
	single, err := mutate.ConfigFile(image, config)
	must(err)
	index := v1.ImageIndex(empty.Index)
	for _, p := range []v1.Platform{
		{OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "arm64"},
		{OS: "unknown", Architecture: "unknown"},
	} {
		index = mutate.AppendManifests(index,
			mutate.IndexAddendum{Add: single, Descriptor: v1.Descriptor{Platform: &p}})
	}
	for _, repository := range []string{"guestbook", "private"} {
		ref := func(tag string) name.Reference {
			ref, err := name.ParseReference(host + "/ns/" + repository + ":" + tag)
			must(err)
			return ref
		}
		login := remote.WithAuth(authorized)
		must(remote.WriteIndex(ref("both"), index, login))
		must(remote.Write(ref("single"), single, login))
	}
}

// TestAsk expects a verdict for each answer of a registry.
func TestAsk(t *testing.T) {
	t.Setenv("CLIENT_HOST_OVERRIDES", "")
	host := serve(t)
	push(t, host)
	right := workload.Registry{Host: host, Username: user, Password: password}
	wrong, elsewhere := right, right
	wrong.Password, elsewhere.Host = "old", "iad.ocir.io"
	for _, c := range []struct {
		image  string
		login  workload.Registry
		want   Verdict
		as     string
		status int
		archs  []string
	}{
		{"guestbook:both", right, Found, "as ns/me", 0, []string{"amd64", "arm64"}},
		{"guestbook:single", workload.Registry{}, Found, "anonymously", 0, []string{"amd64"}},
		{"guestbook:v9", workload.Registry{}, Missing, "anonymously", 404, nil},
		{"nothing:v1", right, Missing, "as ns/me", 404, nil},
		{"private:both", right, Found, "as ns/me", 0, []string{"amd64", "arm64"}},
		{"private:both", wrong, Denied, "as ns/me", 403, nil},
		{"private:both", elsewhere, Denied, "anonymously", 403, nil},
		{"401:v1", right, Denied, "as ns/me", 401, nil},
		{"429:v1", right, Unknown, "as ns/me", 429, nil},
		{"503:v1", right, Unknown, "as ns/me", 503, nil},
		{"broken:v1", right, Unknown, "as ns/me", 0, nil},
		{"Upper:v1", workload.Registry{}, Unknown, "anonymously", 0, nil},
	} {
		got := Ask(t.Context(), host+"/ns/"+c.image, c.login)
		if got.Verdict != c.want || got.As != c.as || got.Status != c.status || !slices.Equal(got.Architectures, c.archs) {
			t.Errorf("%s: %+v, want verdict %d %s, %d %v", c.image, got, c.want, c.as, c.status, c.archs)
		}
		if (got.Err == nil) != (c.want == Found) {
			t.Errorf("%s: error %v", c.image, got.Err)
		}
	}
}

// TestNoAnswer expects nothing to be said of images whose registry is slow, closed, or unknown.
func TestNoAnswer(t *testing.T) {
	t.Setenv("CLIENT_HOST_OVERRIDES", "")
	host := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if got := Ask(ctx, host+"/ns/slow:v1", workload.Registry{}); got.Verdict != Unknown || got.Err == nil {
		t.Errorf("slow: %+v", got)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	if got := Ask(t.Context(), closed.Addr().String()+"/ns/a:v1", workload.Registry{}); got.Verdict != Unknown {
		t.Errorf("closed: %+v", got)
	}
	for err, want := range map[error]Verdict{
		&net.DNSError{Name: "iad.ocir.oi", IsNotFound: true}:  NoHost,
		&net.DNSError{Name: "iad.ocir.io", IsTemporary: true}: Unknown,
		errors.New("Forbidden"):                               Unknown, // a proxy's
	} {
		if got := (Answer{}).failed(fmt.Errorf("get: %w", err)); got.Verdict != want {
			t.Errorf("%v: verdict %d, want %d", err, got.Verdict, want)
		}
	}
}

// TestLocalCloud expects the local cloud's Container Registry to be asked there, and no other.
func TestLocalCloud(t *testing.T) {
	host := serve(t)
	push(t, host)
	t.Setenv("CLIENT_HOST_OVERRIDES", "oci_artifacts.ArtifactsClient=http://"+host)
	login := workload.Registry{Host: "iad.ocir.io", Username: user, Password: password}
	for image, want := range map[string]Verdict{
		"iad.ocir.io/ns/private:both":                                             Found,
		"iad.ocir.io/ns/private:v2":                                               Missing,
		"ocir.us-ashburn-1.oci.oraclecloud.com/ns/private:v1":                     Denied, // the login is for the other host
		"registry.local/guestbook:v1":                                             Unasked,
		"docker.io/library/mongo:8.0":                                             Unasked,
		strings.Replace(host, "127.0.0.1", "localhost", 1) + "/ns/guestbook:both": Found,
	} {
		if got := Ask(t.Context(), image, login); got.Verdict != want {
			t.Errorf("%s: %+v, want verdict %d", image, got, want)
		}
	}
}
