package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/ociclient"
)

// elsewhere is a stack of a user's own on the local cloud, in a backend of their own, which variables name.
type elsewhere struct {
	*stack
	name    string
	backend []string
}

// command returns a command of Pulumi's CLI on the stack.
func (s *elsewhere) command(args ...string) *exec.Cmd {
	s.t.Helper()
	return s.here(s.stack.command(append(args, "--stack", s.name, "--non-interactive")...))
}

// here directs a command to the stack's backend.
func (s *elsewhere) here(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = append(cmd.Env, s.backend...)
	return cmd
}

// exported returns the stack's state.
func (s *elsewhere) exported() string {
	s.t.Helper()
	var stderr bytes.Buffer
	cmd := s.command("stack", "export")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("stack export: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// oke runs the command oke on the stack, and returns its output and its exit status.
func (s *elsewhere) oke(args ...string) (said string, status int) {
	s.t.Helper()
	cmd := s.stack.command("version") // for its environment
	args = append(args, "--stack", s.name, "--config-file", s.config)
	oke := exec.CommandContext(s.t.Context(), filepath.Join(s.o.Bin, "oke"), args...)
	oke.Dir, oke.Env = cmd.Dir, cmd.Env
	out, err := s.here(oke).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return string(out), oke.ProcessState.ExitCode()
}

// recovers runs oke recover, which must say each of the parts.
func (s *elsewhere) recovers(args []string, parts ...string) {
	s.t.Helper()
	args = append([]string{"recover"}, args...)
	before := s.exported()
	shown, status := s.oke(args...)
	after := s.exported()
	if status != 1 || !strings.Contains(shown, "add --yes") || before != after {
		s.t.Errorf("without the consent: status %d, changed %v\n%s", status, before != after, shown)
	}
	said, status := s.oke(append(args, "--yes")...)
	if status != 0 || !strings.Contains(said, "stack "+s.name+" is recovered") {
		s.t.Fatalf("recover: status %d\n%s", status, said)
	}
	for _, part := range parts {
		if !strings.Contains(shown, part) {
			s.t.Errorf("recover does not say %q:\n%s", part, shown)
		}
	}
	said, status = s.oke("recover")
	for _, part := range []string{"no command was interrupted", "this backend does not show locks"} {
		if status != 0 || !strings.Contains(said, part) {
			s.t.Errorf("a second recover, which must say %q: status %d\n%s", part, status, said)
		}
	}
}

// locked expects an update and a recovery to be refused by the lock of a process that was killed.
func (s *elsewhere) locked(holder int) {
	s.t.Helper()
	if out, err := s.up(); err == nil || !strings.Contains(out, fmt.Sprintf("(pid %d)", holder)) {
		s.t.Errorf("an update after one that was killed: %v\n%s", err, out)
	}
	said, status := s.oke("recover", "--yes")
	if status == 0 || !strings.Contains(said, fmt.Sprintf("locked by process %d of ", holder)) ||
		!strings.Contains(said, "which was killed: add --unlock") {
		s.t.Errorf("recover with the lock of a process that was killed: status %d\n%s", status, said)
	}
}

// upLog is the file with the output of upUntil.
func (s *elsewhere) upLog() string { return filepath.Join(s.o.Dir, "up.log") }

// upUntil runs pulumi up until the cloud is as wanted, and then sends it the signal. It returns the number of the
// process.
func (s *elsewhere) upUntil(signal syscall.Signal, what string, reached func() (bool, string)) int {
	s.t.Helper()
	out, err := os.Create(s.upLog())
	s.must(err)
	defer out.Close()
	cmd := s.command("up", "--yes", "--skip-preview")
	cmd.Stdout, cmd.Stderr = out, out
	s.must(cmd.Start())
	said := func() string { text, _ := os.ReadFile(s.upLog()); return string(text) }
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	s.eventually(2*time.Minute, what, func() (bool, string) {
		select {
		case <-ended:
			s.t.Fatalf("up ended before %s:\n%s", what, said())
		default:
		}
		return reached()
	})
	target := cmd.Process.Pid
	if signal == syscall.SIGKILL {
		target = -target // its children, too
	}
	s.must(syscall.Kill(target, signal))
	<-ended
	if cmd.ProcessState.Success() {
		s.t.Fatalf("up succeeded before the signal:\n%s", said())
	}
	return cmd.Process.Pid
}

// has is reached once the cloud has a resource of the kind.
func (s *elsewhere) has(kind string) func() (bool, string) {
	return func() (bool, string) { return s.inventory()[kind] > 0, fmt.Sprint(s.inventory()) }
}

// client returns a client of the cloud, with the credentials of its user.
func (s *elsewhere) client() *ociclient.Client {
	s.t.Helper()
	for _, kv := range s.stack.command("version").Env {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OCI_") {
			s.t.Setenv(name, value)
		}
	}
	credentials, err := ociclient.CredentialsFromEnv()
	s.must(err)
	client, err := ociclient.New(s.o.Endpoint(), credentials)
	s.must(err)
	return client
}

// directory returns the variable by which Pulumi keeps states in a new directory. Metadata is left out: a kill may
// truncate its file, and then Pulumi does not read the state.
func directory(t *testing.T) []string {
	t.Helper()
	return []string{"PULUMI_BACKEND_URL=file://" + t.TempDir() + "?metadata=skip"}
}

func newElsewhere(t *testing.T, name string, backend []string) *elsewhere {
	t.Helper()
	s := &elsewhere{newStack(t), name, backend}
	s.must(s.o.Prepare(t.Context()))
	t.Cleanup(func() { // stack init writes the salt of the stack's secrets to it
		_ = os.Remove(filepath.Join(s.o.Root, "Pulumi."+s.name+".yaml"))
	})
	if out, err := s.command("stack", "init").CombinedOutput(); err != nil {
		t.Fatalf("stack init: %v\n%s", err, out)
	}
	return s
}

// A stack of any name in any backend is recovered: here, one that make up knows nothing of, with its state in a bucket.
// TestKilledUpIsContinued has its state in a directory.
func TestAnyStackIsRecovered(t *testing.T) {
	s := newElsewhere(t, "acceptance", objectStorage(t))
	step(t, "killed while it creates a cluster", func() {
		s.locked(s.upUntil(syscall.SIGKILL, "a cluster", s.has("cluster")))
		s.recovers([]string{"--unlock"}, "creating Cluster oke-guestbook-acceptance: it exists")
	})
	client := s.client()
	recovered := func() {
		if said, status := s.oke("recover", "--yes"); status != 0 {
			t.Fatalf("recover: status %d\n%s", status, said)
		}
	}
	step(t, "no capacity for a node pool", func() {
		s.fault(`{"workRequest": "NODEPOOL_CREATE", "count": 1, "message": "Out of host capacity."}`)
		began := time.Now()
		out, err := s.command("up", "--yes", "--skip-preview").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "Out of host capacity.") {
			t.Fatalf("up: %v\n%s", err, out)
		}
		if took := time.Since(began); took > time.Minute { // nothing waits for nodes that are not made
			t.Errorf("up ended after %s", took)
		}
		if again, err := s.up(); err == nil || !strings.Contains(again, "NotAuthorizedOrNotFound") { // the pool is gone
			t.Errorf("the next up: %v\n%s", err, again)
		}
		s.recovers(nil, "NodePool oke-guestbook-acceptance-workers failed half-way: read it again")
	})
	step(t, "cancelled while it creates a node pool", func() {
		s.upUntil(syscall.SIGINT, "a node pool", s.has("nodepool"))
		recovered()
	})
	failed := func() (bool, string) {
		states := slices.Collect(maps.Values(s.balancers(client)))
		return slices.Equal(states, []string{"FAILED"}), fmt.Sprint(states)
	}
	step(t, "cancelled with a network load balancer that has failed", func() {
		s.configure("loadBalancerType=nlb")
		s.fault(`{"workRequest": "CREATE_NETWORK_LOAD_BALANCER", "count": 1, "message": "no capacity"}`)
		s.upUntil(syscall.SIGINT, "a failed network load balancer", failed)
		if said, status := s.oke("recover", "--yes"); status != 0 || len(s.balancers(client)) > 0 {
			t.Fatalf("recover: status %d, load balancers %v\n%s", status, s.balancers(client), said)
		}
		s.configure("loadBalancerType=lb")
	})
	step(t, "cancelled with a load balancer that has failed", func() {
		s.fault(`{"workRequest": "CreateLoadBalancer", "count": 1, "message": "no capacity"}`)
		s.upUntil(syscall.SIGINT, "a failed load balancer", failed)
		s.recovers(nil, "Service guestbook-frontend: its load balancer is in state FAILED")
	})
	step(t, "up converges, and has made nothing twice", func() {
		out, err := s.up()
		if err != nil && s.o.Plugins == environment.Official && strings.Contains(out, exists) {
			s.takesOver() // what the cancellation has cut off
			out, err = s.up()
		}
		if err != nil {
			t.Fatalf("up: %v\n%s", err, out)
		}
		got := s.inventory()
		for _, kind := range []string{"vcn", "cluster", "nodepool", "loadbalancer"} {
			if got[kind] != 1 {
				t.Errorf("the cloud holds %v", got)
			}
		}
		if out, err := s.command("preview", "--expect-no-changes", "--diff").CombinedOutput(); err != nil {
			t.Errorf("preview: %v\n%s", err, out)
		}
	})
	step(t, "an object that exists and is not in the state", func() {
		deployment := regexp.MustCompile(`urn:[^"]*apps/v1:Deployment::[^"]*`).FindString(s.exported())
		if out, err := s.command("state", "delete", "--yes", deployment).CombinedOutput(); err != nil {
			t.Fatalf("state delete: %v\n%s", err, out)
		}
		if out, err := s.up(); err == nil || !strings.Contains(out, exists) {
			t.Errorf("up: %v\n%s", err, out)
		}
		s.takesOver()
	})
	step(t, "drift", func() { s.drifts(client) })
	if out, err := s.command("destroy", "--yes", "--skip-preview", "--refresh").CombinedOutput(); err != nil {
		t.Fatalf("destroy: %v\n%s", err, out)
	}
	s.destroyed()
}

// exists is what up says of an object that is in the cluster and not in the state.
const exists = "already exists in the cluster"

// up runs pulumi up with more variables, and returns what it prints.
func (s *elsewhere) up(env ...string) (string, error) {
	s.t.Helper()
	cmd := s.command("up", "--yes", "--skip-preview")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// takesOver runs pulumi up as docs/troubleshooting.md has it for objects that exist.
func (s *elsewhere) takesOver() {
	s.t.Helper()
	if out, err := s.up("PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true"); err != nil {
		s.t.Fatalf("up: %v\n%s", err, out)
	}
}

// balancers returns the states of the load balancers of both types, by id.
func (s *elsewhere) balancers(client *ociclient.Client) map[string]string {
	s.t.Helper()
	paths := map[string]string{
		"loadbalancer": "/20170115/loadBalancers/", "networkloadbalancer": "/20200501/networkLoadBalancers/",
	}
	states := map[string]string{}
	for _, item := range s.inventoryItems() {
		path, ok := paths[item.Kind]
		if !ok {
			continue
		}
		var balancer struct{ LifecycleState string }
		if _, err := client.Do(s.t.Context(), http.MethodGet, path+item.ID, nil, nil, &balancer); err == nil {
			states[item.ID] = balancer.LifecycleState
		}
	}
	return states
}

// writeKubeconfig writes the stack's kubeconfig to where kubectl takes it from, and returns it.
func (s *elsewhere) writeKubeconfig() []byte {
	s.t.Helper()
	config, err := s.command("stack", "output", "kubeconfig", "--show-secrets").Output()
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.o.Dir, "kubeconfig"), config, 0o600))
	return config
}

// drifts changes things behind Pulumi's back, which oke drift shows.
func (s *elsewhere) drifts(client *ociclient.Client) {
	s.t.Helper()
	if said, status := s.oke("drift"); status != 0 {
		s.t.Fatalf("drift without a change: status %d\n%s", status, said)
	}
	var vcn string
	for id, kind := range s.kindsByID() {
		if kind == "vcn" {
			vcn = id
		}
	}
	body := map[string]string{"displayName": "renamed"}
	if _, err := client.Do(s.t.Context(), http.MethodPut, "/20160918/vcns/"+vcn, nil, body, nil); err != nil {
		s.t.Fatal(err)
	}
	s.writeKubeconfig()
	for _, args := range [][]string{
		{"delete", "poddisruptionbudget", "frontend", "--namespace", "guestbook"},
		{"set", "image", "deployment/frontend", "*=registry.local/guestbook:v2", "--namespace", "guestbook"},
	} {
		if out, err := s.kubectlCommand(args...).CombinedOutput(); err != nil {
			s.t.Fatalf("kubectl %v: %v\n%s", args, err, out)
		}
	}
	before := s.exported()
	said, status := s.oke("drift", "--json")
	after := s.exported()
	if before != after {
		s.t.Error("drift has changed the state")
	}
	listing, _, _ := strings.Cut(said, "\noke: ")
	var found []struct {
		Resource, Property string
		State, Cloud       any
	}
	if err := json.Unmarshal([]byte(listing), &found); err != nil || status != 2 {
		s.t.Fatalf("drift: status %d, %v\n%s", status, err, said)
	}
	var got []string
	for _, d := range found {
		got = append(got, fmt.Sprintf("%s %s: %v, %v", d.Resource, d.Property, d.State, d.Cloud))
	}
	want := []string{
		"Deployment guestbook-frontend spec.template.spec.containers[0].image: " +
			"registry.local/guestbook:v1, registry.local/guestbook:v2",
		"PodDisruptionBudget guestbook-frontend : exists, is gone",
		"Vcn oke-guestbook-acceptance displayName: oke-guestbook-acceptance, renamed",
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		s.t.Errorf("drift shows %q, want %q", got, want)
	}
}
