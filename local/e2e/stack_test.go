// Package e2e runs the program with the real Pulumi engine on the local cloud, through its whole life.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/freeport"
	"oke-guestbook/local/launch"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/pulumifiles"
)

// tools are built once, with toolsErr as the outcome, and are everybody's.
var (
	tools    sync.Once
	toolsErr error
)

// builtTools is the variable with the directory of the tools, for tests of a user who cannot build them.
const builtTools = "E2E_TOOLS"

// Variables that make this binary a command of make, which a test can kill with everything that it started.
const (
	makeTarget  = "E2E_TARGET"
	makeOptions = "E2E_OPTIONS"
)

func TestMain(m *testing.M) {
	text := os.Getenv(makeOptions)
	if text == "" {
		os.Unsetenv("DISPLAY") // of a desktop, where make open would open a browser
		os.Unsetenv("WAYLAND_DISPLAY")
		os.Exit(withoutOCI(m.Run))
	}
	o := launch.Launcher{}
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		o.Out, o.Err = os.Stdout, os.Stderr
		commands := map[string]func(context.Context) error{"up": o.Up, "down": o.Down}
		err = commands[os.Getenv(makeTarget)](context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// withoutOCI runs tests with a PATH without oci, which stacks with tokenCommand auto would prefer to oke.
func withoutOCI(run func() int) (status int) {
	dir, err := os.MkdirTemp("", "")
	if err == nil {
		defer os.RemoveAll(dir)
		path := ""
		if path, err = launchtest.Without(dir, os.Getenv("PATH"), "oci"); err == nil {
			os.Setenv("PATH", path)
			return run()
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// stack is one stack on a local cloud of its own.
type stack struct {
	t         *testing.T
	o         launch.Launcher
	config    string
	log       *bytes.Buffer
	temporary string          // where commands that run as processes of their own put temporary files
	seen      map[string]bool // processes of the stack, by id and start
}

func newStack(t *testing.T) *stack {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	o, err := launch.FromEnv(root)
	if err != nil {
		t.Fatal(err)
	}
	if o.Plugins == "auto" {
		o.Plugins = "local" // no test reaches the internet
	}
	o.Nodes = environment.Simulated // whatever this machine can; newRealStack makes the others
	o.Images = environment.Built    // no test reaches the internet
	o.Bin = o.ToolsDir()            // shared by all tests
	o.Dir = t.TempDir()
	if built := os.Getenv(builtTools); built != "" {
		o.Bin = built
	} else {
		tools.Do(func() { toolsErr = o.Build(t.Context()) })
	}
	if toolsErr != nil {
		t.Fatal(toolsErr)
	}
	o.Prebuilt = true
	o.Port = freePort(t)
	s := &stack{
		t: t, o: o, config: filepath.Join(o.Dir, "Pulumi.local.yaml"), log: new(bytes.Buffer),
		temporary: t.TempDir(), seen: map[string]bool{},
	}
	s.o.ConfigFile = s.config
	s.o.Out = io.MultiWriter(s.log, os.Stdout)
	s.o.Err = s.o.Out
	data, err := os.ReadFile(filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(o.Dir, "localcloudd.log"))
			t.Logf("localcloudd.log:\n%s", log[max(0, len(log)-8000):])
		}
		if err := s.o.Stop(context.Background()); err != nil {
			t.Errorf("stop the local cloud: %v", err)
		}
	})
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) up() {
	s.t.Helper()
	s.must(s.o.Up(s.t.Context()))
}

// pulumi runs the CLI and returns what it printed.
func (s *stack) pulumi(args ...string) (string, error) {
	s.t.Helper()
	cmd := s.command(args...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *stack) command(args ...string) *exec.Cmd {
	s.t.Helper()
	cmd, err := s.o.Command(s.t.Context(), args...)
	s.must(err)
	return cmd
}

// set changes settings of the stack.
func (s *stack) set(args ...string) {
	s.t.Helper()
	if out, err := s.pulumi(append([]string{"config", "set", "--stack", "local"}, args...)...); err != nil {
		s.t.Fatalf("pulumi config set %v: %v\n%s", args, err, out)
	}
}

// unset takes a setting, or a field of one, out of the stack.
func (s *stack) unset(key string) {
	s.t.Helper()
	if out, err := s.pulumi("config", "rm", "--path", "--stack", "local", key); err != nil {
		s.t.Fatalf("pulumi config rm %s: %v\n%s", key, err, out)
	}
}

// unchanged asserts that a preview has nothing to do.
func (s *stack) unchanged(when string) {
	s.t.Helper()
	if out, err := s.pulumi("preview", "--expect-no-changes", "--diff", "--stack", "local"); err != nil {
		s.t.Fatalf("preview %s is not without change: %v\n%s", when, err, out)
	}
}

// changes returns how many resources a preview would touch, by operation.
func (s *stack) changes() map[string]int {
	s.t.Helper()
	cmd := s.command("preview", "--json", "--stack", "local")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("preview: %v\n%s%s", err, out, stderr.String())
	}
	var preview struct {
		ChangeSummary map[string]int `json:"changeSummary"`
	}
	s.must(json.Unmarshal(out, &preview))
	return preview.ChangeSummary
}

// ids maps each resource in the state, by URN, to its id. It reads the engine's file: the CLI takes half a second.
func (s *stack) ids() map[string]string {
	s.t.Helper()
	states, err := pulumifiles.Backend(s.o.StateDir()).Checkpoints("local")
	if s.must(err); len(states) != 1 {
		s.t.Fatalf("want the state of one stack, got %v", states)
	}
	ids := map[string]string{}
	for _, state := range states {
		if len(state.Pending) > 0 {
			s.t.Errorf("pending operations: %s", state.Pending)
		}
		for _, r := range state.Resources {
			if _, twice := ids[r.URN]; twice {
				s.t.Errorf("twice in the state: %s", r.URN)
			}
			ids[r.URN] = r.ID
		}
	}
	return ids
}

// resources returns ids without those that exist after a failed program, too: the stack and the default providers.
func (s *stack) resources() map[string]string {
	s.t.Helper()
	ids := s.ids()
	maps.DeleteFunc(ids, func(urn, _ string) bool {
		defaultProvider := strings.Contains(urn, "::pulumi:providers:") && strings.Contains(urn, "::default")
		return defaultProvider || strings.Contains(urn, "::pulumi:pulumi:Stack::")
	})
	return ids
}

// kubectl runs the command with the stack's kubeconfig and decodes its JSON.
func (s *stack) kubectl(out any, args ...string) {
	s.t.Helper()
	cmd := s.kubectlCommand(append(args, "-o", "json")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("kubectl %v: %v\n%s", args, err, stderr.String())
	}
	s.must(json.Unmarshal(data, out))
}

// kubectlCommand returns kubectl with the stack's kubeconfig, which calls a command with the local cloud's credentials.
func (s *stack) kubectlCommand(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.o.Bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(s.o.Dir, "kubeconfig"),
		"KUBECACHEDIR="+filepath.Join(s.o.Dir, "kubecache"), "PATH="+s.o.Bin+":"+os.Getenv("PATH"),
		"OCI_CLI_CONFIG_FILE="+s.o.Path("oci", "config"))
	return cmd
}

// kindsByID returns the kinds of the resources in the cloud, by id. It returns nil if the cloud does not run.
func (s *stack) kindsByID() map[string]string {
	s.t.Helper()
	resp, err := http.Get(s.o.Endpoint() + "/healthz")
	if err != nil {
		return nil
	}
	resp.Body.Close()
	kinds := map[string]string{}
	for _, item := range s.inventoryItems() {
		kinds[item.ID] = item.Kind
	}
	return kinds
}

// inventoryItems lists the resources in the cloud.
func (s *stack) inventoryItems() (items []struct{ Kind, ID string }) {
	s.t.Helper()
	s.read("/admin/inventory", &items)
	return items
}

// inventory counts the resources in the cloud, by kind.
func (s *stack) inventory() map[string]int {
	s.t.Helper()
	count := map[string]int{}
	for _, item := range s.inventoryItems() {
		count[item.Kind]++
	}
	return count
}

// read reads JSON from the daemon.
func (s *stack) read(path string, out any) {
	s.t.Helper()
	resp, err := http.Get(s.o.Endpoint() + path)
	s.must(err)
	defer resp.Body.Close()
	s.must(json.NewDecoder(resp.Body).Decode(out))
}

// eventually polls until the condition is true. It fails the test with the last text of the condition.
func (s *stack) eventually(limit time.Duration, what string, condition func() (bool, string)) {
	s.t.Helper()
	eventually.Succeeds(s.t, limit, what, func(context.Context) error {
		if ok, text := condition(); !ok {
			return errors.New(text)
		}
		return nil
	})
}

// components are the processes of a control plane.
var components = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// controlPlane lists the running components of this stack's cloud.
func (s *stack) controlPlane() []string {
	s.t.Helper()
	processes := strings.Join(s.processes(), "\n")
	return slices.DeleteFunc(slices.Clone(components), func(c string) bool { return !strings.Contains(processes, c) })
}

// destroyed asserts that neither resources nor control planes are left.
func (s *stack) destroyed() {
	s.t.Helper()
	left := s.inventory()
	for _, kind := range []string{"certificate", "vault", "key"} { // that a test has made; their deletion would take days
		delete(left, kind)
	}
	if len(left) > 0 {
		s.t.Errorf("left in the cloud: %v", left)
	}
	if left := s.controlPlane(); len(left) > 0 {
		s.t.Errorf("running: %v", left)
	}
}

// says runs one of the launcher's commands and returns its output.
func (s *stack) says(command func(context.Context) error) string {
	s.t.Helper()
	start := s.log.Len()
	s.must(command(s.t.Context()))
	return s.log.String()[start:]
}

func (s *stack) destroy() {
	s.t.Helper()
	if out, err := s.pulumi("destroy", "--yes", "--skip-preview", "--stack", "local"); err != nil {
		s.t.Fatalf("destroy: %v\n%s", err, out)
	}
}

// output returns an output of the stack.
func (s *stack) output(name string) string {
	s.t.Helper()
	out, err := s.pulumi("stack", "output", "--stack", "local", name)
	if err != nil {
		s.t.Fatalf("output %s: %v\n%s", name, err, out)
	}
	return strings.TrimSpace(out)
}

// upCommand is `make up` as a process of its own.
func (s *stack) upCommand(o launch.Launcher, env ...string) *exec.Cmd {
	s.t.Helper()
	return s.makeCommand("up", o, env...)
}

// makeCommand is a command of make as a process of its own.
func (s *stack) makeCommand(name string, o launch.Launcher, env ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	s.must(err)
	o.Out, o.Err = nil, nil
	text, err := json.Marshal(o)
	s.must(err)
	cmd := exec.CommandContext(s.t.Context(), self)
	own := []string{"TMPDIR=" + s.temporary, makeTarget + "=" + name, makeOptions + "=" + string(text)}
	cmd.Env = slices.Concat(os.Environ(), own, env)
	return cmd
}

// killOnce runs an update and kills its process group as soon as the cloud has a new resource of the kind.
func (s *stack) killOnce(kind string, cmd *exec.Cmd) {
	s.t.Helper()
	before := s.kindsByID()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := os.Create(filepath.Join(s.o.Dir, "killed.log"))
	s.must(err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	s.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.eventually(2*time.Minute, "a new "+kind, func() (bool, string) {
		select {
		case err := <-ended:
			log, _ := os.ReadFile(out.Name())
			s.t.Fatalf("up ended (%v) before it was killed:\n%s", err, log)
		default:
		}
		held := s.kindsByID()
		for id := range before {
			delete(held, id)
		}
		return slices.Contains(slices.Collect(maps.Values(held)), kind), fmt.Sprint("new in the cloud: ", held)
	})
	s.must(syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
	if err := <-ended; err == nil {
		s.t.Fatal("up succeeded before it was killed")
	}
}

// refused runs up, which must fail and change neither the cloud nor the state. Its output must report each wanted
// problem, written as the setting's key and the values that follow it on the line: "vcnCidr 10.0.0.0/15 /16".
func (s *stack) refused(problems ...string) {
	s.t.Helper()
	// Components have no id. A component that finds a problem is in the state, but not in the cloud.
	made := func() map[string]string {
		resources := s.resources()
		maps.DeleteFunc(resources, func(_, id string) bool { return id == "" })
		return resources
	}
	cloud, state := s.inventory(), made()
	s.log.Reset()
	err := s.o.Up(s.t.Context())
	if err == nil {
		s.t.Fatalf("up succeeded:\n%s", s.log)
	}
	said := fmt.Sprintf("%serror: %v", s.log, err)
	for _, want := range problems {
		if !slices.ContainsFunc(strings.Split(said, "\n"), func(line string) bool { return reports(line, want) }) {
			s.t.Errorf("want a problem %q in\n%s", want, said)
		}
	}
	if after := s.inventory(); !maps.Equal(cloud, after) {
		s.t.Errorf("the cloud held %v and holds %v", cloud, after)
	}
	if after := made(); !maps.Equal(state, after) {
		s.t.Errorf("the state held %v and holds %v", state, after)
	}
}

// reports tells whether a line of output reports a problem, which is a setting's key and values.
func reports(line, problem string) bool {
	fields := strings.Fields(problem)
	_, text, found := strings.Cut(line, fields[0]+": ")
	return found && !slices.ContainsFunc(fields[1:], func(value string) bool { return !strings.Contains(text, value) })
}

// fault injects a fault, in the emulator's JSON format.
func (s *stack) fault(fault string) {
	s.t.Helper()
	resp, err := http.Post(s.o.Endpoint()+"/admin/faults", "application/json", strings.NewReader(fault))
	s.must(err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		answer, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("inject a fault: %s %s", resp.Status, answer)
	}
}
