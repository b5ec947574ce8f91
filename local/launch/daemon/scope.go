package daemon

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// controllers is a file that exists where the machine has control groups of version 2 only.
const controllers = "/sys/fs/cgroup/cgroup.controllers"

// scopeTimeout limits the question to the user's systemd, which answers in milliseconds.
const scopeTimeout = 5 * time.Second

// needsScope reports whether nodes can have control groups only in a scope of the user's systemd. Root needs none.
func needsScope() bool {
	_, err := os.Stat(controllers)
	return os.Geteuid() != 0 && err == nil
}

// inScope returns a command that runs in a control group of its own, which its user may divide: nodes get groups there.
// Where there is no systemd of the user, the command stays as it is. Systemd ends such a scope when the user has logged
// out, unless the user lingers (loginctl(1)).
func inScope(ctx context.Context, command []string) []string {
	ctx, cancel := context.WithTimeout(ctx, scopeTimeout)
	defer cancel()
	scope := []string{"systemd-run", "--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--"}
	if err := exec.CommandContext(ctx, scope[0], append(scope[1:len(scope):len(scope)], "true")...).Run(); err != nil {
		return command
	}
	return append(scope, command...)
}
