package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/freeport"
)

func testOptions(t *testing.T) (Options, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	dir := t.TempDir()
	return Options{Root: dir, Dir: dir, Bin: filepath.Join(dir, "bin"), Stack: "local", Plugins: "auto", Pulumi: "auto", Out: &out, Err: &out}, &out
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func TestOptionsNameEachBadVariable(t *testing.T) {
	t.Setenv("LOCAL_PORT", "80")
	t.Setenv("LOCAL_SPEED", "fast")
	t.Setenv("PLUGINS", "offical")
	t.Setenv("PULUMI_CLI", "old")
	_, err := OptionsFromEnv("/r")
	wantError(t, err, `LOCAL_PORT="80": want a whole number from 1024 to 65535`, `LOCAL_SPEED="fast"`,
		`PLUGINS="offical": want one of [auto official local]`, `PULUMI_CLI="old"`)
}

func TestOptionsDefaults(t *testing.T) {
	for _, key := range []string{"LOCAL_PORT", "LOCAL_SPEED", "PLUGINS", "PULUMI_CLI", "LOCAL_DIR"} {
		t.Setenv(key, "")
	}
	o, err := OptionsFromEnv("/r")
	if err != nil {
		t.Fatal(err)
	}
	if o.Dir != "/r/.local" || o.Bin != "/r/.local/bin" || o.Port != 8787 || o.Speed != 100 || o.Plugins != "auto" {
		t.Errorf("defaults: %+v", o)
	}
}

func TestAtLeast(t *testing.T) {
	for _, c := range []struct {
		version, low string
		want         bool
	}{
		{"3.240.0", "3.240.0", true},
		{"3.253.0", "3.240.0", true},
		{"4.0.0", "3.240.0", true},
		{"3.99.9", "3.240.0", false},
		{"2.300.0", "3.240.0", false},
		{"3.253.0-alpha.1", "3.240.0", true},
		{"", "3.240.0", false},
		{"dev", "3.240.0", false},
	} {
		if got := atLeast(c.version, c.low); got != c.want {
			t.Errorf("atLeast(%q, %q) = %v", c.version, c.low, got)
		}
	}
}

func TestFollowTellsStepsAndKeepsTheErrors(t *testing.T) {
	var steps []string
	rest := follow(strings.NewReader("go: downloading x v1\nfmt\ngithub.com/a/b\n# github.com/a/b\nb.go:3:1: oops\n"),
		func(pkg string) { steps = append(steps, pkg) })
	if !slices.Equal(steps, []string{"", "fmt", "github.com/a/b"}) || rest != "# github.com/a/b\nb.go:3:1: oops\n" {
		t.Errorf("steps %q, rest %q", steps, rest)
	}
}

// While one tool is linked the next is compiled: the first one's link ends only when the second has begun.
func TestLinkingOverlapsCompiling(t *testing.T) {
	o, out := testOptions(t)
	o.put(t, okelocal)
	second := filepath.Join(t.TempDir(), "second")
	if err := syscall.Mkfifo(second, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ last, want string }{
		{"true", "build second, 2 of 2: ready"},
		{"exit 1", "build second, 2 of 2: failed"},
	} {
		fakeGo(t, `case "$*" in
*first) echo a/b >&2; echo first >&2; read line < `+second+` ;;
*second) echo go > `+second+`; `+tc.last+` ;;
esac
`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := o.buildAll(ctx, []tool{{name: "first", module: ".", pkg: "first"}, {name: "second", module: ".", pkg: "second"}})
		if (err == nil) != (tc.last == "true") || err != nil && !strings.Contains(err.Error(), "build second: exit status 1") {
			t.Errorf("the second one ends by %q: %v", tc.last, err)
		}
		if !strings.Contains(out.String(), "build first, 1 of 2: compiled") || !strings.Contains(out.String(), tc.want) {
			t.Errorf("says %q, want %q", out, tc.want)
		}
	}
}

// Also where the tools are there and most of them is compiled anew: the build ends only when the list was asked for.
func TestManyPackagesAreCounted(t *testing.T) {
	o, _ := testOptions(t)
	o.put(t, okelocal)
	dir := t.TempDir()
	listed, list := filepath.Join(dir, "listed"), filepath.Join(dir, "list")
	if err := syscall.Mkfifo(list, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for packages, wait := range map[int]string{many - 1: "", many: "read line < " + list} {
		fakeGo(t, "if [ $1 = list ]; then : > "+listed+"; echo go > "+list+"; exit; fi\n"+strings.Repeat("echo a/b >&2\n", packages)+wait+"\n")
		if err := o.buildAll(ctx, []tool{{name: "tool", module: ".", pkg: "tool"}}); err != nil {
			t.Fatalf("%d packages: %v", packages, err)
		}
		if _, err := os.Stat(listed); (err == nil) != (packages == many) {
			t.Errorf("%d packages: list %v", packages, err)
		}
		_ = os.Remove(listed)
	}
}

func fakePulumi(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{"pulumi": "#!/bin/sh\necho " + version + "\n", "pulumi-language-go": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return filepath.Join(dir, "pulumi")
}

func TestOldPulumiOnPath(t *testing.T) {
	o, out := testOptions(t)
	o.Built = true
	o.put(t, okelocal)
	old := fakePulumi(t, "v3.50.0")
	cli, err := o.tools(context.Background())
	if err != nil || cli != filepath.Join(o.Bin, "pulumi") {
		t.Errorf("auto: %q, %v; want the repository's own", cli, err)
	}
	if want := old + ` is version "3.50.0", older than 3.240.0: left alone, this repository's own 3.253.0 is used instead`; !strings.Contains(out.String(), want) {
		t.Errorf("auto says %q, want %q", out, want)
	}
	o.Pulumi = "path"
	wantError(t, o.Up(t.Context()), "PULUMI_CLI=path", old, `"3.50.0"`, "3.240.0 or later", "PULUMI_CLI=own")
}

func TestPulumiWithoutItsLanguageHost(t *testing.T) {
	o, out := testOptions(t)
	alone := fakePulumi(t, "v3.253.0")
	host := filepath.Join(filepath.Dir(alone), "pulumi-language-go")
	if err := os.Remove(host); err != nil {
		t.Fatal(err)
	}
	if cli, err := o.findPulumi(t.Context()); err != nil || cli != "" {
		t.Errorf("auto: %q, %v; want the repository's own", cli, err)
	}
	if want := alone + " has no pulumi-language-go beside it or on PATH: left alone, this repository's own 3.253.0 is used instead"; !strings.Contains(out.String(), want) {
		t.Errorf("auto says %q, want %q", out, want)
	}
	o.Pulumi = "path"
	_, err := o.findPulumi(t.Context())
	wantError(t, err, "PULUMI_CLI=path", alone, "no pulumi-language-go", "PULUMI_CLI=own")
	// A link to a whole installation is one too.
	bin := t.TempDir()
	link := filepath.Join(bin, "pulumi")
	if err := errors.Join(os.WriteFile(host, nil, 0o755), os.Symlink(alone, link)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	if cli, err := o.findPulumi(t.Context()); err != nil || cli != link {
		t.Errorf("a link: %q, %v; want %q", cli, err, link)
	}
}

func TestRecentPulumiOnPath(t *testing.T) {
	o, _ := testOptions(t)
	want := fakePulumi(t, "v3.253.0")
	if cli, err := o.findPulumi(context.Background()); err != nil || cli != want {
		t.Errorf("%q, %v; want %q", cli, err, want)
	}
	o.Pulumi = "own"
	if cli, err := o.findPulumi(context.Background()); err != nil || cli != "" {
		t.Errorf("own: %q, %v", cli, err)
	}
}

func TestNoPulumiOnPath(t *testing.T) {
	o, _ := testOptions(t)
	t.Setenv("PATH", t.TempDir())
	o.Pulumi = "path"
	_, err := o.findPulumi(context.Background())
	wantError(t, err, "PULUMI_CLI=path", "no pulumi on PATH")
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func listen(t *testing.T, handler http.Handler) int {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPortTakenByAnotherProgram(t *testing.T) {
	o, _ := testOptions(t)
	o.Port = listen(t, http.NotFoundHandler())
	_, _, err := o.running(context.Background())
	wantError(t, err, fmt.Sprintf("LOCAL_PORT=%d", o.Port), "another program", fmt.Sprintf("make up LOCAL_PORT=%d", o.Port+1))
}

func TestPortTakenByAnotherClone(t *testing.T) {
	o, _ := testOptions(t)
	o.Port = listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"pid": 7, "dir": "/elsewhere/.local"}`)
	}))
	_, _, err := o.running(context.Background())
	wantError(t, err, "LOCAL_PORT", "/elsewhere/.local", "make down")
}

// A daemon holds the lock, and its port is written down.
func TestCloudThatDoesNotAnswer(t *testing.T) {
	o, _ := testOptions(t)
	o.Port = listen(t, http.NotFoundHandler())
	for _, dir := range []string{o.path("oci"), o.path("state", ".pulumi"), o.Bin} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Create(o.path("oci", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int][]string{
		8787:   {fmt.Sprintf("LOCAL_PORT=%d: the local cloud of LOCAL_DIR=%s runs already, at port 8787", o.Port, o.Dir), "make down LOCAL_PORT=8787"},
		o.Port: {"LOCAL_DIR=" + o.Dir, "does not answer", o.path("okelocal.log"), "fuser -k " + lock.Name()},
	} {
		if err := os.WriteFile(o.path("port"), []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, command := range map[string]func(context.Context) error{"up": o.Up, "down": o.Down, "status": o.Status, "clean": o.Clean, "stop": o.Stop} {
			t.Run(fmt.Sprintf("%s at %d", name, port), func(t *testing.T) {
				wantError(t, command(t.Context()), want...)
			})
		}
	}
	if _, err := os.Stat(lock.Name()); err != nil {
		t.Error(err)
	}
}

func TestDirThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, checkDir(filepath.Join(file, ".local")), "LOCAL_DIR="+file, "choose a directory")
	wantError(t, checkDir("/proc/.local"), "LOCAL_DIR=/proc/.local") // not even root makes a directory there
	if os.Geteuid() == 0 {
		return // root may write to any directory; an end-to-end test mounts one read-only
	}
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	wantError(t, checkDir(dir), "LOCAL_DIR="+dir, "permission denied", "choose a directory that you may write to")
}

// free makes every disk one with so many bytes free, but for those below the directories.
func free(t *testing.T, bytes uint64, but ...string) {
	t.Helper()
	t.Cleanup(func() { statfs = syscall.Statfs })
	statfs = func(dir string, fs *syscall.Statfs_t) error {
		fs.Bsize, fs.Bavail = 1, bytes
		for _, other := range but {
			if strings.HasPrefix(dir, other) {
				fs.Bavail = 1 << 50
			}
		}
		return nil
	}
}

func TestSpaceIsAddedUpByDisk(t *testing.T) {
	a, b := need{"A", filepath.Join(t.TempDir(), "not", "yet"), 3 * gb}, need{"B", t.TempDir(), 2 * gb}
	free(t, 4*gb)
	wantError(t, checkSpace(a, b), "A="+a.dir+", B="+b.dir+": 4.0 GB free, 5 GB are needed; free some space or set A or B to a larger disk")
	if err := checkSpace(a, need{"C", "/proc", 2 * gb}); err != nil {
		t.Errorf("two disks, each with room: %v", err)
	}
}

// put pretends that a tool was built.
func (o Options) put(t *testing.T, tools ...tool) {
	t.Helper()
	if err := os.MkdirAll(o.Bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools {
		if err := os.WriteFile(filepath.Join(o.Bin, tool.name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeGo puts a shell script on PATH in the place of everything else.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

// What this machine lacks is told by the name of the setting that leads around it, before anything is made.
func TestUpOnABadMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	caches := "case $2 in GOTMPDIR) ;; *) echo /cache/$2;; esac\n"
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, o *Options)
		want  []string
	}{
		"directory below a file":     {func(_ *testing.T, o *Options) { o.Dir = filepath.Join(file, "cloud") }, []string{"LOCAL_DIR=" + file, "choose a directory that you may write to"}},
		"directory that none can be": {func(_ *testing.T, o *Options) { o.Dir = "/proc/cloud" }, []string{"LOCAL_DIR=/proc/cloud", "choose a directory that you may write to"}},
		"full disk":                  {func(t *testing.T, _ *Options) { free(t, gb/2) }, []string{"LOCAL_DIR=", "0.5 GB free, 1 GB are needed", "set LOCAL_DIR to a larger disk"}},
		"full disk for temporary files": {func(t *testing.T, o *Options) {
			t.Setenv("TMPDIR", "/proc")
			free(t, 0, filepath.Dir(o.Dir))
		}, []string{"TMPDIR=/proc: 0.0 GB free, 1 GB are needed", "set TMPDIR to a larger disk"}},
		"no room to compile": {func(t *testing.T, o *Options) {
			t.Setenv("TMPDIR", t.TempDir())
			free(t, 2*gb)
		}, []string{"GOMODCACHE=/cache/GOMODCACHE", "GOCACHE=/cache/GOCACHE", "TMPDIR=", "2.0 GB free", "to a larger disk"}},
		"port of another program": {func(t *testing.T, o *Options) { o.Port = listen(t, http.NotFoundHandler()) }, []string{"LOCAL_PORT=", "is taken by another program", "choose a free port: make up LOCAL_PORT="}},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := testOptions(t)
			o.Port = freePort(t)
			fakeGo(t, caches)
			tc.spoil(t, &o)
			wantError(t, o.Up(t.Context()), tc.want...)
			made, err := filepath.Glob(filepath.Join(o.Dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(made, o.Bin) {
				made = slices.DeleteFunc(made, func(path string) bool { return path == o.Bin })
				if tools, err := os.ReadDir(o.Bin); err != nil || len(tools) > 0 {
					t.Errorf("tools: %v, %v", tools, err)
				}
			}
			if len(made) > 0 {
				t.Errorf("it made %v", made)
			}
		})
	}
}

func TestTearDownAsksForNoSpaceAndNoSources(t *testing.T) {
	o, _ := testOptions(t)
	o.Port, o.Plugins = freePort(t), "local"
	fill := fullDisk(t, o.Dir)
	o.put(t, okelocal, program, pulumiCLI, languageHost)
	if err := os.MkdirAll(o.path("state", ".pulumi"), 0o700); err != nil {
		t.Fatal(err)
	}
	free(t, 0)
	calls := filepath.Join(t.TempDir(), "calls")
	fakeGo(t, "echo \"$@\" >> "+calls+"; echo main.go:1:1: broken >&2; exit 1\n")
	// The empty file that is the daemon here cannot be run: that far it came.
	wantError(t, o.Down(t.Context()), "okelocal")
	wantError(t, o.Up(t.Context()), "LOCAL_DIR", "0.0 GB free")
	fill()
	wantError(t, o.Down(t.Context()), "okelocal")
	if called, err := os.ReadFile(calls); err == nil {
		t.Errorf("asks for go %s", called)
	}
}

// fullDisk makes the directory a small disk of its own, where root may mount one, and returns what fills it to the last byte.
func fullDisk(t *testing.T, dir string) (fill func()) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Logf("not tested on a disk that is full in truth: mount: %v", err)
		return func() {}
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return func() {
		if err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
	}
}

func TestBuildThatFillsTheDisk(t *testing.T) {
	o, _ := testOptions(t)
	if err := os.Mkdir(filepath.Join(o.Root, okelocal.module), 0o700); err != nil {
		t.Fatal(err)
	}
	fakeGo(t, "[ $1 = env ] && echo /cache/$2 && exit; echo write /tmp/go-build1/b001/_pkg_.a: no space left on device >&2; exit 1\n")
	wantError(t, o.buildAll(t.Context(), []tool{okelocal}), "no space left on device", "free some space in one of GOMODCACHE=/cache/GOMODCACHE, GOCACHE=/cache/GOCACHE, GOTMPDIR=/cache/GOTMPDIR, LOCAL_DIR="+o.Dir)
}

func TestCompiled(t *testing.T) {
	o, _ := testOptions(t)
	for name, text := range map[string]string{"go.mod": "module example\n", "main.go": "package main\n\nimport _ \"errors\"\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(o.Root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	example := tool{module: ".", pkg: "."}
	if !o.compiled(t.Context(), example) {
		t.Error("this test is compiled, and so is what the example imports")
	}
	t.Setenv("GOCACHE", t.TempDir())
	if o.compiled(t.Context(), example) {
		t.Error("nothing is compiled in an empty cache")
	}
}

func TestOfficialPluginsAreTakenWhereTheyAreInstalled(t *testing.T) {
	o, out := testOptions(t)
	home := t.TempDir()
	t.Setenv("PULUMI_HOME", home)
	for _, p := range plugins {
		dir := filepath.Join(home, "plugins", p.dir())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.binary()), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.choosePlugins(context.Background(), "none"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "plugins: official, oci v3.16.0 and kubernetes v4.33.0") {
		t.Errorf("says %q", out)
	}
	for _, p := range plugins {
		target, err := os.Readlink(o.path("pulumi", "plugins", p.dir(), p.binary()))
		if err != nil || target != filepath.Join(home, "plugins", p.dir(), p.binary()) {
			t.Errorf("%s links to %q, %v", p.name, target, err)
		}
	}
}

func TestStandInsByRequest(t *testing.T) {
	o, out := testOptions(t)
	o.Plugins = "local"
	if err := o.choosePlugins(context.Background(), "none"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "stand-ins") {
		t.Errorf("says %q", out)
	}
	// A stack that was made with the stand-ins goes on with them.
	o.Plugins = "auto"
	if err := o.choosePlugins(context.Background(), "none"); err != nil {
		t.Fatal(err)
	}
	target, err := os.Readlink(o.path("pulumi", "plugins", plugins[0].dir(), plugins[0].binary()))
	if err != nil || target != filepath.Join(o.Bin, "okelocal") {
		t.Errorf("oci links to %q, %v", target, err)
	}
	// Until `make down`, also of a stack that came no further.
	o.Port = freePort(t)
	if err := o.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if mark, err := os.ReadFile(o.path("plugins")); err == nil {
		t.Errorf("after down the next stack's plugins would be %s", mark)
	}
}

func TestEnvironmentLeadsNowhereElse(t *testing.T) {
	o, _ := testOptions(t)
	t.Setenv("OCI_REGION", "eu-frankfurt-1")
	t.Setenv("PULUMI_ACCESS_TOKEN", "pul-0")
	t.Setenv("KUBECONFIG", "/home/me/.kube/config")
	for _, kv := range o.environ() {
		for _, name := range []string{"OCI_REGION=", "PULUMI_ACCESS_TOKEN=", "KUBECONFIG="} {
			if strings.HasPrefix(kv, name) {
				t.Errorf("the engine would see %s", kv)
			}
		}
	}
}

func TestWaitForSaysWhatItWaitedFor(t *testing.T) {
	err := waitFor(context.Background(), 10*time.Millisecond, "the moon", func() (bool, error) { return false, nil })
	wantError(t, err, "10ms", "the moon")
	broken := errors.New("broken")
	if err := waitFor(context.Background(), time.Minute, "x", func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestStopDaemonWithoutOne(t *testing.T) {
	o, _ := testOptions(t)
	o.Port = 1
	if err := o.stopDaemon(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestReplacedBinaryIsSeen(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "daemon")
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if replaced(cmd.Process.Pid) {
		t.Error("replaced before it was")
	}
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	if !replaced(cmd.Process.Pid) {
		t.Error("not seen as replaced")
	}
}

// A plugin on PATH is asked for its version; a directory of Pulumi's has it in its name.
func TestPluginOnPath(t *testing.T) {
	p := plugins[0]
	for _, tc := range []struct{ ldflags, refused string }{
		{"-X github.com/pulumi/pulumi-oci/provider/v3/pkg/version.Version=" + p.version + " -s -w", ""},
		{"-s -w", ""}, // it does not tell
		{"-s -w -X github.com/pulumi/pulumi-oci/provider/v3/pkg/version.Version=v3.10.0", "is version 3.10.0, " + p.version + " is needed: left alone"},
	} {
		t.Run(tc.ldflags, func(t *testing.T) {
			o, out := testOptions(t)
			dir := t.TempDir()
			source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, p.binary())
			if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := o.goCommand(t.Context(), dir, "build", "-ldflags", tc.ldflags, "-o", binary, source).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			t.Setenv("HOME", t.TempDir())
			t.Setenv("PULUMI_HOME", "")
			t.Setenv("PATH", dir)
			want := binary
			if tc.refused != "" {
				want = ""
			}
			if got := o.findPlugin(p); got != want || !strings.Contains(out.String(), tc.refused) {
				t.Errorf("%q, and says %q; want %q and %q", got, out, want, tc.refused)
			}
		})
	}
}

// A stack that was made with the official plugins does not go on with others by itself, and nobody had asked for them.
func TestOfficialPluginsThatAreGone(t *testing.T) {
	o, _ := testOptions(t)
	t.Setenv("PULUMI_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	if err := os.WriteFile(o.path("plugins"), []byte("official\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no network, as it were
	err := o.choosePlugins(ctx, "none")
	wantError(t, err, "PLUGINS=auto: the stack was made with the official plugins", "oci v3.16.0", "PLUGINS=local")
}

func TestOfficialPluginsThatCannotBeHad(t *testing.T) {
	o, _ := testOptions(t)
	o.Plugins = "official"
	t.Setenv("PULUMI_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no network, as it were
	wantError(t, o.checkPlugins(ctx), "PLUGINS=official", "oci v3.16.0", "PLUGINS=local")
	o.Plugins = "auto"
	if err := o.checkPlugins(ctx); err != nil {
		t.Error(err)
	}
}

func TestFailedClusters(t *testing.T) {
	var d deployment
	exported := `{"deployment": {"resources": [
		{"urn": "a", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "FAILED"}},
		{"urn": "b", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "ACTIVE"}},
		{"urn": "c", "type": "oci:Core/vcn:Vcn", "outputs": {"state": "AVAILABLE"}}]}}`
	if err := json.Unmarshal([]byte(exported), &d); err != nil {
		t.Fatal(err)
	}
	if got := d.failed(); len(got) != 1 || got[0] != "a" {
		t.Errorf("failed clusters %v; want a alone", got)
	}
}

func TestUnfinishedResources(t *testing.T) {
	var d deployment
	exported := `{"deployment": {"resources": [
		{"urn": "a"}, {"urn": "b", "initErrors": []}, {"urn": "c", "initErrors": ["Out of host capacity."]}]}}`
	if err := json.Unmarshal([]byte(exported), &d); err != nil {
		t.Fatal(err)
	}
	if n := d.unfinished(); n != 1 {
		t.Errorf("%d resources unfinished; want the one with an error", n)
	}
}

func TestDirectoryThatHoldsMore(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	root := filepath.Join(home, "src", "guestbook")
	for _, dir := range []string{home, root, filepath.Dir(home), "."} {
		t.Setenv("LOCAL_DIR", dir)
		_, err := OptionsFromEnv(root)
		wantError(t, err, "LOCAL_DIR=", "for the local cloud alone")
	}
	t.Setenv("LOCAL_DIR", filepath.Join(home, "cloud"))
	if _, err := OptionsFromEnv(root); err != nil {
		t.Error(err)
	}
}

func TestCleanKeepsWhatIsDeployed(t *testing.T) {
	o, _ := testOptions(t)
	wantError(t, o.Clean(t.Context()), "LOCAL_DIR", "nothing of the local cloud is there")
	stacks := o.path("state", ".pulumi", "stacks", "oke-guestbook")
	for _, dir := range []string{stacks, o.Bin} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(resources string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(stacks, "local.json"), []byte(`{"version":3,"checkpoint":{"latest":{"resources":[`+resources+`]}}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{},{}`)
	wantError(t, o.Clean(t.Context()), "stack local has 2 resources", "make down")
	write("")
	if err := o.Clean(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestStandInIsNotOfficial(t *testing.T) {
	o, _ := testOptions(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PULUMI_HOME", o.path("pulumi")) // as `make env` sets it
	if err := os.MkdirAll(o.Bin, 0o700); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(o.Bin, okelocal.name)
	if err := os.WriteFile(binary, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, p := range plugins {
		if err := o.usePlugin(p, binary); err != nil {
			t.Fatal(err)
		}
		if got := o.findPlugin(p); got != "" {
			t.Errorf("the stand-in passes for the official plugin: %s", got)
		}
	}
}

// fakeEngine runs a shell script for Pulumi.
func fakeEngine(t *testing.T, o Options, script string) engine {
	t.Helper()
	if err := os.MkdirAll(o.path("oci"), 0o700); err != nil {
		t.Fatal(err)
	}
	cli := filepath.Join(t.TempDir(), "pulumi")
	if err := errors.Join(os.WriteFile(o.path("oci", "config"), nil, 0o600), os.WriteFile(cli, []byte("#!/bin/sh\n"+script), 0o700)); err != nil {
		t.Fatal(err)
	}
	return engine{Options: o, cli: cli}
}

// The terminal sends Ctrl-C to the group of the process in front.
func TestEngineHearsCtrlCOnce(t *testing.T) {
	o, _ := testOptions(t)
	out, err := fakeEngine(t, o, "sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 3\n").output(t.Context(), "up")
	if err != nil {
		t.Fatal(err)
	}
	if group := strings.TrimSpace(string(out)); group == "" || group == strconv.Itoa(syscall.Getpgrp()) {
		t.Errorf("the engine is in group %q, this process in %d", group, syscall.Getpgrp())
	}
}

// A stale lock's process number may be another program's, after a reboot above all.
func TestLockOfAnotherCommand(t *testing.T) {
	o, out := testOptions(t)
	e := fakeEngine(t, o, "[ $1 != up ] || read line || exit 0\n")
	other := exec.Command(e.cli, "up")
	stdin, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	locks := o.path("state", ".pulumi", "locks", "organization", "oke-guestbook", "local")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		t.Fatal(err)
	}
	lockedBy := func(pid int) error {
		t.Helper()
		if err := os.WriteFile(filepath.Join(locks, "lock.json"), []byte(fmt.Sprintf(`{"pid":%d}`, pid)), 0o600); err != nil {
			t.Fatal(err)
		}
		return e.selectStack(t.Context())
	}
	wantError(t, lockedBy(other.Process.Pid), fmt.Sprintf("stack local is in use by process %d", other.Process.Pid))
	if err := errors.Join(stdin.Close(), other.Wait()); err != nil {
		t.Fatal(err)
	}
	for what, pid := range map[string]int{"gone": other.Process.Pid, "another program's": os.Getpid()} {
		if err := lockedBy(pid); err != nil {
			t.Errorf("lock of a process that is %s: %v", what, err)
		}
		if left, err := os.ReadDir(locks); err != nil || len(left) > 0 || !strings.Contains(out.String(), fmt.Sprintf("from the lock of process %d", pid)) {
			t.Errorf("lock of a process that is %s: %v, %v, and says %q", what, left, err, out)
		}
	}
}
