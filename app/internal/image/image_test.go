package image

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const source = "../.." // the module

func build(t *testing.T, source, out string) v1.ImageIndex {
	t.Helper()
	binaries := map[string]string{}
	for _, arch := range Architectures {
		binaries[arch] = filepath.Join(t.TempDir(), arch)
		if err := Compile(context.Background(), source, arch, "v1.2.3", binaries[arch]); err != nil {
			t.Fatal(err)
		}
	}
	index, err := Index(binaries, Labels("v1.2.3", "0123abc"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(index, out, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	return index
}

// TestImage builds the image twice, from two directories and into two others,
// pushes it to a registry that asks for a password, and looks at what comes back.
func TestImage(t *testing.T) {
	first := filepath.Join(t.TempDir(), "image")
	index := build(t, source, first)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}

	copied := filepath.Join(t.TempDir(), "elsewhere", "app")
	if err := os.CopyFS(copied, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "image")
	again, err := build(t, copied, second).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if again != digest {
		t.Errorf("built twice: %s and %s", digest, again)
	}
	if one, two := tree(t, first), tree(t, second); !reflect.DeepEqual(one, two) {
		t.Errorf("the layouts differ:\n%v\n%v", one, two)
	}

	host := startRegistry(t, "pusher", "hunter2")
	target := host + "/guests/guestbook:v1.2.3"
	if _, err := Push(context.Background(), first, target); err == nil || !strings.Contains(err.Error(), "push to "+target) {
		t.Errorf("without credentials: %v", err)
	}
	login(t, host, "pusher", "hunter2")
	reference, err := Push(context.Background(), first, target)
	if err != nil {
		t.Fatal(err)
	}
	if want := host + "/guests/guestbook@" + digest.String(); reference != want {
		t.Errorf("pushed as %s, want %s", reference, want)
	}
	for _, ref := range []string{target, reference} {
		inspect(t, ref)
	}
}

func startRegistry(t *testing.T, user, password string) (host string) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	return strings.TrimPrefix(server.URL, "http://")
}

// login writes what `docker login` writes.
func login(t *testing.T, host, user, password string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	file := filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, auth), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBadInput(t *testing.T) {
	ctx := context.Background()
	for _, target := range []string{"", "guestbook", "guestbook:v1", "iad.ocir.io/t/guestbook", "iad.ocir.io/T/guestbook:v1", "iad.ocir.io/t/guestbook:v 1"} {
		if _, err := Push(ctx, t.TempDir(), target); err == nil || !strings.Contains(err.Error(), "want registry/repository:tag") {
			t.Errorf("IMAGE %q: %v", target, err)
		}
	}
	if _, err := Push(ctx, t.TempDir(), "iad.ocir.io/t/guestbook:v1"); err == nil || !strings.Contains(err.Error(), "make image") {
		t.Errorf("no image yet: %v", err)
	}
	if err := Compile(ctx, source, "amd64", "v1 -X main.evil=1", filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a bad version: %v", err)
	}
	precious := t.TempDir()
	if err := os.WriteFile(filepath.Join(precious, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(nil, precious, "v1"); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("into a directory of other things: %v", err)
	}
	if _, err := os.Stat(filepath.Join(precious, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

// The embedded database and the tools are for development: what runs in a
// cluster must not hold them.
func TestWhatTheProgramLinks(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Dir = source
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := string(out)
	if !strings.Contains(deps, "go.mongodb.org/mongo-driver/v2/mongo\n") {
		t.Fatalf("not the guestbook's dependencies:\n%s", deps)
	}
	for _, unwanted := range []string{"FerretDB", "sqlite", "chromedp", "go-containerregistry", "internal/devdb"} {
		if strings.Contains(deps, unwanted) {
			t.Errorf("the guestbook links %s", unwanted)
		}
	}
}
