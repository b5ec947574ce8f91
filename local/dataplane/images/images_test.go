package images

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// namespaced sends requests as containerd does to a mirror: with the registry in the query.
type namespaced struct{ host, registry string }

func (n namespaced) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.URL.Scheme, sent.URL.Host = "http", n.host
	sent.URL.RawQuery = "ns=" + n.registry
	response, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		response.Request = r
	}
	return response, err
}

// pull pulls an image through a mirror.
func pull(t *testing.T, m *Mirror, image string) (v1.Image, error) {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	registry := strings.Replace(ref.Context().RegistryStr(), "index.docker.io", "docker.io", 1)
	return remote.Image(ref, remote.WithTransport(namespaced{strings.TrimPrefix(server.URL, "http://"), registry}))
}

func oracle(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return // what a client asks first
	}
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"Oracle's: %s"}]}`, r.URL.Path)
}

// TestProgram builds pause as the tools do, and pulls the image that stands for it.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "pause")
	build := exec.Command("go", "build", "-o", binary, "oke-guestbook/local/cmd/pause")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	image, err := Program(binary, runtime.GOARCH, v1.Config{Entrypoint: []string{"/pause"}})
	if err != nil {
		t.Fatal(err)
	}
	m := NewMirror(Built, nil, http.HandlerFunc(oracle), "iad.ocir.io")
	if err := m.Add(image, Always, "registry.k8s.io/pause"); err != nil {
		t.Fatal(err)
	}
	pulled, err := pull(t, m, "registry.k8s.io/pause:3.10")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	content := mutate.Extract(pulled)
	defer content.Close()
	archive, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	if program, err := os.ReadFile(binary); err != nil || !bytes.Contains(archive, program) {
		t.Errorf("the image does not contain the program (%v)", err)
	}
	if _, err := Program(binary, runtime.GOARCH, v1.Config{Entrypoint: []string{"pause"}}); err == nil {
		t.Error("a relative entry point was accepted")
	}
}

func TestMirror(t *testing.T) {
	m := NewMirror(Built, nil, http.HandlerFunc(oracle), "iad.ocir.io")
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Add(image, Always, "docker.io/library/mongo", "iad.ocir.io/oke/pause"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"docker.io/library/mongo:8.0", "docker.io/library/mongo:8.0.32", "iad.ocir.io/oke/pause:local",
	} {
		if pulled, err := pull(t, m, name); err != nil {
			t.Error(err)
		} else if err := validate.Image(pulled); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"quay.io/library/mongo:8.0":  "quay.io/library/mongo cannot be pulled: with IMAGES=built",
		"iad.ocir.io/t/guestbook:v1": "Oracle's: /v2/t/guestbook/manifests/v1",
	} {
		if _, err := pull(t, m, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func TestAddLayout(t *testing.T) {
	image, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}},
	})
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = path.AppendIndex(index)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := NewMirror(Built, nil, http.HandlerFunc(oracle))
	err = m.AddLayout(dir, "amd64", Always, "docker.io/library/mongo")
	if err == nil || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("another architecture: %v", err)
	}
	if err := m.AddLayout(t.TempDir(), "arm64", Always, "docker.io/library/mongo"); err == nil {
		t.Error("an empty directory was accepted")
	}
	if err := m.AddLayout(dir, "arm64", Always, "docker.io/library/mongo"); err != nil {
		t.Fatal(err)
	}
	pulled, err := pull(t, m, "docker.io/library/mongo:8.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
}
