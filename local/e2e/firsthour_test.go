package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/oci"
)

// block matches the blocks of a document that are to be run.
var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// checkout copies the repository's files, so that the documented commands can write into it.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copying := exec.CommandContext(t.Context(), "sh", "-c", `cd ../.. && git ls-files -z | xargs -0 cp --parents -t "$1"`,
		"sh", dir)
	if out, err := copying.CombinedOutput(); err != nil {
		t.Fatalf("copy the repository: %v: %s", err, out)
	}
	return dir
}

// example is the document's address of the reader's machine.
const example = "203.0.113.7"

// ownAddress is the address of this machine that the internet sees, if it has one, as the reader would set it.
func ownAddress() string {
	addresses, _ := net.InterfaceAddrs() // without any, the example does
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if a := prefix.Addr(); err == nil && a.Is4() && a.IsGlobalUnicast() && !a.IsPrivate() {
			return a.String()
		}
	}
	return example
}

// pullRequest returns the shell's commands for the steps Cost and Doctor of the preview on a pull request, as GitHub's
// runner runs them in a clone. Oracle's price list cannot be reached.
func pullRequest(t *testing.T) string {
	t.Helper()
	var workflow struct {
		Jobs struct {
			Preview struct {
				Steps []struct{ Name, Run, Shell string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readDocument(t, "pipelines/github-actions/preview.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lines := "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.com commit -q -m Begin\n" +
		"git update-ref refs/remotes/origin/main HEAD\n"
	for _, step := range workflow.Jobs.Preview.Steps {
		if step.Name != "Cost" && step.Name != "Doctor" {
			continue
		}
		path, shell := filepath.Join(dir, step.Name), "bash -e"
		if step.Shell == "bash" {
			shell = "bash --noprofile --norc -eo pipefail"
		}
		launchtest.Write(t, path, step.Run)
		lines += fmt.Sprintf("STACK=dev GITHUB_BASE_REF=main GITHUB_STEP_SUMMARY='%s/summary' "+
			"HTTPS_PROXY=http://127.0.0.1:1 %s '%s'\n", dir, shell, path)
	}
	return lines + "cat '" + dir + "/summary'\n"
}

// TestFirstHour runs every command of docs/first-hour.md, from an empty account to the page and back, and before the
// way back those of other documents.
func TestFirstHour(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	var env strings.Builder
	o := s.o
	o.Out = &env
	s.must(o.PrintEnv(t.Context()))
	document, err := os.ReadFile("../../" + walked)
	s.must(err)
	caches, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	s.must(err)
	places := strings.Fields(string(caches))
	dir, bin, home := checkout(t), t.TempDir(), t.TempDir()
	// The copy's program is the one that is built.
	launchtest.Write(t, filepath.Join(bin, "pulumi-language-go"), fmt.Sprintf(
		"#!/bin/sh\nexec '%[1]s/pulumi-language-go-host' -binary '%[1]s/oke-guestbook' \"$@\"\n", s.o.Bin))

	// Without oke, as after git clone: the stack's provider runs it from the source.
	path, err := launchtest.Without(t.TempDir(), s.o.Bin+":"+os.Getenv("PATH"), "oke")
	s.must(err)

	blocks := block.FindAllStringSubmatch(string(document), -1)
	if len(blocks) != 6 {
		t.Fatalf("docs/first-hour.md has %d blocks of commands, want 6: five steps and the removal", len(blocks))
	}
	commands := "set -e\n" + env.String() + fmt.Sprintf(
		"\nexport PATH='%s':'%s' HOME='%s' GOCACHE='%s' GOMODCACHE='%s' GOFLAGS=-buildvcs=false\n"+
			"unset PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE KUBECONFIG\ncd '%s'\n",
		bin, path, home, places[0], places[1], dir)
	for i, b := range blocks {
		if i == len(blocks)-1 {
			commands += "echo 'a pull request'\n" + pullRequest(t) + "echo 'afterwards'\n" + script(afterTheFirstHour)
		}
		commands += fmt.Sprintf("echo 'block %d'\n%s", i+1, b[1])
	}
	commands = strings.NewReplacer(
		"pulumi login --local", "pulumi login 'file://"+home+"'", // which would be the home directory whatever HOME says
		"ocid1.compartment.oc1..<unique id>", oci.CompartmentID, "<tenancy namespace>", oci.Namespace,
		example, ownAddress(),
	).Replace(commands)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", commands).CombinedOutput()
	log := string(out)
	if err != nil {
		t.Fatalf("docs/first-hour.md: %v\n%s", err, log[max(0, len(log)-8000):])
	}
	for i, want := range [][]string{
		{"Created stack 'dev'"},
		{"Allow group oke-operators to manage clusters", "a month"},
		{"iad.ocir.io/" + oci.Namespace + "/guestbook@sha256:"},
		{"✓", "Resources:"},
		{"http://", "frontend-", "mongo-0", "Running"},
		{"Stack 'dev' has been removed"},
	} {
		_, rest, _ := strings.Cut(log, fmt.Sprintf("block %d\n", i+1))
		part, _, _ := strings.Cut(rest, fmt.Sprintf("block %d\n", i+2))
		for _, text := range want {
			if !strings.Contains(part, text) {
				t.Errorf("step %d does not print %q:\n%s", i+1, text, part)
			}
		}
		if strings.Contains(part, "✗") { // what doctor prints, or the words for that case
			t.Errorf("step %d: doctor finds fault:\n%s", i+1, part)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi.dev.yaml")); err != nil {
		t.Errorf("the stack's settings are gone: %v", err)
	}
	_, preview, _ := strings.Cut(log, "a pull request\n")
	if !strings.Contains(preview, "Since origin/main: +0.00 a month") {
		t.Errorf("the summary of a pull request has no difference of costs:\n%s", preview)
	}
	_, log, _ = strings.Cut(log, "afterwards\n")
	checkShown(t, afterTheFirstHour, log)
	for line := range strings.Lines(log) {
		if strings.Contains(line, "✗") {
			t.Errorf("doctor finds fault: %s", line)
		}
	}
}
