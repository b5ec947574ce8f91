package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	modules, packages := 0, []string(nil)
	rest := parse(strings.NewReader("go: downloading x v1\nfmt\ngithub.com/a/b\n# github.com/a/b\nb.go:3:1: oops\n"),
		func() { modules++ }, func(pkg string) { packages = append(packages, pkg) })
	if modules != 1 || !slices.Equal(packages, []string{"fmt", "github.com/a/b"}) || rest != "# github.com/a/b\nb.go:3:1: oops\n" {
		t.Errorf("%d modules, packages %q, rest %q", modules, packages, rest)
	}
}

// pipe creates a named pipe: a script that opens it waits for the other end.
func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The link of the first tool ends only when the compilation of the second has begun.
func TestLinkingOverlapsCompiling(t *testing.T) {
	tools, out := newToolchain(t)
	tools.install(t, daemon.name)
	begun := pipe(t)
	for _, tc := range []struct{ last, want string }{
		{"true", "build second, 2 of 2: ready"},
		{"exit 1", "build second, 2 of 2: failed"},
	} {
		onlyGo(t, `case "$*" in
*first) echo a/b >&2; echo first >&2; read line < `+begun+` ;;
*second) echo go > `+begun+`; `+tc.last+` ;;
esac
`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := tools.build(ctx, []tool{{name: "first", module: ".", pkg: "first"}, {name: "second", module: ".", pkg: "second"}})
		if (err == nil) != (tc.last == "true") || err != nil && !strings.Contains(err.Error(), "build second: exit status 1") {
			t.Errorf("the second tool ends by %q: %v", tc.last, err)
		}
		if !strings.Contains(out.String(), "build first, 1 of 2: compiled") || !strings.Contains(out.String(), tc.want) {
			t.Errorf("output %q, want %q", out, tc.want)
		}
	}
}

// The packages are counted also if the tools exist and most of them is compiled again: that build ends only when the list
// was asked for.
func TestManyPackagesAreCounted(t *testing.T) {
	tools, _ := newToolchain(t)
	tools.install(t, daemon.name)
	listed, list := filepath.Join(t.TempDir(), "listed"), pipe(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for packages, wait := range map[int]string{countThreshold - 1: "", countThreshold: "read line < " + list} {
		onlyGo(t, "if [ $1 = list ]; then : > "+listed+"; echo go > "+list+"; exit; fi\n"+
			strings.Repeat("echo a/b >&2\n", packages)+wait+"\n")
		if err := tools.build(ctx, []tool{{name: "tool", module: ".", pkg: "tool"}}); err != nil {
			t.Fatalf("%d packages: %v", packages, err)
		}
		if _, err := os.Stat(listed); (err == nil) != (packages == countThreshold) {
			t.Errorf("%d packages: list %v", packages, err)
		}
		_ = os.Remove(listed)
	}
}

func TestBuildThatFillsTheDisk(t *testing.T) {
	tools, _ := newToolchain(t)
	onlyGo(t, "[ $1 = env ] && echo /cache/$2 && exit; "+
		"echo write /tmp/go-build1/b001/_pkg_.a: no space left on device >&2; exit 1\n")
	wantError(t, tools.build(t.Context(), []tool{daemon}), "no space left on device", "GOMODCACHE=/cache/GOMODCACHE",
		"GOCACHE=/cache/GOCACHE", "GOTMPDIR=/cache/GOTMPDIR", "LOCAL_DIR="+tools.Dir, "to a larger disk")
}

func TestCached(t *testing.T) {
	tools, _ := newToolchain(t)
	for name, text := range map[string]string{
		"go.mod": "module example\n", "main.go": "package main\n\nimport _ \"errors\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(tools.Root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	example := tool{module: ".", pkg: "."}
	if !tools.cached(t.Context(), example) {
		t.Error("not cached, although this test has the same imports and is compiled")
	}
	t.Setenv("GOCACHE", t.TempDir())
	if tools.cached(t.Context(), example) {
		t.Error("cached, although the cache is empty")
	}
}
