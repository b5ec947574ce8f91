package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"oke-guestbook/catalog"
)

// passphrase guards the secrets of stack local, which open nothing but this machine's loopback. It belongs to the
// salt in Pulumi.local.yaml; a stack on Oracle Cloud has its own.
const passphrase = "local-cloud"

// Env returns the variables with which Pulumi, or another client of OCI, works on the local cloud.
func (o Options) Env() ([]string, error) {
	config, err := readConfig(o.path("oci", "config"))
	if err != nil {
		return nil, fmt.Errorf("%w; `make up` starts the local cloud", err)
	}
	var overrides []string
	for _, c := range catalog.Clients() {
		overrides = append(overrides, string(c)+"="+o.Endpoint())
	}
	return append(o.pulumiEnv(),
		"CLIENT_HOST_OVERRIDES="+strings.Join(overrides, ";"),
		"OCI_TENANCY_OCID="+config["tenancy"], "OCI_USER_OCID="+config["user"], "OCI_FINGERPRINT="+config["fingerprint"],
		"OCI_REGION="+config["region"], "OCI_PRIVATE_KEY_PATH="+config["key_file"],
		"OCI_CLI_CONFIG_FILE="+o.path("oci", "config"),
	), nil
}

// pulumiEnv keeps the engine's files below the local cloud's directory and away from the user's own.
func (o Options) pulumiEnv() []string {
	return []string{
		"PULUMI_HOME=" + o.path("pulumi"),
		// Without metadata: its file beside each checkpoint is not written in one step, and cut short by a kill it makes the state unreadable.
		"PULUMI_BACKEND_URL=file://" + o.path("state") + "?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE=" + passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PATH=" + o.Bin + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// environ is this process's environment without what would lead the engine elsewhere, and with pulumiEnv.
func (o Options) environ() []string {
	var kept []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name == "PATH" || name == "KUBECONFIG" || name == "CLIENT_HOST_OVERRIDES" ||
			strings.HasPrefix(name, "PULUMI_") || strings.HasPrefix(name, "OCI_") || strings.HasPrefix(name, "TF_VAR_") {
			continue
		}
		kept = append(kept, kv)
	}
	return append(kept, o.pulumiEnv()...)
}

// readConfig reads the keys of an OCI configuration file with one profile.
func readConfig(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	for _, line := range strings.Split(string(data), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			config[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return config, nil
}

// engine runs Pulumi's CLI on the stack.
type engine struct {
	Options
	cli string
}

func (e engine) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	vars, err := e.Env()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, e.cli, args...)
	cmd.Dir = e.Root
	cmd.Env = slices.Concat(e.environ(), vars, collector())
	if e.ConfigFile != "" && slices.Contains([]string{"up", "preview", "refresh", "destroy", "config"}, args[0]) {
		cmd.Args = append(cmd.Args, "--config-file", e.ConfigFile)
	}
	// Ctrl-C asks the engine once to end in order, from here: in this process's group it would come from the terminal too, and
	// the second time is an order to leave everything as it lies.
	// If this process is killed, so is the engine: it would hold the stack's lock against the next command.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	return cmd, nil
}

// show runs a command whose output is for the user.
func (e engine) show(ctx context.Context, args ...string) error {
	cmd, err := e.command(ctx, args...)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = e.Out, e.Err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}

// output runs a command whose output is for this program.
func (e engine) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd, err := e.command(ctx, args...)
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("pulumi %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// selectStack makes the stack if it is new, and frees it from the lock of a command that was killed.
func (e engine) selectStack(ctx context.Context) error {
	if err := os.MkdirAll(e.path("state"), 0o700); err != nil {
		return err
	}
	if _, err := e.output(ctx, "stack", "select", "--create", e.Stack); err != nil {
		return err
	}
	locks, err := filepath.Glob(e.path("state", ".pulumi", "locks", "*", "*", e.Stack, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range locks {
		var lock struct{ PID int }
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &lock)
		}
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		if runsPulumi(lock.PID) {
			return fmt.Errorf("stack %s is in use by process %d; wait until it has ended", e.Stack, lock.PID)
		}
		e.sayf("  free the stack from the lock of process %d, which was killed", lock.PID)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// runsPulumi says whether a process is Pulumi's: the number of one that is gone may be another program's by now.
func runsPulumi(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.Contains(string(name), "pulumi") && alive(pid)
}

// deployment is what matters here of a stack's exported state.
type deployment struct {
	Deployment struct {
		Resources []struct {
			URN        string   `json:"urn"`
			Type       string   `json:"type"`
			InitErrors []string `json:"initErrors"` // why its creation or update failed half-way
			Outputs    struct {
				State any `json:"state"`
			} `json:"outputs"`
		} `json:"resources"`
		Pending []struct {
			Type     string `json:"type"`
			Resource struct {
				URN string `json:"urn"`
			} `json:"resource"`
		} `json:"pending_operations"`
	} `json:"deployment"`
}

// unfinished counts the resources whose last operation failed half-way.
func (d deployment) unfinished() (n int) {
	for _, r := range d.Deployment.Resources {
		if len(r.InitErrors) > 0 {
			n++
		}
	}
	return n
}

// failed lists the clusters in state FAILED.
func (d deployment) failed() (urns []string) {
	for _, r := range d.Deployment.Resources {
		if r.Type == "oci:ContainerEngine/cluster:Cluster" && r.Outputs.State == "FAILED" {
			urns = append(urns, r.URN)
		}
	}
	return urns
}

func (e engine) export(ctx context.Context) (raw []byte, d deployment, err error) {
	if raw, err = e.output(ctx, "stack", "export", "--stack", e.Stack); err != nil {
		return nil, d, err
	}
	return raw, d, json.Unmarshal(raw, &d)
}

// recover brings into the state what a killed command had created without noting it: such a resource would be
// created a second time. What is found in the cloud is put into the state, the rest of the pending list is dropped.
// (The CLI's own --import-pending-creates drops the imported ones too, as of v3.253.0.) A refresh also ends what failed
// half-way: the official provider deletes a node pool that could not be made, and keeps it in the state.
func (e engine) recover(ctx context.Context) error {
	raw, d, err := e.export(ctx)
	if err != nil {
		return err
	}
	switch pending, unfinished := len(d.Deployment.Pending), d.unfinished(); {
	case pending > 0:
		e.sayf("  the last command was cut off with %d operations under way; looking for what they left", pending)
		if err := e.adopt(ctx, raw); err != nil {
			return err
		}
	case unfinished > 0:
		e.sayf("  the last command failed with %d resources unfinished; looking for what became of them", unfinished)
	default:
		return nil
	}
	if err := e.show(ctx, "refresh", "--yes", "--skip-preview", "--stack", e.Stack); err != nil {
		return err
	}
	return e.replaceFailed(ctx)
}

// adopt puts into the state what the pending operations of the exported stack have created.
func (e engine) adopt(ctx context.Context, exported []byte) error {
	vars, err := e.Env()
	if err != nil {
		return err
	}
	find := exec.CommandContext(ctx, filepath.Join(e.Bin, okelocal.name), "recover")
	find.Env = append(e.environ(), vars...)
	find.Stdin, find.Stderr = bytes.NewReader(exported), e.Err
	mended, err := find.Output()
	if err != nil {
		return fmt.Errorf("find what the last command left: %w", err)
	}
	file := e.path("mended.json")
	if err := os.WriteFile(file, mended, 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	_, err = e.output(ctx, "stack", "import", "--stack", e.Stack, "--file", file)
	return err
}

// replaceFailed marks clusters that came to nothing for replacement: OKE keeps them, FAILED, and refuses to change them.
func (e engine) replaceFailed(ctx context.Context) error {
	_, d, err := e.export(ctx)
	if err != nil {
		return err
	}
	for _, urn := range d.failed() {
		e.sayf("  %s has FAILED; it will be replaced", urn)
		if _, err := e.output(ctx, "state", "taint", "--yes", "--stack", e.Stack, urn); err != nil {
			return err
		}
	}
	return nil
}
