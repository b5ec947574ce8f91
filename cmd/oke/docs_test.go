package main

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// TestDocumentedAnswers asks what the documentation has people ask of `make reach`.
func TestDocumentedAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`make reach((?: [A-Z]+=[\w./]+)+)`).FindAllStringSubmatch(string(text), -1) {
			args := []string{"reach", "-C", root}
			for _, pair := range strings.Fields(m[1]) {
				name, value, _ := strings.Cut(pair, "=")
				args = append(args, "--"+strings.ToLower(name), value)
			}
			if err := run(args, io.Discard, io.Discard); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), m[0], err)
			}
			asked++
		}
	}
	if asked < 5 {
		t.Errorf("the documentation asks %d times, want 5 or more", asked)
	}
}

// TestKoreanFirstHour expects docs/first-hour.ko.md to have the commands of docs/first-hour.md, which are tested, in
// their order; those may have more arguments.
func TestKoreanFirstHour(t *testing.T) {
	commands := func(name string) (lines []string) {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				command, _, _ := strings.Cut(line, "  #")
				lines = append(lines, strings.TrimSpace(command))
			}
		}
		return lines
	}
	translated := strings.NewReplacer("<고유 ID>", "<unique id>", "<테넌시 네임스페이스>", "<tenancy namespace>")
	english, korean := commands("first-hour.md"), commands("first-hour.ko.md")
	if len(english) != len(korean) || len(english) < 10 {
		t.Fatalf("%d commands in English, %d in Korean", len(english), len(korean))
	}
	for i, line := range korean {
		if want := translated.Replace(line); !strings.HasPrefix(english[i], want) {
			t.Errorf("in Korean %q, in English %q", want, english[i])
		}
	}
}

// set matches a documented pulumi config set: the key, and the value up to a comment. A secret without a value is asked
// for.
var set = regexp.MustCompile(
	"pulumi config set (?:--path |--secret |--type string |-- )*" +
		"'?([A-Za-z:]+)(?:\\[\\d\\](?:\\.(\\w+))?)?'?(?: -- )?([^\n`]*)")

// TestDocumentedSettings expects what the documents have people set to be settings, with values that they take.
func TestDocumentedSettings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "README.ko.md", "pipelines/README.md"} {
		files = append(files, filepath.Join(root, name))
	}
	project, config, err := stackfile.Read(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("<unique id>", "a", "<고유 ID>", "a", "<tenancy namespace>", "ns",
		"<테넌시 네임스페이스>", "ns", "<user>", "me", "<사용자>", "me", "'", "")
	tried := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range set.FindAllStringSubmatch(string(text), -1) {
			key, field := m[1], m[2]
			value := strings.TrimSpace(names.Replace(regexp.MustCompile(`\s+(#|&&).*`).ReplaceAllString(m[3], "")))
			if strings.HasPrefix(key, "oci:") || strings.Contains(value, "<") || strings.Contains(value, "$(") ||
				strings.Contains(value, "...") {
				continue // the provider's, or the reader's own
			}
			if !slices.Contains(new(settings.Settings).Settings().Keys(), key) {
				t.Errorf("%s: %s is no setting", filepath.Base(file), key)
				continue
			}
			if value == "" {
				continue
			}
			if strings.Contains(m[0], key+"[1]") {
				continue // after [0]
			}
			changed := maps.Clone(config)
			changed[project+":"+key] = value
			if field != "" {
				changed[project+":"+key] = []any{map[string]any{"name": "workers", field: value}}
			} else if strings.Contains(m[0], key+"[") {
				changed[project+":"+key] = []any{value}
			}
			tried++
			var refused *problem.Error
			if _, err := settings.LoadFile(project, "dev", changed); errors.As(err, &refused) {
				for _, p := range refused.Problems {
					if strings.HasPrefix(p.Key, key) && !strings.Contains(p.Text, "needs") {
						t.Errorf("%s: %s: %s", filepath.Base(file), m[0], p)
					}
				}
			}
		}
	}
	if tried < 15 {
		t.Errorf("%d settings were tried, want 15 or more", tried)
	}
}

// others are the messages of docs/troubleshooting.md that no source here contains, and who writes them.
var others = byMessage(
	"did not find a proper configuration for tenancy", "oci-go-sdk v65.129.0, common/configuration.go",
	"for private key", "oci-go-sdk v65.129.0, common/configuration.go",
	"oci:Budget/budget:Budget", "Pulumi names the resource of a failure by its type",
	"node(s) register timeout", "OKE, as reported by others",
	"400-LimitExceeded", "the oci provider, as reported by others",
	"400-QuotaExceeded", "the oci provider, as reported by others, by Oracle's list of API errors",
	"429-TooManyRequests", "the oci provider, as reported by others",
	"Service was not allocated an IP address", "the kubernetes provider, as reported by others",
	"The resource already exists in the cluster.", "pulumi-kubernetes at 9497796 (2026-07-01), await.go",
	"Unable to connect to the server", "kubectl",
	"i/o timeout", "Go's network library",
	"connection refused", "Linux, connect(2)",
	"executable oci not found", "client-go, plugin/pkg/client/auth/exec",
	"executable oci failed with exit code 1", "client-go, plugin/pkg/client/auth/exec",
	"grpc: the client connection is closing", "Pulumi's engine",
	"unexpected state: DELETING", "the oci provider, v3.16.0, on the emulator",
	"You must be logged in to the server", "kubectl",
	"kubectl describe service", "no message: where it is shown",
	"Anonymous users are only allowed read access on public repos", "Oracle's registry, as reported by others",
	"cannot reach the database's primary within", "app/internal/retry, about what app/internal/chores/steady.go does",
	"exec format error", "Linux, execve(2)",
	"no match for platform in manifest", "containerd, images/image.go",
	"Insufficient cpu", "Kubernetes' scheduler",
	"Insufficient memory", "Kubernetes' scheduler",
	"had volume node affinity conflict", "Kubernetes' scheduler",
	"The node was low on resource: ephemeral-storage", "Kubernetes' kubelet",
	"exceeded quota", "Kubernetes' admission",
	"<unknown>", "kubectl get hpa",
	"the stack is currently locked by 1 lock(s)", "Pulumi's CLI",
	"incorrect passphrase", "Pulumi's CLI",
	"pending operations", "Pulumi's CLI",
	"x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value", "Object Storage, as reported by others",
	"AWS chunked encoding not supported", "Object Storage, as reported by others",
)

func byMessage(pairs ...string) map[string]string {
	m := map[string]string{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

// TestTroubleshooting expects each message of docs/troubleshooting.md to be written by a source in this repository, or
// by somebody who is named.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	sources := programs(t)
	code := regexp.MustCompile("`([^`]+)`")
	used := map[string]bool{}
	messages := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
			messages++
			if others[m[1]] != "" {
				used[m[1]] = true
				continue
			}
			message := regexp.MustCompile(`^4\d\d |\.$| v1\.\.\.$`).ReplaceAllString(m[1], "")
			if !strings.Contains(sources, message) {
				t.Errorf("no source has %q: correct it, or name in this test who writes it", message)
			}
		}
	}
	if messages < 25 {
		t.Errorf("%d messages, want 25 or more", messages)
	}
	for message := range others {
		if !used[message] {
			t.Errorf("docs/troubleshooting.md does not have %q", message)
		}
	}
}

// programs returns the Go source of the repository without its tests.
func programs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != root || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
