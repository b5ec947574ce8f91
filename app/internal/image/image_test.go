package image

import (
	"bytes"
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
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const source = "../.." // the module

func build(t *testing.T, out, revision string) v1.Hash {
	t.Helper()
	binaries := map[string]string{}
	for _, arch := range Architectures {
		binaries[arch] = filepath.Join(t.TempDir(), arch)
		if err := Guestbook.Compile(context.Background(), source, arch, "v1.2.3", binaries[arch]); err != nil {
			t.Fatal(err)
		}
	}
	index, err := Guestbook.Index(binaries, Guestbook.Labels("v1.2.3", revision))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(index, out, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// project is a copy of the sources in a new Git repository with one commit.
type project struct {
	t   *testing.T
	dir string
}

func copyProject(t *testing.T) project {
	t.Helper()
	p := project{t, filepath.Join(t.TempDir(), "elsewhere")}
	if err := os.CopyFS(filepath.Join(p.dir, "app"), os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(source, "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "Makefile"), makefile, 0o644); err != nil {
		t.Fatal(err)
	}
	p.must("git", "init", "--quiet")
	p.must("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org",
		"commit", "--quiet", "--allow-empty", "-m", "First")
	return p
}

// command runs a command in the project, and returns its output.
func (p project) command(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	outer := []string{"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "IMAGE", "VERSION"} // of the make that runs this test
	for _, v := range os.Environ() {
		if key, _, _ := strings.Cut(v, "="); !slices.Contains(outer, key) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

func (p project) must(name string, args ...string) string {
	p.t.Helper()
	output, err := p.command(name, args...)
	if err != nil {
		p.t.Fatalf("%s %v: %v\n%s", name, args, err, output)
	}
	return output
}

// TestImage builds the image in this directory, and with `make push` in a copy of the sources: the bytes are the same.
// It pushes to a registry with a password, pulls and inspects the image, and pushes again after a change of the
// sources.
func TestImage(t *testing.T) {
	p := copyProject(t)
	revision := p.must("git", "rev-parse", "HEAD")
	first := filepath.Join(t.TempDir(), "image")
	digest := build(t, first, revision)

	host := startRegistry(t, "pusher", "hunter2")
	target := host + "/guests/guestbook:v1.2.3"
	_, err := Push(context.Background(), first, target)
	if err == nil || !strings.Contains(err.Error(), "push to "+target) {
		t.Errorf("without credentials: error %v", err)
	}
	for target, want := range map[string]string{
		"": "IMAGE is not set", "guestbook:v1": "want registry/repository:tag",
	} {
		output, err := p.command("make", "push", "IMAGE="+target)
		if err == nil || !strings.Contains(output, want) || strings.Contains(output, "building") {
			t.Errorf("IMAGE=%s: error %v, want %q and no build:\n%s", target, err, want, output)
		}
	}
	login(t, host, "pusher", "hunter2")
	push := func() (reference string) {
		t.Helper()
		output := p.must("make", "push", "IMAGE="+target, "VERSION=v1.2.3")
		if dir := filepath.Join(p.dir, "bin", "image"); !strings.Contains(output, "\n"+dir+"\n") {
			t.Errorf("the output does not contain the image's directory %s:\n%s", dir, output)
		}
		return output[strings.LastIndex(output, "\n")+1:]
	}
	reference := push()
	if want := host + "/guests/guestbook@" + digest.String(); reference != want {
		t.Errorf("the second build was pushed as %s, want %s", reference, want)
	}
	if one, two := tree(t, first), tree(t, filepath.Join(p.dir, "bin", "image")); !reflect.DeepEqual(one, two) {
		t.Error("the layouts differ")
	}
	inspect(t, reference, revision)

	text := filepath.Join(p.dir, "app", "internal", "web", "text.go")
	before, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	const old, changed = "Glad that you are here.", "A changed text."
	if err := os.WriteFile(text, bytes.Replace(before, []byte(old), []byte(changed), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if push() == reference {
		t.Error("the image was not rebuilt after the sources changed")
	}
	for arch, program := range inspect(t, target, revision) {
		if bytes.Contains(program, []byte(old)) || !bytes.Contains(program, []byte(changed)) {
			t.Errorf("%s: the program was not built from the changed sources", arch)
		}
	}
}

// startRegistry starts a registry that needs credentials, and points Docker's configuration to an empty directory.
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

// login stores credentials as `docker login` does.
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
	wantError := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", what, err, want)
		}
	}
	for _, target := range []string{
		"", "guestbook", "guestbook:v1", "iad.ocir.io/t/guestbook", "iad.ocir.io/T/guestbook:v1",
		"iad.ocir.io/t/guestbook:v 1",
	} {
		_, err := Push(ctx, t.TempDir(), target)
		wantError("IMAGE "+target, err, "want registry/repository:tag")
	}
	_, err := Push(ctx, t.TempDir(), "iad.ocir.io/t/guestbook:v1")
	wantError("no image", err, "make image")
	err = Guestbook.Compile(ctx, source, "amd64", "v1 -X main.evil=1", filepath.Join(t.TempDir(), "x"))
	wantError("invalid version", err, "version")
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError("a directory with other files", Write(nil, other, "v1"), "is not an image")
	if _, err := os.Stat(filepath.Join(other, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

// The guestbook's binary does not contain the embedded database and the development tools.
func TestDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Dir = source
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := string(out)
	if !strings.Contains(deps, "go.mongodb.org/mongo-driver/v2/mongo\n") {
		t.Fatalf("these are not the guestbook's dependencies:\n%s", deps)
	}
	for _, unwanted := range []string{"FerretDB", "sqlite", "chromedp", "go-containerregistry", "internal/devdb"} {
		if strings.Contains(deps, unwanted) {
			t.Errorf("the guestbook depends on %s", unwanted)
		}
	}
}
