package daemon

import (
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

// TestInScope has a program in the place of systemd-run.
func TestInScope(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	run := filepath.Join(dir, "systemd-run")
	command := []string{"localcloudd", "serve"}
	for _, tc := range []struct{ script, want string }{
		{"", "localcloudd serve"},
		{"#!/bin/sh\nexit 1\n", "localcloudd serve"},
		{
			"#!/bin/sh\n[ \"$6 $7\" = '-- true' ]\n",
			"systemd-run --user --scope --quiet --collect --property=Delegate=yes -- localcloudd serve",
		},
	} {
		if tc.script != "" {
			launchtest.Write(t, run, tc.script)
		}
		if got := strings.Join(inScope(t.Context(), command), " "); got != tc.want {
			t.Errorf("%q with %q, want %q", got, tc.script, tc.want)
		}
	}
}
