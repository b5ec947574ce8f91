package launch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Up builds what is missing, starts the local cloud and deploys the stack on it. It continues where an interrupted
// one was.
func (o Options) Up(ctx context.Context) error {
	start := time.Now()
	e, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	o.sayf("3/3 stack %s", o.Stack)
	if err := e.show(ctx, "up", "--yes", "--skip-preview", "--stack", o.Stack); err != nil {
		return fmt.Errorf("%w; what was made is kept: mend the cause and run `make up` again, or `make down`", err)
	}
	outputs, err := e.writeKubeconfig(ctx)
	if err != nil {
		return err
	}
	e.summary(outputs, time.Since(start).Round(time.Second))
	return nil
}

// Preview shows what Up would change.
func (o Options) Preview(ctx context.Context) error {
	e, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	return e.show(ctx, "preview", "--diff", "--stack", o.Stack)
}

// Refresh compares the state with the cloud.
func (o Options) Refresh(ctx context.Context) error {
	e, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	return e.show(ctx, "refresh", "--yes", "--skip-preview", "--stack", o.Stack)
}

// Down destroys the stack, checks that the cloud holds nothing any more, and stops it.
func (o Options) Down(ctx context.Context) error {
	if _, err := os.Stat(o.path("state", ".pulumi")); errors.Is(err, os.ErrNotExist) {
		if err := o.endStack(ctx); err != nil {
			return err
		}
		o.sayf("nothing is deployed in %s", o.Dir)
		return nil
	}
	o.teardown = true
	e, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	o.sayf("3/3 destroy stack %s", o.Stack)
	if err := e.show(ctx, "destroy", "--yes", "--skip-preview", "--stack", o.Stack); err != nil {
		return err
	}
	left, err := o.Inventory(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the stack is gone, but the local cloud still holds %d things:\n%s", len(left), strings.Join(left, "\n"))
	}
	if err := o.endStack(ctx); err != nil {
		return err
	}
	o.sayf("\nthe stack is gone, nothing is left in the local cloud, and it has stopped")
	return nil
}

// endStack stops the local cloud and takes away what led to the stack, its kind of plugins included.
func (o Options) endStack(ctx context.Context) error {
	if err := o.stopDaemon(ctx); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(o.path("kubeconfig")), os.RemoveAll(o.path("plugins")))
}

// firstTime tells whom the first build would make wonder how long it takes.
func (o Options) firstTime() string {
	if o.has(okelocal) {
		return ""
	}
	return "; the first time compiles Kubernetes and Pulumi: allow 20 minutes on 2 cores"
}

// prepare does what every command on the stack needs first.
func (o Options) prepare(ctx context.Context) (engine, error) {
	var e engine
	if err := checkDir(o.Dir); err != nil && !(o.teardown && errors.Is(err, syscall.ENOSPC)) {
		return e, err
	}
	if err := checkSpace(need{"LOCAL_DIR", o.Dir, 1 * gb}); err != nil && !o.teardown {
		return e, err
	}
	if _, _, err := o.running(ctx); err != nil {
		return e, err
	}
	if err := o.checkPlugins(ctx); err != nil {
		return e, err
	}
	o.sayf("1/3 tools, in %s%s", o.Bin, o.firstTime())
	cli, err := o.tools(ctx)
	if err != nil {
		return e, err
	}
	if err := o.choosePlugins(ctx, cli); err != nil {
		return e, err
	}
	o.sayf("2/3 local cloud")
	if err := o.startDaemon(ctx); err != nil {
		return e, err
	}
	e = engine{Options: o, cli: cli}
	if err := e.selectStack(ctx); err != nil {
		return e, err
	}
	return e, e.recover(ctx)
}

// Prepare does what comes before a command on the stack: tools, local cloud, and what a killed command left.
func (o Options) Prepare(ctx context.Context) error {
	_, err := o.prepare(ctx)
	return err
}

// Build builds the tools and no more.
func (o Options) Build(ctx context.Context) error {
	o.sayf("tools, in %s%s", o.Bin, o.firstTime())
	_, err := o.tools(ctx)
	return err
}

// Stop ends the local cloud and leaves everything in it for the next start.
func (o Options) Stop(ctx context.Context) error {
	return o.stopDaemon(ctx)
}

// Command returns a command of Pulumi's CLI on the local cloud, ready to run. It asks for the tools that `up` has built.
func (o Options) Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	e, err := o.engine(ctx)
	if err != nil {
		return nil, err
	}
	return e.command(ctx, args...)
}

// engine finds the CLI that `up` used.
func (o Options) engine(ctx context.Context) (engine, error) {
	cli, err := o.findPulumi(ctx)
	if cli == "" {
		cli = filepath.Join(o.Bin, pulumiCLI.name)
	}
	return engine{Options: o, cli: cli}, err
}

// Inventory lists what lives in the local cloud, a line for each thing.
func (o Options) Inventory(ctx context.Context) ([]string, error) {
	var things []struct{ Kind, ID, DisplayName, LifecycleState string }
	if err := o.get(ctx, "/admin/inventory", &things); err != nil {
		return nil, err
	}
	lines := make([]string, len(things))
	for i, t := range things {
		lines[i] = strings.TrimSpace(fmt.Sprintf("%-20s %-13s %s", t.Kind, t.LifecycleState, cmp.Or(t.DisplayName, t.ID)))
	}
	return lines, nil
}

// Status says what runs where and what exists.
func (o Options) Status(ctx context.Context) error {
	h, ok, err := o.running(ctx)
	if err != nil {
		return err
	}
	if !ok {
		o.sayf("the local cloud does not run; `make up` starts it")
		return nil
	}
	var status struct {
		RSSMB    int `json:"rssMB"`
		Clusters []struct {
			ID, Name, Version, Address string
			Processes                  []struct {
				Name  string
				PID   int
				RSSMB int `json:"rssMB"`
			}
		}
	}
	if err := o.get(ctx, "/admin/status", &status); err != nil {
		return err
	}
	total := status.RSSMB
	o.sayf("local cloud   %s, state in %s", o.Endpoint(), o.Dir)
	o.sayf("              %-26s process %-8d %5d MB", "okelocal", h.PID, status.RSSMB)
	for _, c := range status.Clusters {
		o.sayf("cluster       %s %s, API server https://%s", c.Name, c.Version, c.Address)
		for _, p := range c.Processes {
			o.sayf("              %-26s process %-8d %5d MB", p.Name, p.PID, p.RSSMB)
			total += p.RSSMB
		}
	}
	o.sayf("memory        %d MB resident in all", total)
	things, err := o.Inventory(ctx)
	if err != nil {
		return err
	}
	o.sayf("\n%d things in the cloud", len(things))
	for _, line := range things {
		o.sayf("  %s", line)
	}
	return nil
}

// Kubeconfig writes the stack's kubeconfig to .local/kubeconfig and says how to use it.
func (o Options) Kubeconfig(ctx context.Context) error {
	if _, ok, err := o.running(ctx); err != nil || !ok {
		return errors.Join(err, errors.New("there is no cluster to speak to: run `make up` first"))
	}
	e, err := o.engine(ctx)
	if err != nil {
		return err
	}
	if _, err := e.writeKubeconfig(ctx); err != nil {
		return err
	}
	// After PATH: a kubectl of the user's own comes first.
	o.sayf("export KUBECONFIG=%s PATH=\"$PATH\":%s", quoted(o.path("kubeconfig")), quoted(o.Bin))
	return nil
}

// writeKubeconfig writes the stack's kubeconfig to a file, and returns all outputs of the stack.
func (e engine) writeKubeconfig(ctx context.Context) (outputs map[string]any, err error) {
	raw, err := e.output(ctx, "stack", "output", "--json", "--show-secrets", "--stack", e.Stack)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &outputs); err != nil {
		return nil, fmt.Errorf("outputs of stack %s: %w", e.Stack, err)
	}
	config, ok := outputs["kubeconfig"].(string)
	if !ok {
		return nil, errors.New("the stack has no kubeconfig yet: run `make up`")
	}
	return outputs, os.WriteFile(e.path("kubeconfig"), []byte(config), 0o600)
}

// PrintEnv prints shell commands that point Pulumi and OCI's clients to the local cloud.
func (o Options) PrintEnv(context.Context) error {
	vars, err := o.Env()
	if err != nil {
		return err
	}
	for _, kv := range vars {
		name, value, _ := strings.Cut(kv, "=")
		o.sayf("export %s=%s", name, quoted(value))
	}
	return nil
}

// quoted is a text for the shell to take as it is.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Clean removes everything that the local cloud keeps, tools included, unless a stack is deployed.
func (o Options) Clean(ctx context.Context) error {
	if _, ok, err := o.running(ctx); err != nil {
		return err
	} else if ok {
		left, err := o.Inventory(ctx)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("the local cloud holds %d things; run `make down` first", len(left))
		}
		if err := o.stopDaemon(ctx); err != nil {
			return err
		}
	}
	if n, err := o.deployed(); err != nil {
		return err
	} else if n > 0 {
		return fmt.Errorf("stack %s has %d resources; run `make down` first", o.Stack, n)
	}
	if _, err := os.Stat(o.Bin); err != nil {
		return fmt.Errorf("LOCAL_DIR=%s: nothing of the local cloud is there (%w)", o.Dir, err)
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	o.sayf("removed %s", o.Dir)
	return nil
}

// deployed counts the resources in the stack's state, also while the local cloud is stopped.
func (o Options) deployed() (int, error) {
	files, err := filepath.Glob(o.path("state", ".pulumi", "stacks", "*", o.Stack+".json"))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		var state struct {
			Checkpoint struct{ Latest struct{ Resources []any } }
		}
		if err := json.Unmarshal(data, &state); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		n += len(state.Checkpoint.Latest.Resources)
	}
	return n, nil
}

// summary ends `make up`: what there is and how to look at it.
func (e engine) summary(outputs map[string]any, took time.Duration) {
	e.sayf(`
The stack is up after %s. The Kubernetes API is real; nodes, Pods and load balancers are simulated.
  guestbook   %v   (an address of the local cloud: nothing listens there)
  kubectl     eval "$(make -s kubeconfig)" && kubectl get pods -A
  what exists make status, or the console at %s
  Pulumi      eval "$(make -s env)" && pulumi stack -s %s
  tear down   make down`, took, outputs["url"], e.Endpoint(), e.Stack)
}
