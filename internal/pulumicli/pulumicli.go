// Package pulumicli runs Pulumi's CLI on one stack, in the user's environment and backend.
package pulumicli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// CLI runs commands on one stack.
type CLI struct {
	Path       string // executable of the CLI; empty for pulumi on PATH
	Dir        string // directory of Pulumi.yaml
	Stack      string // name of the stack
	ConfigFile string // settings of the stack; empty for Pulumi.<stack>.yaml
	Out        io.Writer
}

// interruptGrace is how long the engine may take to end an operation after an interrupt. A cluster may take 15 minutes.
const interruptGrace = 30 * time.Minute

// command returns a command on the stack. When ctx ends, the engine is interrupted once, and may end in order.
func (c CLI) command(ctx context.Context, args ...string) *exec.Cmd {
	path := c.Path
	if path == "" {
		path = "pulumi"
	}
	args = append(args, "--stack", c.Stack)
	if c.ConfigFile != "" && slices.Contains([]string{"refresh", "destroy", "config"}, args[0]) {
		args = append(args, "--config-file", c.ConfigFile)
	}
	return c.interruptible(exec.CommandContext(ctx, path, args...))
}

func (c CLI) interruptible(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = c.Dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptGrace
	bindToThisProcess(cmd)
	return cmd
}

// output runs a command and returns its standard output. Its error contains what the command wrote to standard error.
func output(cmd *exec.Cmd, stdin []byte) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("the command pulumi is not on PATH: install it (https://www.pulumi.com/docs/install)")
	}
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		if strings.Contains(text, "no stack named") {
			text += ": pulumi stack ls lists those of this backend"
		}
		return out, fmt.Errorf("pulumi %s: %w: %s", cmd.Args[1], err, text)
	}
	return out, nil
}

func (c CLI) quiet(ctx context.Context, stdin []byte, args ...string) error {
	_, err := output(c.command(ctx, append(args, "--non-interactive")...), stdin)
	return err
}

// show runs a command and shows what it prints.
func (c CLI) show(ctx context.Context, args ...string) error {
	cmd := c.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = c.Out, io.MultiWriter(c.Out, &stderr)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// Export returns the stack's state as JSON. Secrets are encrypted.
func (c CLI) Export(ctx context.Context) ([]byte, error) {
	return output(c.command(ctx, "stack", "export", "--non-interactive"), nil)
}

// Import replaces the stack's state.
func (c CLI) Import(ctx context.Context, deployment []byte) error {
	return c.quiet(ctx, deployment, "stack", "import")
}

// Refresh updates the state from the cloud.
func (c CLI) Refresh(ctx context.Context) error {
	return c.show(ctx, "refresh", "--yes", "--skip-preview", "--non-interactive")
}

// PreviewRefresh returns, as JSON, what Refresh would change. Secrets are masked.
func (c CLI) PreviewRefresh(ctx context.Context) ([]byte, error) {
	return output(c.command(ctx, "refresh", "--preview-only", "--json", "--diff", "--non-interactive"), nil)
}

// Delete deletes one resource.
func (c CLI) Delete(ctx context.Context, urn string) error {
	return c.show(ctx, "destroy", "--yes", "--skip-preview", "--non-interactive", "--target", urn)
}

// Taint marks a resource for replacement by the next up.
func (c CLI) Taint(ctx context.Context, urn string) error {
	return c.quiet(ctx, nil, "state", "taint", "--yes", urn)
}

// Cancel removes the stack's locks, whoever holds them.
func (c CLI) Cancel(ctx context.Context) error { return c.quiet(ctx, nil, "cancel", "--yes") }

// Config returns the stack's settings by their full names, secrets in plain text. Values that are no text are left out.
func (c CLI) Config(ctx context.Context) (map[string]string, error) {
	out, err := output(c.command(ctx, "config", "--show-secrets", "--json", "--non-interactive"), nil)
	if err != nil {
		return nil, err
	}
	var values map[string]struct{ Value string }
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("settings of stack %s: %w", c.Stack, err)
	}
	config := map[string]string{}
	for key, v := range values {
		config[key] = v.Value
	}
	return config, nil
}

// Backend returns the URL of the backend in use.
func (c CLI) Backend(ctx context.Context) (string, error) {
	if backend := os.Getenv("PULUMI_BACKEND_URL"); backend != "" {
		return backend, nil // as the CLI prefers it, and spares a call
	}
	path := c.Path
	if path == "" {
		path = "pulumi"
	}
	out, err := output(c.interruptible(exec.CommandContext(ctx, path, "whoami", "--json", "--non-interactive")), nil)
	if err != nil {
		return "", err
	}
	var who struct{ URL string }
	err = json.Unmarshal(out, &who)
	return who.URL, err
}
