package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// inspect pulls the image, checks its configuration and content, and returns the binary of each architecture.
func inspect(t *testing.T, ref, revision string) map[string][]byte {
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
	binaries := map[string][]byte{}
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
				"org.opencontainers.image.revision":    revision,
			},
		}
		if !reflect.DeepEqual(config.Config, want) {
			t.Errorf("%s: configuration %+v, want %+v", m.Platform, config.Config, want)
		}
		if config.Architecture != m.Platform.Architecture || config.OS != "linux" ||
			!config.Created.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: %s/%s created %v", m.Platform, config.OS, config.Architecture, config.Created)
		}
		binaries[m.Platform.Architecture] = unpack(t, img)
		checkBinary(t, m.Platform.Architecture, binaries[m.Platform.Architecture])
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms %v", platforms)
	}
	return binaries
}

// unpack checks the image's layer and returns the binary in it.
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
		t.Errorf("files in the image: %v", names)
	}
	return binary
}

// checkBinary checks that a binary is static and for its architecture. It runs it if it is for this machine.
func checkBinary(t *testing.T, arch string, binary []byte) {
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

// run runs the binary as a cluster does: with no other files, and as an unknown user without write access. Only root
// can change the root directory and the user; without root the binary runs as the current user.
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
	const want = "guestbook: MONGODB_URI is not set: give the database's address, such as mongodb://mongo:27017\n"
	if err == nil || string(output) != want {
		t.Errorf("without settings: output %q, error %v", output, err)
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
	err = json.NewDecoder(out).Decode(&started)
	if err != nil || started.Msg != "started" || started.Version != "v1.2.3" {
		t.Fatalf("first line of the log: %+v, error %v", started, err)
	}
	res, err := http.Get("http://" + started.Pages + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("livez: status %d", res.StatusCode)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: error %v", err)
	}
}

// tree returns the contents of a directory's files by path.
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
