// Package pulumicli runs Pulumi's CLI on one stack.
package pulumicli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"oke-guestbook/local/launch/daemon"
)

// CLI runs commands on one stack.
type CLI struct {
	Path       string   // executable of the CLI
	Project    string   // directory of Pulumi.yaml
	Stack      string   // name of the stack
	ConfigFile string   // settings of the stack, default Pulumi.<stack>.yaml in Project
	Environ    []string // whole environment of the CLI
	Out, Err   io.Writer
}

// Command returns a command that is ready to run. When ctx ends, the engine is interrupted once, and may end in order.
// If ctx ends because the local cloud has ended, the engine could not: it waits for its plugins, and is killed.
func (c CLI) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := c.With(ctx, c.Path, args...)
	if c.ConfigFile != "" && slices.Contains([]string{"up", "preview", "refresh", "destroy", "config"}, args[0]) {
		cmd.Args = append(cmd.Args, "--config-file", c.ConfigFile)
	}
	return cmd
}

// With returns a command of another program that runs the CLI, in the CLI's environment.
func (c CLI) With(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = c.Project, c.Environ
	// In this process's group the engine would get Ctrl-C from the terminal too, and a second interrupt makes it stop
	// at once. If this process is killed, so is the engine: it would otherwise keep the stack locked.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error {
		if ended := (daemon.Ended{}); errors.As(context.Cause(ctx), &ended) {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(syscall.SIGINT)
	}
	return cmd
}

// show runs a command on the stack and shows its output to the user.
func (c CLI) show(ctx context.Context, args ...string) error {
	cmd := c.Command(ctx, append(args, "--stack", c.Stack)...)
	cmd.Env = append(cmd.Env, "PULUMI_DEBUG_COMMANDS=true") // the option --event-log needs it
	cmd.Stdout, cmd.Stderr = c.Out, c.Err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}

// output runs a command and returns its standard output. Its error contains what the command wrote to standard error.
func (c CLI) output(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd := c.Command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, fmt.Errorf("pulumi %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// Up deploys the stack, and logs the engine's events to a file: its output belongs to the terminal.
func (c CLI) Up(ctx context.Context, events string) error {
	return c.show(ctx, "up", "--yes", "--skip-preview", "--event-log", events)
}

// Preview shows what Up would change.
func (c CLI) Preview(ctx context.Context) error { return c.show(ctx, "preview", "--diff") }

// Refresh updates the state from the cloud.
func (c CLI) Refresh(ctx context.Context) error {
	return c.show(ctx, "refresh", "--yes", "--skip-preview")
}

// Destroy deletes all resources of the stack.
func (c CLI) Destroy(ctx context.Context) error {
	return c.show(ctx, "destroy", "--yes", "--skip-preview")
}

// Select selects the stack, and creates it if there is none.
func (c CLI) Select(ctx context.Context) error {
	_, err := c.output(ctx, nil, "stack", "select", "--create", c.Stack)
	return err
}

// Outputs returns the stack's outputs, secrets in plain text.
func (c CLI) Outputs(ctx context.Context) (outputs map[string]any, err error) {
	raw, err := c.output(ctx, nil, "stack", "output", "--json", "--show-secrets", "--stack", c.Stack)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &outputs); err != nil {
		return nil, fmt.Errorf("outputs of stack %s: %w", c.Stack, err)
	}
	return outputs, nil
}

// InstallPlugin downloads a provider plugin. Its error is the last line of what the CLI prints: that holds the reason.
func (c CLI) InstallPlugin(ctx context.Context, name, version string) error {
	out, err := c.Command(ctx, "plugin", "install", "resource", name, "v"+version).CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return fmt.Errorf("%s", last)
	}
	return err
}
