package image

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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

// inspect pulls the image and checks what a cluster would run.
func inspect(t *testing.T, ref string) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(parsed, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		want := v1.Config{
			User: "65532:65532", Entrypoint: []string{"/guestbook"}, WorkingDir: "/", StopSignal: "SIGTERM",
			Env:          []string{"GOMEMLIMIT=52MiB"},
			ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}},
			Labels: map[string]string{
				"org.opencontainers.image.title":       "guestbook",
				"org.opencontainers.image.description": "A guestbook for Kubernetes that keeps its entries in MongoDB",
				"org.opencontainers.image.version":     "v1.2.3",
				"org.opencontainers.image.revision":    "0123abc",
			},
		}
		if !reflect.DeepEqual(config.Config, want) {
			t.Errorf("%s: configuration %+v, want %+v", m.Platform, config.Config, want)
		}
		if config.Architecture != m.Platform.Architecture || config.OS != "linux" || !config.Created.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: %s/%s created %v", m.Platform, config.OS, config.Architecture, config.Created)
		}
		program(t, m.Platform.Architecture, unpack(t, img))
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms %v", platforms)
	}
}

func unpack(t *testing.T, img v1.Image) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var names []string
	var binary []byte
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Uid != 0 || h.Gid != 0 || h.Mode&0o022 != 0 || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: owner %d:%d, mode %o, time %v", h.Name, h.Uid, h.Gid, h.Mode, h.ModTime)
		}
		if h.Name == "guestbook" {
			if binary, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(names, []string{"etc/", "etc/group", "etc/passwd", "guestbook"}) {
		t.Errorf("the image holds %v", names)
	}
	return binary
}

// program checks that a binary is static, for its architecture and, where this machine can, that it runs.
func program(t *testing.T, arch string, binary []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; f.Machine != want {
		t.Errorf("%s: the binary is for %v", arch, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s: the binary needs a dynamic linker", arch)
		}
	}
	if arch != runtime.GOARCH {
		return
	}
	run(t, binary)
}

// run starts the program as a cluster does: with nothing around it but the
// image, as a user whom nobody knows, who can write nowhere. Changing the root
// and the user takes a superuser; others run it as themselves.
func run(t *testing.T, binary []byte) {
	t.Helper()
	root := t.TempDir()
	path := filepath.Join(root, "guestbook")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	command := func(env ...string) *exec.Cmd {
		cmd := exec.Command(path)
		cmd.Env = env
		if os.Geteuid() == 0 {
			cmd.Path, cmd.Dir = "/guestbook", "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
		}
		return cmd
	}
	output, err := command().CombinedOutput()
	if err == nil || string(output) != "guestbook: MONGODB_URI is not set: give the database's address, such as mongodb://mongo:27017\n" {
		t.Errorf("without settings: %q, %v", output, err)
	}

	cmd := command("MONGODB_URI=mongodb://127.0.0.1:1", "LISTEN_ADDRESS=127.0.0.1:0", "METRICS_ADDRESS=127.0.0.1:0",
		"TIME_ZONE=Asia/Seoul", "DRAIN_DELAY=0s", "GOMEMLIMIT=52MiB")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	var started struct{ Msg, Pages, Version string }
	if err := json.NewDecoder(out).Decode(&started); err != nil || started.Msg != "started" || started.Version != "v1.2.3" {
		t.Fatalf("the first line of the log: %+v, %v", started, err)
	}
	res, err := http.Get("http://" + started.Pages + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("livez: %d", res.StatusCode)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// tree lists a directory's files with their contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
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
