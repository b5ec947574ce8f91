package images

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// internet is a registry on loopback that answers for all names, by TLS. Its repositories below "private" need a
// password.
type internet struct {
	dials atomic.Int32 // connections that were asked for
	pulls atomic.Int32 // blobs that were pulled
	away  atomic.Bool  // nothing answers any more
	tls   *http.Transport
}

var ada = &authn.Basic{Username: "ada", Password: "mellon"}

func newInternet(t *testing.T) *internet {
	t.Helper()
	i := &internet{}
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, word, ok := r.BasicAuth()
		if strings.Contains(r.URL.Path, "/private/") || r.URL.Path == "/v2/" && !ok {
			if name != ada.Username || word != ada.Password {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who is that?"}]}`)
				return
			}
		}
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			i.pulls.Add(1)
		}
		content.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i.tls = server.Client().Transport.(*http.Transport).Clone()
	i.tls.TLSClientConfig.ServerName = "example.com" // which the certificate is for
	i.tls.DisableKeepAlives = true
	i.tls.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		i.dials.Add(1)
		if i.away.Load() {
			return nil, errors.New("network is unreachable")
		}
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return i
}

// push pushes a random image.
func (i *internet) push(t *testing.T, image string) v1.Image {
	t.Helper()
	pushed, err := random.Image(100_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(image)
	if err == nil {
		err = remote.Write(ref, pushed, remote.WithTransport(i.tls), remote.WithAuth(ada))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// mirror returns a mirror of this internet, with a directory of what it keeps.
func (i *internet) mirror(t *testing.T, source Source, dir string) *Mirror {
	t.Helper()
	registries := newRegistries(dir, slog.New(slog.DiscardHandler), i.tls)
	return NewMirror(source, registries, http.HandlerFunc(oracle), "iad.ocir.io")
}

// same fails the test unless an image is whole, and the one that is wanted.
func same(t *testing.T, got v1.Image, err error, want v1.Image) {
	t.Helper()
	if err == nil {
		err = validate.Image(got)
	}
	if err != nil {
		t.Error(err)
		return
	}
	gotDigest, _ := got.Digest()
	if wantDigest, _ := want.Digest(); gotDigest != wantDigest {
		t.Errorf("pulled %s, want %s", gotDigest, wantDigest)
	}
}

// TestPullsFromTheInternet pulls an image twice, for two nodes, and once more when nothing answers any more.
func TestPullsFromTheInternet(t *testing.T) {
	i, dir := newInternet(t), t.TempDir()
	const image = "docker.io/fluent/fluent-bit:4.0.3"
	pushed := i.push(t, image)
	m := i.mirror(t, Auto, dir)
	var nodes sync.WaitGroup
	for range 2 {
		nodes.Go(func() {
			got, err := pull(t, m, image)
			same(t, got, err, pushed)
		})
	}
	nodes.Wait()
	if n := i.pulls.Load(); n != 3 {
		t.Errorf("%d blobs were pulled for two nodes, want each of 3 once", n)
	}
	i.away.Store(true)
	got, err := pull(t, i.mirror(t, Auto, dir), image)
	same(t, got, err, pushed)
	if parts, _ := filepath.Glob(filepath.Join(dir, "*", partPrefix+"*")); len(parts) > 0 {
		t.Errorf("left: %v", parts)
	}
	if _, err := pull(t, m, "docker.io/fluent/fluent-bit:5"); err == nil {
		t.Error("an image of another tag")
	}
}

// TestSources is about which image is answered: that of the registry, or the one that is built here.
func TestSources(t *testing.T) {
	const always, usually, offline = "docker.io/oke/pause:1", "docker.io/library/mongo:8", "docker.io/paulczar/gb:5"
	for _, tc := range []struct {
		source Source
		away   bool
		built  []string // images that are built here
		pulled []string
		fail   string // all others do, and say this
	}{
		{Auto, false, []string{always, usually}, []string{offline, "quay.io/other/image:1"}, ""},
		{Registry, false, []string{always}, []string{usually, offline, "quay.io/other/image:1"}, ""},
		{Built, false, []string{always, usually, offline}, nil, "nothing comes from the internet; use IMAGES=auto"},
		{Auto, true, []string{always, usually, offline}, nil, "quay.io does not answer: Get "},
		{Registry, true, []string{always}, nil, "does not answer"},
	} {
		t.Run(string(tc.source), func(t *testing.T) {
			i := newInternet(t)
			pushed := map[string]v1.Image{}
			all := []string{always, usually, offline, "quay.io/other/image:1"}
			for _, image := range all {
				pushed[image] = i.push(t, image)
			}
			m := i.mirror(t, tc.source, t.TempDir())
			built := map[string]v1.Image{}
			for image, use := range map[string]Use{always: Always, usually: Usually, offline: Offline} {
				built[image], _ = random.Image(1000, 1)
				repository, _, _ := strings.Cut(image, ":")
				if err := m.Add(built[image], use, repository); err != nil {
					t.Fatal(err)
				}
			}
			i.away.Store(tc.away)
			succeed := map[string]v1.Image{}
			for _, image := range tc.built {
				succeed[image] = built[image]
			}
			for _, image := range tc.pulled {
				succeed[image] = pushed[image]
			}
			for _, image := range all {
				got, err := pull(t, m, image)
				if want, ok := succeed[image]; ok {
					same(t, got, err, want)
				} else if err == nil || !strings.Contains(err.Error(), tc.fail) {
					t.Errorf("%s: error %v, want %q", image, err, tc.fail)
				}
			}
			missed := tc.source == Auto && tc.away
			if got := m.Missed(); missed != strings.HasSuffix(got, "stand for docker.io/paulczar/gb") {
				t.Errorf("said %q", got)
			}
		})
	}
}

// TestASilentRegistryIsNotAskedAgain: a Pod has several images, and each is asked for several times.
func TestASilentRegistryIsNotAskedAgain(t *testing.T) {
	i := newInternet(t)
	m := i.mirror(t, Auto, t.TempDir())
	i.away.Store(true)
	for _, image := range []string{"docker.io/fluent/a:1", "docker.io/fluent/a:1", "docker.io/fluent/b:1"} {
		if _, err := pull(t, m, image); err == nil || !strings.Contains(err.Error(), "network is unreachable") {
			t.Errorf("%s: %v", image, err)
		}
	}
	if n := i.dials.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	if _, err := pull(t, m, "ghcr.io/fluent/a:1"); err == nil || i.dials.Load() != 2 {
		t.Errorf("another registry: %v after %d connections", err, i.dials.Load())
	}
}

// credentials adds those of a Pod to each request, as containerd does after a challenge.
type credentials struct {
	http.RoundTripper
	auth *authn.Basic
}

func (c credentials) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(c.auth.Username, c.auth.Password)
	return c.RoundTripper.RoundTrip(r)
}

// TestPrivateImage: only who has the password gets the image, also when another one has pulled it already.
func TestPrivateImage(t *testing.T) {
	i, dir := newInternet(t), t.TempDir()
	const image = "docker.io/private/guestbook:v1"
	pushed := i.push(t, image)
	m := i.mirror(t, Auto, dir)
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	as := func(auth *authn.Basic) (v1.Image, error) {
		server := httptest.NewServer(m)
		t.Cleanup(server.Close)
		host := strings.TrimPrefix(server.URL, "http://")
		return remote.Image(ref, remote.WithTransport(credentials{namespaced{host, "docker.io"}, auth}))
	}
	got, err := as(ada)
	same(t, got, err, pushed)
	if _, err := as(&authn.Basic{Username: "eve", Password: "guess"}); err == nil ||
		!strings.Contains(err.Error(), "DENIED") || !strings.Contains(err.Error(), "who is that?") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := pull(t, m, image); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Errorf("without credentials: %v", err)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(kept) > 0 {
		t.Errorf("kept of a private image: %v", kept)
	}
	recorder := httptest.NewRecorder()
	m.ServeHTTP(recorder, httptest.NewRequest(http.MethodHead, "/v2/private/guestbook/manifests/v1?ns=docker.io", nil))
	if got := recorder.Header().Get("WWW-Authenticate"); recorder.Code != 401 || !strings.HasPrefix(got, "Basic ") {
		t.Errorf("no challenge: %d %q", recorder.Code, got)
	}
}

// TestNamesThatAreNoRegistries: a Pod could reach this machine's own servers by them.
func TestNamesThatAreNoRegistries(t *testing.T) {
	i := newInternet(t)
	m := i.mirror(t, Auto, t.TempDir())
	hosts := []string{"127.0.0.1:8787", "localhost:5000", "10.0.0.1:5000", "registry.local", "[::1]:443", "a b"}
	for _, host := range hosts {
		recorder := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/v2/a/manifests/v1", nil)
		r.URL.RawQuery = "ns=" + strings.ReplaceAll(host, " ", "%20")
		m.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", host, recorder.Code, recorder.Body)
		}
	}
	if n := i.dials.Load(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

// TestAFullDiskKeepsNothing: the image is pulled nevertheless. A directory where a file must be has the same effect on
// writing, also for root.
func TestAFullDiskKeepsNothing(t *testing.T) {
	i, dir := newInternet(t), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const image = "docker.io/fluent/fluent-bit:4.0.3"
	pushed := i.push(t, image)
	got, err := pull(t, i.mirror(t, Auto, dir), image)
	same(t, got, err, pushed)
}

// TestAnInterruptedPullIsNotKept: a blob is kept only if all of it was read.
func TestAnInterruptedPullIsNotKept(t *testing.T) {
	i, dir := newInternet(t), t.TempDir()
	const image = "docker.io/fluent/fluent-bit:4.0.3"
	pushed := i.push(t, image)
	layers, err := pushed.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := layers[0].Digest()
	repo, err := repositoryOf("docker.io", "fluent/fluent-bit")
	if err != nil {
		t.Fatal(err)
	}
	registries := newRegistries(dir, slog.New(slog.DiscardHandler), i.tls)
	content, _, err := registries.blob(t.Context(), repo, digest.String(), authn.Anonymous)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, content, 100); err != nil {
		t.Fatal(err)
	}
	content.Close()
	if kept, _ := filepath.Glob(filepath.Join(dir, "*", "*")); len(kept) > 0 {
		t.Errorf("kept: %v", kept)
	}
	got, err := pull(t, i.mirror(t, Auto, dir), image)
	same(t, got, err, pushed)
}
