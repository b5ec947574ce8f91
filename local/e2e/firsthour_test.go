package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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

	blocks := block.FindAllStringSubmatch(string(document), -1)
	if len(blocks) != 6 {
		t.Fatalf("docs/first-hour.md has %d blocks of commands, want 6: five steps and the removal", len(blocks))
	}
	commands := "set -e\n" + env.String() + fmt.Sprintf(
		"\nexport PATH='%s':$PATH HOME='%s' GOCACHE='%s' GOMODCACHE='%s' GOFLAGS=-buildvcs=false\n"+
			"unset PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE KUBECONFIG\ncd '%s'\n", bin, home, places[0], places[1], dir)
	for i, b := range blocks {
		if i == len(blocks)-1 {
			commands += "echo 'afterwards'\n" + script(afterTheFirstHour)
		}
		commands += fmt.Sprintf("echo 'block %d'\n%s", i+1, b[1])
	}
	commands = strings.NewReplacer(
		"pulumi login --local", "pulumi login 'file://"+home+"'", // which would be the home directory whatever HOME says
		"ocid1.compartment.oc1..<unique id>", oci.CompartmentID, "<tenancy namespace>", oci.Namespace,
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
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi.dev.yaml")); err != nil {
		t.Errorf("the stack's settings are gone: %v", err)
	}
	_, log, _ = strings.Cut(log, "afterwards\n")
	checkShown(t, afterTheFirstHour, log)
}
