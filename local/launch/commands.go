package launch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/launch/daemon"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/pulumicli"
)

// Up builds missing tools, starts the local cloud and deploys the stack on it. It continues an interrupted one.
func (l Launcher) Up(ctx context.Context) error {
	start := time.Now()
	p := l.parts()
	cli, err := p.prepare(ctx, false)
	if err != nil {
		return err
	}
	p.out.Printf("3/3 stack %s", cli.Stack)
	if err := p.deploy(ctx, cli); err != nil {
		if status, unknown := p.cloud.Status(ctx); unknown == nil {
			p.tell(status) // such as too many nodes for the machine's memory
		}
		return fmt.Errorf("%w; created resources are kept: fix the cause and run `%s` again, or `%s`",
			err, l.Make("up"), l.Make("down"))
	}
	outputs, err := p.writeKubeconfig(ctx, cli)
	if err != nil {
		return err
	}
	status, err := p.cloud.Status(ctx)
	if err != nil {
		return err
	}
	p.tell(status)
	for _, port := range status.LoadBalancers {
		if note := cmp.Or(port.Problem, port.Moved); note != "" {
			p.out.Warnf("%s", note)
		}
	}
	all := pages(outputs, status)
	if len(all) > 0 && all[0].local != "" {
		if err := p.cloud.AwaitPage(ctx, all[0].local, all[0].host); err != nil {
			p.out.Warnf("%v; the Pods' events, the load balancer's backends and the security rules say why", err)
		}
	}
	p.out.Printf("\n%s", l.summary(time.Since(start), outputs["url"], all))
	return nil
}

// deploy runs the update. If it fails, it prints what to do about a limit, a quota, capacity or a right: the engine
// shows the service's words alone.
func (p parts) deploy(ctx context.Context, cli pulumicli.CLI) error {
	events := p.Path("up.events")
	defer os.Remove(events)
	err := p.whileCloudRuns(ctx, func(ctx context.Context) error { return cli.Up(ctx, events) })
	if _, missing := os.Stat(events); err != nil && ctx.Err() == nil && missing == nil {
		if explained := p.oke(ctx, cli, "explain", "--quiet", "--stack", cli.Stack, "--log", events); explained != nil {
			p.out.Warnf("no explanation of the failure: %v", explained)
		}
	}
	return err
}

// summary says what is up, the first guestbook at url, and what to do with it.
func (l Launcher) summary(elapsed time.Duration, url any, all []page) string {
	what := "The Kubernetes API is real; nodes, Pods and load balancers are simulated."
	where := fmt.Sprintf("%v   (an address of the local cloud: nothing listens there)", url)
	if p := l.parts(); p.nodes.Kind() {
		what = "Its Pods run on this machine."
		where = describePages(all)
	}
	return fmt.Sprintf(`The stack is up after %s. %s
  guestbook   %s
  kubectl     eval "$(%s)" && kubectl get pods -A
  what exists %s, or the console at %s
  Pulumi      eval "$(%s)" && pulumi stack -s %s
  tear down   %s`, elapsed.Round(time.Second), what, where, l.Make("-s kubeconfig"), l.Make("status"), l.Endpoint(),
		l.Make("-s env"), environment.Stack, l.Make("down"))
}

// Preview shows what Up would change.
func (l Launcher) Preview(ctx context.Context) error {
	p := l.parts()
	cli, err := p.prepare(ctx, false)
	if err != nil {
		return err
	}
	return p.whileCloudRuns(ctx, cli.Preview)
}

// Refresh updates the state from the cloud.
func (l Launcher) Refresh(ctx context.Context) error {
	p := l.parts()
	cli, err := p.prepare(ctx, false)
	if err != nil {
		return err
	}
	return p.whileCloudRuns(ctx, cli.Refresh)
}

// whileCloudRuns runs a command of the engine, and kills it if the local cloud ends. The next command continues.
func (p parts) whileCloudRuns(ctx context.Context, command func(context.Context) error) error {
	watched, stop := p.cloud.Watch(ctx)
	defer stop()
	err := command(watched)
	if ended := (daemon.Ended{}); err != nil && errors.As(context.Cause(watched), &ended) {
		return ended
	}
	return err
}

// Down destroys the stack, checks that the local cloud is empty, and stops it.
func (l Launcher) Down(ctx context.Context) error {
	p := l.parts()
	if !p.backend.Used() {
		if err := p.finish(ctx); err != nil {
			return err
		}
		p.out.Printf("nothing is deployed in %s", l.Dir)
		return nil
	}
	cli, err := p.prepare(ctx, true)
	if err != nil {
		return err
	}
	p.out.Printf("3/3 destroy stack %s", cli.Stack)
	if err := p.whileCloudRuns(ctx, cli.Destroy); err != nil {
		return err
	}
	left, err := p.cloud.Inventory(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the stack is gone, but the local cloud still holds %d resources:\n%s",
			len(left), strings.Join(left, "\n"))
	}
	if err := p.finish(ctx); err != nil {
		return err
	}
	p.out.Printf("\nthe stack is gone, nothing is left in the local cloud, and it has stopped")
	return nil
}

// finish stops the local cloud and removes the files that belong to the destroyed stack.
func (p parts) finish(ctx context.Context) error {
	if err := p.cloud.Stop(ctx); err != nil {
		return err
	}
	removed := errors.Join(os.RemoveAll(p.kubeconfigFile()), os.RemoveAll(p.temporaryDir()))
	return errors.Join(removed, p.providers.Forget(), p.nodes.Forget())
}

// Build builds the tools only.
func (l Launcher) Build(ctx context.Context) error {
	p := l.parts()
	if err := p.chooseNodes(false); err != nil {
		return err
	}
	p.out.Printf("tools, in %s%s", l.ToolsDir(), p.firstBuildNotice())
	_, err := p.tools.Install(ctx, p.mode(false))
	return err
}

// Clean removes LOCAL_DIR, tools included, unless a stack is deployed.
func (l Launcher) Clean(ctx context.Context) error {
	p := l.parts()
	if _, ok, err := p.cloud.Running(ctx); err != nil {
		return err
	} else if ok {
		left, err := p.cloud.Inventory(ctx)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("the local cloud holds %d resources; run `%s` first", len(left), l.Make("down"))
		}
		if err := p.cloud.Stop(ctx); err != nil {
			return err
		}
	}
	states, err := p.backend.Checkpoints(environment.Stack)
	if err != nil {
		return err
	}
	for _, state := range states {
		if n := len(state.Resources); n > 0 {
			return fmt.Errorf("stack %s has %d resources; run `%s` first", environment.Stack, n, l.Make("down"))
		}
	}
	if _, err := os.Stat(l.ToolsDir()); err != nil {
		return fmt.Errorf("LOCAL_DIR=%s has no local cloud in it (%w)", l.Dir, err)
	}
	if err := machine.RemoveAll(l.Dir); err != nil {
		return err
	}
	p.out.Printf("removed %s", l.Dir)
	return nil
}

// Status prints which processes run, and what exists in the local cloud.
func (l Launcher) Status(ctx context.Context) error {
	p := l.parts()
	h, ok, err := p.cloud.Running(ctx)
	if err != nil {
		return err
	}
	if !ok {
		p.out.Printf("the local cloud does not run; `%s` starts it", l.Make("up"))
		return nil
	}
	status, err := p.cloud.Status(ctx)
	if err != nil {
		return err
	}
	total := status.RSSMB
	p.out.Printf("local cloud   %s, state in %s", l.Endpoint(), l.Dir)
	p.out.Printf("              %-26s process %-8d %5d MB", "localcloudd", h.PID, status.RSSMB)
	for _, c := range status.Clusters {
		p.out.Printf("cluster       %s %s, API server https://%s", c.Name, c.Version, c.Address)
		for _, process := range c.Processes {
			p.out.Printf("              %-26s process %-8d %5d MB", process.Name, process.PID, process.RSSMB)
			total += process.RSSMB
		}
	}
	if p.nodes.Kind() {
		memory, err := p.printNodes(ctx)
		if err != nil {
			return err
		}
		total += memory
		for _, port := range status.LoadBalancers {
			p.out.Printf("load balancer %s, listener %s, %s: %s", port.LoadBalancer, port.Listener, port.Public,
				cmp.Or(port.Local, port.Problem))
		}
	}
	p.out.Printf("memory        %d MB resident in all", total)
	resources, err := p.cloud.Inventory(ctx)
	if err != nil {
		return err
	}
	p.out.Printf("\n%d resources in the cloud", len(resources))
	for _, line := range resources {
		p.out.Printf("  %s", line)
	}
	return nil
}

// printNodes prints what runs of nodes that run Pods, and returns their memory in MB.
func (p parts) printNodes(ctx context.Context) (memoryMB int, err error) {
	plane, err := p.cloud.DataPlane(ctx)
	if err != nil {
		return 0, err
	}
	for _, n := range plane.Nodes {
		p.out.Printf("node          %s", n.Name)
		for _, process := range n.Processes {
			p.out.Printf("              %-26s %d restarts       %5d MB", process.Name, process.Restarts, process.MemoryMB)
		}
	}
	p.out.Printf("data plane    %d MB: networks, nodes, and their Pods", plane.MemoryMB)
	for _, problem := range plane.Problems {
		p.out.Printf("              %s", problem)
	}
	return plane.MemoryMB, nil
}

// Kubeconfig writes the stack's kubeconfig to LOCAL_DIR and prints shell commands that make kubectl use it.
func (l Launcher) Kubeconfig(ctx context.Context) error {
	p := l.parts()
	if _, ok, err := p.cloud.Running(ctx); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("no cluster is running: run `%s` first", l.Make("up")))
	}
	path, err := p.tools.CLI(ctx)
	if err != nil {
		return err
	}
	cli, err := p.stack(path)
	if err != nil {
		return err
	}
	if _, err := p.writeKubeconfig(ctx, cli); err != nil {
		return err
	}
	// The tools come after PATH: the user's own kubectl is preferred.
	p.out.Printf("export KUBECONFIG=%s PATH=\"$PATH\":%s",
		environment.Quoted(l.kubeconfigFile()), environment.Quoted(l.ToolsDir()))
	return nil
}

// writeKubeconfig writes the stack's kubeconfig to its file, and returns all outputs of the stack. Unlike the output
// kubeconfig, it works in any shell: it names its command and the local cloud's credentials by their paths.
func (p parts) writeKubeconfig(ctx context.Context, cli pulumicli.CLI) (map[string]any, error) {
	outputs, err := cli.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	cluster, ok := outputs["clusterId"].(string)
	if !ok {
		return nil, fmt.Errorf("the stack has no kubeconfig yet: run `%s`", p.Make("up"))
	}
	cmd := cli.With(ctx, p.tools.Commands(), "kubeconfig", "--cluster-id", cluster, "--service-endpoint", p.Endpoint(),
		"--config-file", p.Path("oci", "config"), "--profile", "DEFAULT", "--auth", "api_key")
	cmd.Env = append(cmd.Env, "PATH=") // on PATH, the command would name itself without its path
	var config bytes.Buffer
	cmd.Stdout = &config
	if err := p.run(cmd); err != nil {
		return nil, fmt.Errorf("kubeconfig of the stack: %w", err)
	}
	return outputs, os.WriteFile(p.kubeconfigFile(), config.Bytes(), 0o600)
}

// PrintEnv prints shell commands that direct Pulumi and OCI clients to the local cloud.
func (l Launcher) PrintEnv(context.Context) error {
	variables, err := l.CloudVariables(l.ToolsDir())
	if err != nil {
		return err
	}
	for _, kv := range variables {
		name, value, _ := strings.Cut(kv, "=")
		fmt.Fprintf(l.Out, "export %s=%s\n", name, environment.Quoted(value))
	}
	return nil
}
