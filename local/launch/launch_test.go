package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/freeport"
	"oke-guestbook/local/launch/diskspace"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/launchtest"
)

// allTools are the tools that a command needs, without a CLI on PATH.
var allTools = []string{"localcloudd", "oke", "oke-guestbook", "pulumi", "pulumi-language-go-host"}

// newLauncher returns a launcher on an empty directory and a free port.
func newLauncher(t *testing.T) (Launcher, *bytes.Buffer) {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	dir := t.TempDir()
	settings := environment.Settings{
		Root: dir, Dir: dir, Port: port, Speed: 1, Plugins: "auto", Pulumi: "auto", Nodes: "simulated", Images: "auto",
	}
	return Launcher{Settings: settings, Out: &out, Err: &out}, &out
}

// install puts empty files in the place of tools.
func (l Launcher) install(t *testing.T, tools ...string) {
	t.Helper()
	for _, name := range tools {
		launchtest.Write(t, filepath.Join(l.ToolsDir(), name), "")
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// freeBytes is the same free space on every disk, but for directories with one of the prefixes.
func freeBytes(free uint64, but ...string) diskspace.FreeBytes {
	return func(path string) (uint64, error) {
		for _, prefix := range but {
			if strings.HasPrefix(path, prefix) {
				return 1 << 50, nil
			}
		}
		return free, nil
	}
}

func TestUpRefusesAnOldCLI(t *testing.T) {
	l, _ := newLauncher(t)
	l.install(t, allTools...)
	cli := filepath.Join(launchtest.OnlyGo(t, ""), "pulumi")
	launchtest.Write(t, cli, "#!/bin/sh\necho v3.50.0\n")
	l.Pulumi = "path"
	launchtest.WantError(t, l.Up(t.Context()), "PULUMI_CLI=path", cli, `"3.50.0"`, "PULUMI_CLI=own")
}

func TestCommandsWithAnUnreachableCloud(t *testing.T) {
	l, _ := newLauncher(t)
	l.Port = launchtest.Listen(t, http.NotFoundHandler())
	for _, dir := range []string{l.Path("oci"), filepath.Join(l.StateDir(), ".pulumi"), l.ToolsDir()} {
		mkdir(t, dir)
	}
	lock, err := os.Create(l.Path("oci", "lock")) // as the daemon does
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]func(context.Context) error{
		"up": l.Up, "down": l.Down, "status": l.Status, "clean": l.Clean, "stop": l.Stop, "kubeconfig": l.Kubeconfig,
	} {
		t.Run(name, func(t *testing.T) {
			launchtest.WantError(t, command(t.Context()), "LOCAL_DIR="+l.Dir, "does not answer")
		})
	}
	if _, err := os.Stat(lock.Name()); err != nil {
		t.Error(err)
	}
}

// Each error names the setting that helps, and nothing is created before.
func TestUpOnABadMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	caches := "case $2 in GOTMPDIR) ;; *) echo /cache/$2;; esac\n"
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, l *Launcher)
		want  []string
	}{
		"directory below a file": {
			func(_ *testing.T, l *Launcher) { l.Dir = filepath.Join(file, "cloud") },
			[]string{"LOCAL_DIR=" + file, "choose a directory that you may write to"},
		},
		"directory in /proc": {
			func(_ *testing.T, l *Launcher) { l.Dir = "/proc/cloud" },
			[]string{"LOCAL_DIR=/proc/cloud", "choose a directory that you may write to"},
		},
		"directory in which no program can run": {
			func(t *testing.T, l *Launcher) {
				if !mount(t, l.Dir, syscall.MS_NOEXEC, "") {
					t.Skip("only root may mount")
				}
			},
			[]string{"LOCAL_DIR=", "mounted noexec", "choose a directory elsewhere"},
		},
		"full disk": {
			func(_ *testing.T, l *Launcher) { l.FreeBytes = freeBytes(diskspace.GB / 2) },
			[]string{"LOCAL_DIR=", "0.5 GB free, 1 GB are needed", "set LOCAL_DIR to a larger disk"},
		},
		"full disk for temporary files": {
			func(t *testing.T, l *Launcher) {
				t.Setenv("TMPDIR", "/proc")
				l.FreeBytes = freeBytes(0, filepath.Dir(l.Dir))
			},
			[]string{"TMPDIR=/proc: 0.0 GB free, 1 GB are needed", "set TMPDIR to a larger disk"},
		},
		"no space to compile": {
			func(t *testing.T, l *Launcher) {
				t.Setenv("TMPDIR", t.TempDir())
				l.FreeBytes = freeBytes(2 * diskspace.GB)
			},
			[]string{"GOMODCACHE=/cache/GOMODCACHE", "GOCACHE=/cache/GOCACHE", "TMPDIR=", "2.0 GB free", "a larger disk"},
		},
		"port of another program": {
			func(t *testing.T, l *Launcher) { l.Port = launchtest.Listen(t, http.NotFoundHandler()) },
			[]string{"LOCAL_PORT=", "is taken by another program", "choose a free port: make up LOCAL_PORT="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := newLauncher(t)
			launchtest.OnlyGo(t, caches)
			tc.spoil(t, &l)
			launchtest.WantError(t, l.Up(t.Context()), tc.want...)
			created, err := filepath.Glob(filepath.Join(l.Dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			tools, _ := os.ReadDir(l.ToolsDir())
			if len(tools) > 0 || len(created) > 1 || len(created) == 1 && created[0] != l.ToolsDir() {
				t.Errorf("it created %v with tools %v", created, tools)
			}
		})
	}
}

// TestNoDiskForImages has room for all but the images on nodes that run Pods, on a machine that can have them.
func TestNoDiskForImages(t *testing.T) {
	l, out := newLauncher(t)
	launchtest.OnlyGo(t, "")
	l.Nodes, l.FreeBytes = "real", freeBytes(diskspace.GB*3/2)
	p := l.parts()
	p.nodes.Probe = func() []string { return nil }
	_, err := p.prepare(t.Context(), false)
	launchtest.WantError(t, err, "LOCAL_DIR=", "1.5 GB free, 2 GB are needed", "set LOCAL_DIR to a larger disk")
	if strings.Contains(out.String(), "1/3 tools") {
		t.Errorf("it began to build: %s", out)
	}
}

// TestDirectoryTooLongForSockets has the longest directory that fits, and one that is a byte longer, on a machine that
// can run nodes.
func TestDirectoryTooLongForSockets(t *testing.T) {
	l, out := newLauncher(t)
	launchtest.OnlyGo(t, "")
	l.Nodes = "real"
	short, err := os.MkdirTemp("/tmp", "launch") // t.TempDir may be longer than what fits
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	l.Dir = short
	const fits = 107 - len("/dataplane/c0123456789-identity.sock")
	l.Dir += "/" + strings.Repeat("d", fits-len(l.Dir)-1)
	mkdir(t, l.Dir)
	p := l.parts()
	p.nodes.Probe = func() []string { return nil }
	if err := p.chooseNodes(false); err != nil {
		t.Errorf("%d bytes: %v", len(l.Dir), err)
	}
	l.Dir += "d"
	p = l.parts()
	p.nodes.Probe = func() []string { return nil }
	_, err = p.prepare(t.Context(), false)
	launchtest.WantError(t, err, "LOCAL_DIR", l.Dir, "longer than 107 bytes", "choose a shorter directory",
		"NODES=simulated")
	if strings.Contains(out.String(), "1/3 tools") {
		t.Errorf("it began to build: %s", out)
	}
}

// TestTemporaryFilesOfPulumi has a CLI that leaves one. It is removed when it is old, unless the local cloud runs, and
// by make down.
func TestTemporaryFilesOfPulumi(t *testing.T) {
	l, _ := newLauncher(t)
	l.install(t, allTools...)
	launchtest.Write(t, filepath.Join(l.ToolsDir(), "pulumi"), "#!/bin/sh\nmktemp\n")
	launchtest.Write(t, l.Path("oci", "config"), "")
	leave := func() string {
		t.Helper()
		cmd, err := l.Command(t.Context(), "stack")
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		file := strings.TrimSpace(string(out))
		if err != nil || !strings.HasPrefix(file, l.Dir+"/") {
			t.Fatalf("%v: the temporary file is %s, not below %s", err, file, l.Dir)
		}
		return file
	}
	stays := func(file string, want bool) {
		t.Helper()
		if _, err := os.Stat(file); (err == nil) != want {
			t.Errorf("%s: want it to stay: %t; got %v", file, want, err)
		}
	}
	running := l
	running.Port = launchtest.Listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"dir": %q}`, l.Dir)
	}))
	for _, tc := range []struct {
		name  string
		do    func(context.Context) error
		age   time.Duration
		stays bool
	}{
		{"while the local cloud runs", running.parts().makeTemporaryDir, 2 * leftover, true},
		{"when it begins", l.parts().makeTemporaryDir, 2 * leftover, false},
		{"of a command that begins, too", l.parts().makeTemporaryDir, time.Minute, true},
		{"make down", l.parts().finish, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := leave()
			made := time.Now().Add(-tc.age)
			if err := os.Chtimes(file, made, made); err != nil {
				t.Fatal(err)
			}
			if err := tc.do(t.Context()); err != nil {
				t.Fatal(err)
			}
			stays(file, tc.stays)
		})
	}
	t.Run("somebody has removed their directory", func(t *testing.T) {
		if err := errors.Join(os.RemoveAll(l.temporaryDir()), running.parts().makeTemporaryDir(t.Context())); err != nil {
			t.Fatal(err)
		}
		stays(l.temporaryDir(), true)
	})
}

func TestTeardownNeedsNoSpaceAndNoSources(t *testing.T) {
	l, _ := newLauncher(t)
	l.Plugins = "local"
	fill := fullDisk(t, l.Dir)
	l.install(t, allTools...)
	mkdir(t, filepath.Join(l.StateDir(), ".pulumi"))
	l.FreeBytes = freeBytes(0)
	calls := filepath.Join(t.TempDir(), "calls")
	launchtest.OnlyGo(t, "echo \"$@\" >> "+calls+"; echo main.go:1:1: broken >&2; exit 1\n")
	// It fails only when it starts the daemon, which is an empty file here.
	launchtest.WantError(t, l.Down(t.Context()), "localcloudd")
	launchtest.WantError(t, l.Up(t.Context()), "LOCAL_DIR", "0.0 GB free")
	fill()
	launchtest.WantError(t, l.Down(t.Context()), "localcloudd")
	if called, err := os.ReadFile(calls); err == nil {
		t.Errorf("it ran go %s", called)
	}
}

// mount mounts a file system in memory on dir until the test ends, if the test may.
func mount(t *testing.T, dir string, flags uintptr, options string) (mounted bool) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Logf("mount: %v", err)
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}

// fullDisk mounts a small disk on dir, if the test may, and returns what fills it.
func fullDisk(t *testing.T, dir string) (fill func()) {
	t.Helper()
	if !mount(t, dir, 0, "size=256k") {
		return func() {}
	}
	return func() {
		err := os.WriteFile(filepath.Join(dir, "full"), make([]byte, 1<<20), 0o600)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
	}
}

func TestDownForgetsThePlugins(t *testing.T) {
	l, out := newLauncher(t)
	for _, file := range []string{l.Path("plugins"), l.kubeconfigFile()} {
		launchtest.Write(t, file, "local\n")
	}
	if err := l.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{l.Path("plugins"), l.kubeconfigFile()} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is still there", file)
		}
	}
	if !strings.Contains(out.String(), "nothing is deployed") {
		t.Errorf("output %q", out)
	}
}

func TestCleanKeepsADeployedStack(t *testing.T) {
	l, _ := newLauncher(t)
	launchtest.WantError(t, l.Clean(t.Context()), "LOCAL_DIR", "no local cloud in it")
	stacks := filepath.Join(l.StateDir(), ".pulumi", "stacks", "oke-guestbook")
	mkdir(t, l.ToolsDir())
	deploy := func(resources string) {
		t.Helper()
		state := fmt.Sprintf(`{"version":3,"checkpoint":{"latest":{"resources":[%s]}}}`, resources)
		launchtest.Write(t, filepath.Join(stacks, "local.json"), state)
	}
	deploy(`{},{}`)
	launchtest.WantError(t, l.Clean(t.Context()), "stack local has 2 resources", "make down")
	deploy("")
	if err := l.Clean(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.Dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", l.Dir, err)
	}
}

func TestSummaryNamesThisLocalCloud(t *testing.T) {
	l, _ := newLauncher(t)
	got := l.summary(time.Second, "http://192.0.2.1", nil)
	for _, command := range []string{
		`eval "$(make -s kubeconfig %s)" && kubectl`, "make status %s,", `eval "$(make -s env %s)" && pulumi`, "make down %s",
	} {
		settings := fmt.Sprintf("LOCAL_PORT=%d LOCAL_DIR=%s", l.Port, l.Dir)
		if want := fmt.Sprintf(command, settings); !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
}

// Plugins on PATH are not those that the launcher chose. But the language host may be on PATH alone.
func TestCommandIgnoresPluginsOnPath(t *testing.T) {
	l, _ := newLauncher(t)
	launchtest.Write(t, l.Path("oci", "config"), "")
	bin, elsewhere := t.TempDir(), t.TempDir()
	t.Setenv("PATH", bin+":"+elsewhere)
	launchtest.Write(t, filepath.Join(bin, "pulumi"), "#!/bin/sh\necho v3.253.0\n")
	ignores := func() bool {
		t.Helper()
		cmd, err := l.Command(t.Context(), "up")
		if err != nil || cmd.Path != filepath.Join(bin, "pulumi") {
			t.Fatalf("command %v, %v", cmd, err)
		}
		return slices.Contains(cmd.Env, "PULUMI_IGNORE_AMBIENT_PLUGINS=true")
	}
	launchtest.Write(t, filepath.Join(elsewhere, "pulumi-language-go"), "")
	if ignores() {
		t.Error("the CLI would not find its language host")
	}
	launchtest.Write(t, filepath.Join(bin, "pulumi-language-go"), "")
	if !ignores() {
		t.Error("the CLI would use plugins on PATH")
	}
}
