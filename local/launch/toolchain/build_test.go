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

	"oke-guestbook/local/launch/launchtest"
)

func TestParse(t *testing.T) {
	modules, packages := 0, []string(nil)
	rest := parse(strings.NewReader("go: downloading x v1\nfmt\ngithub.com/a/b\n# github.com/a/b\nb.go:3:1: oops\n"),
		func() { modules++ }, func(pkg string) { packages = append(packages, pkg) })
	errors := "# github.com/a/b\nb.go:3:1: oops\n"
	if modules != 1 || !slices.Equal(packages, []string{"fmt", "github.com/a/b"}) || rest != errors {
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
		launchtest.OnlyGo(t, `case "$*" in
*first) echo a/b >&2; echo first >&2; read line < `+begun+` ;;
*second) echo go > `+begun+`; `+tc.last+` ;;
esac
`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		first, second := tool{name: "first", module: ".", pkg: "first"}, tool{name: "second", module: ".", pkg: "second"}
		err := tools.build(ctx, []tool{first, second})
		if tc.last != "true" {
			launchtest.WantError(t, err, "build second: exit status 1")
		} else if err != nil {
			t.Error(err)
		}
		for _, want := range []string{"build first, 1 of 2: compiled", tc.want} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("output %q lacks %q", out, want)
			}
		}
	}
}

// The packages are counted also if the tools exist and most of them is compiled again: that build ends only when the
// list was asked for.
func TestManyPackagesAreCounted(t *testing.T) {
	tools, _ := newToolchain(t)
	tools.install(t, daemon.name)
	listed, list := filepath.Join(t.TempDir(), "listed"), pipe(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for packages, wait := range map[int]string{countThreshold - 1: "", countThreshold: "read line < " + list} {
		launchtest.OnlyGo(t, "if [ $1 = list ]; then : > "+listed+"; echo go > "+list+"; exit; fi\n"+
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
	launchtest.OnlyGo(t, "[ $1 = env ] && echo /cache/$2 && exit; "+
		"echo write /tmp/go-build1/b001/_pkg_.a: no space left on device >&2; exit 1\n")
	launchtest.WantError(t, tools.build(t.Context(), []tool{daemon}),
		"no space left on device", "GOMODCACHE=/cache/GOMODCACHE", "GOCACHE=/cache/GOCACHE", "GOTMPDIR=/cache/GOTMPDIR",
		"LOCAL_DIR="+tools.Dir, "to a larger disk")
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
