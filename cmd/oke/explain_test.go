package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "up.log")
	const log = "Diagnostics:\n  oci:Core:Vcn (net):\n    error: 400-LimitExceeded, exceeded: vcn-count.\n"
	const other = "Diagnostics:\n  oci:Core:Vcn (net):\n    error: 400-InvalidParameter\n"
	for text, want := range map[string]string{
		log:   "what was made is kept: mend the cause, then make recover STACK=dev and pulumi up -s dev\n",
		other: "none of the errors is of a known kind: docs/troubleshooting.md",
		"":    "the log has no error of a resource",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err := run([]string{"explain", "--stack", "dev", "--log", file}, &out, io.Discard)
		if err != nil || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "vcnId") != (text == log) {
			t.Errorf("%q: %v\n%s", text, err, &out)
		}
		out.Reset()
		err = run([]string{"explain", "--stack", "dev", "--log", file, "--quiet"}, &out, io.Discard)
		if err != nil || (out.String() != "") != (text == log) || strings.Contains(out.String(), "what was made") {
			t.Errorf("quiet, %q: %v\n%s", text, err, &out)
		}
	}
	for want, args := range map[string][]string{
		"STACK: is empty":             {"explain", "--log", file},
		"pulumi up 2>&1 | tee up.log": {"explain", "--stack", "dev", "--log", file + "x"},
	} {
		if err := run(args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
