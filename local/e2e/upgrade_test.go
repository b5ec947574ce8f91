package e2e

import (
	"bytes"
	"context"
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
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// rehearse gives the stack the settings of another stack of the repository, as make rehearsal writes them.
func (s *stack) rehearse(name string) {
	s.t.Helper()
	dir := s.t.TempDir()
	for _, file := range []string{"Pulumi.yaml", "Pulumi.local.yaml", "Pulumi." + name + ".yaml"} {
		data, err := os.ReadFile(filepath.Join(s.o.Root, file))
		s.must(err)
		s.must(os.WriteFile(filepath.Join(dir, file), data, 0o600))
	}
	oke := exec.CommandContext(s.t.Context(), filepath.Join(s.o.Bin, "oke"), "rehearsal", "-C", dir, "--stack", name)
	if out, err := oke.CombinedOutput(); err != nil {
		s.t.Fatalf("oke rehearsal: %v\n%s", err, out)
	}
	config, err := os.ReadFile(filepath.Join(dir, "Pulumi.rehearsal.yaml"))
	s.must(err)
	own, err := os.ReadFile(s.config)
	s.must(err)
	const salt = "encryptionsalt:"
	_, value, _ := bytes.Cut(own, []byte(salt))
	s.must(os.WriteFile(s.config, slices.Concat(config, []byte(salt), value), 0o600))
}

// configure changes settings by path, each "key=value".
func (s *elsewhere) configure(pairs ...string) {
	s.t.Helper()
	args := []string{"config", "set-all", "--path"}
	for _, pair := range pairs {
		args = append(args, "--plaintext", pair)
	}
	s.succeeds(args...)
}

// succeeds runs a command of Pulumi's CLI, and returns what it prints.
func (s *elsewhere) succeeds(args ...string) string {
	s.t.Helper()
	if args[0] == "up" || args[0] == "destroy" {
		args = append(args, "--yes", "--skip-preview")
	}
	out, err := s.command(args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("pulumi %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// rehearsal returns Pulumi's commands of the block in docs/operations.md, without the name of the stack.
func rehearsal(t *testing.T) (commands [][]string) {
	t.Helper()
	blocks := block.FindAllStringSubmatch(readDocument(t, "docs/operations.md"), -1)
	if len(blocks) != 1 {
		t.Fatalf("docs/operations.md has %d blocks to be run, want 1", len(blocks))
	}
	for _, command := range commandsIn(blocks[0][0]) {
		if args, is := strings.CutPrefix(command, "pulumi "); is {
			commands = append(commands, strings.Fields(strings.Replace(args, "-s rehearsal", "", 1)))
		}
	}
	if len(commands) != 8 || commands[2][0] != "up" || commands[5][0] != "up" {
		t.Fatalf("docs/operations.md rehearses by %v", commands)
	}
	return commands
}

// TestUpgrade runs the rehearsal of docs/operations.md with the settings of stack prod: from one minor version to the
// next, with a node pool of each way of cycling, while the disruption budgets hold. The nodes of another pool, of size
// 0, follow the Pods.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	s := newElsewhere(t, "upgrade", directory(t))
	s.rehearse("prod")
	s.configure("bastionAllowedCidrs[0]=203.0.113.0/24", "frontendImage=registry.local/guestbook:v1",
		"nodePools[1].name=still", "nodePools[1].size=2", "nodePools[1].shape=VM.Standard.E5.Flex", "nodePools[1].ocpus=2",
		"nodePools[1].memoryGb=16", "nodePools[1].cycleBy=boot-volume", "nodePools[1].maxUnavailable=50%",
		"nodePools[2].name=burst", "nodePools[2].size=0", "nodePools[2].shape=VM.Standard.E5.Flex", "nodePools[2].ocpus=1",
		"nodePools[2].memoryGb=8", "nodePools[2].labels.pool=burst")
	commands := rehearsal(t)[1:] // newElsewhere has run the first
	expect := func(want string) {
		t.Helper()
		if got := strings.TrimSpace(s.succeeds("stack", "output", "kubernetesVersion")); got != want {
			t.Fatalf("the cluster has %s, want %s", got, want)
		}
	}

	step(t, "the present version", func() {
		s.succeeds(commands[0]...)
		s.succeeds(commands[1]...)
		expect(older)
		s.succeeds("config", "rm", "kubernetesVersion")
	})
	step(t, "somebody renames the cluster and a pool, which keep their version", s.keepsRenamed)
	before := s.nodes("workers", "still", "burst")
	step(t, "the next version, while the budgets hold", func() {
		s.succeeds(commands[2]...)
		if shown := s.succeeds(commands[3]...); strings.Contains(shown, "replace") {
			t.Errorf("the preview shows a replacement:\n%s", shown)
		}
		stop := s.sampleBudgets("guestbook")
		s.succeeds(commands[4]...)
		stop()
		expect(newer)
		s.succeeds("preview", "--expect-no-changes", "--diff")
	})
	step(t, "one pool has other instances, one the same", func() {
		after := s.nodes("workers", "still", "burst")
		for name, size := range map[string]int{"workers": 3, "still": 2, "burst": 0} {
			if len(after[name]) != size {
				t.Errorf("pool %s has %v, want %d nodes", name, after[name], size)
			}
			for id, version := range after[name] {
				if _, kept := before[name][id]; kept != (name == "still") || version != newer {
					t.Errorf("pool %s: node %s, kept %t, has %s", name, id, kept, version)
				}
			}
		}
	})
	runs := func(pool string, want ...string) {
		t.Helper()
		if got := slices.Sorted(maps.Values(s.nodes(pool)[pool])); !slices.Equal(got, want) {
			t.Errorf("the nodes of %s have %v, want %v", pool, got, want)
		}
	}
	step(t, "a pool goes back to the earlier version", func() {
		s.configure("nodePools[0].kubernetesVersion=" + older)
		s.succeeds("up")
		runs("workers", older, older, older)
		runs("still", newer, newer)
		expect(newer)
		s.succeeds("config", "rm", "--path", "nodePools[0].kubernetesVersion")
	})
	step(t, "no way back for the control plane", func() {
		s.configure("kubernetesVersion=" + older)
		out, err := s.command("preview").CombinedOutput()
		if err == nil || !slices.ContainsFunc(strings.Split(string(out), "\n"), func(line string) bool {
			return reports(line, "kubernetesVersion "+newer+" back "+older)
		}) {
			t.Errorf("preview: %v\n%s", err, out)
		}
		s.succeeds("config", "rm", "kubernetesVersion")
	})
	step(t, "the nodes of a pool follow the Pods, within its bounds, and the other pool goes forward again", func() {
		s.burst()
		runs("workers", newer, newer, newer)
	})
	step(t, "destroy leaves nothing", func() {
		s.succeeds(commands[5]...)
		s.succeeds(append(commands[6], "--yes")...)
		s.destroyed()
	})
}

// keepsRenamed changes the names of the cluster and of pool workers. An update by the state changes nothing, and one
// with a refresh the names alone.
func (s *elsewhere) keepsRenamed() {
	s.t.Helper()
	var pools map[string]string
	s.must(json.Unmarshal([]byte(s.succeeds("stack", "output", "nodePoolIds")), &pools))
	paths := []string{
		oke + "/clusters/" + strings.TrimSpace(s.succeeds("stack", "output", "clusterId")),
		oke + "/nodePools/" + pools["workers"],
	}
	rest := s.rest()
	named := func() (names []string) {
		for _, path := range paths {
			var found struct{ Name, LifecycleState string }
			s.eventually(time.Minute, path+" is active", func() (bool, string) {
				s.get(rest, path, &found)
				return found.LifecycleState == "ACTIVE", found.LifecycleState
			})
			names = append(names, found.Name)
		}
		return names
	}
	names, nodes := named(), s.nodes("workers")
	for _, path := range paths {
		_, err := rest.Do(s.t.Context(), http.MethodPut, path, nil, object{"name": "renamed"}, nil)
		s.must(err)
		named() // a pool is not changed while its cluster is
	}
	if got := named(); !slices.Equal(got, []string{"renamed", "renamed"}) {
		s.t.Fatalf("cluster and pool are called %q", got)
	}
	s.succeeds("preview", "--expect-no-changes", "--diff")
	out := s.succeeds("up", "--refresh")
	if got, after := named(), s.nodes("workers"); !slices.Equal(got, names) || !maps.EqualFunc(after, nodes, maps.Equal) {
		s.t.Errorf("cluster and pool are called %q, want %q; the nodes were %v and are %v", got, names, nodes, after)
	}
	more := regexp.MustCompile(`[-+] *\d+ (created|deleted|replaced)`)
	if !strings.Contains(out, "~ 2 updated") || more.MatchString(out) {
		s.t.Errorf("an update with a refresh changes more than the names:\n%s", out)
	}
}

// nodes returns the versions of the nodes of pools by their instances, by pool.
func (s *elsewhere) nodes(pools ...string) map[string]map[string]string {
	s.t.Helper()
	var ids map[string]string
	s.must(json.Unmarshal([]byte(s.succeeds("stack", "output", "nodePoolIds")), &ids))
	found := map[string]map[string]string{}
	for _, name := range pools {
		var pool struct {
			Nodes []struct{ ID, KubernetesVersion string }
		}
		s.get(s.rest(), oke+"/nodePools/"+ids[name], &pool)
		found[name] = map[string]string{}
		for _, n := range pool.Nodes {
			found[name][n.ID] = n.KubernetesVersion
		}
	}
	return found
}

// sampleBudgets reads the disruption budgets of a namespace all the time until stop, which fails the test if one was
// broken, or if no Pod was ever evicted.
func (s *elsewhere) sampleBudgets(namespace string) (stop func()) {
	s.t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(s.writeKubeconfig())
	s.must(err)
	config.ExecProvider.Command = filepath.Join(s.o.Bin, config.ExecProvider.Command)
	config.ExecProvider.Env = []api.ExecEnvVar{{Name: "OCI_CLI_CONFIG_FILE", Value: s.o.Path("oci", "config")}}
	client, err := rest.HTTPClientFor(config)
	s.must(err)
	type budget struct {
		Metadata meta
		Status   struct{ CurrentHealthy, DesiredHealthy, ExpectedPods int }
	}
	url := config.Host + "/apis/policy/v1/namespaces/" + namespace + "/poddisruptionbudgets"
	ctx, cancel := context.WithCancel(s.t.Context())
	samples, evictions, broken := 0, 0, map[string]bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			var found list[budget]
			resp, err := client.Get(url)
			if err != nil {
				continue // the API server restarts with the control plane's new version
			}
			err = errors.Join(json.NewDecoder(resp.Body).Decode(&found), resp.Body.Close())
			if err != nil || resp.StatusCode != http.StatusOK {
				continue
			}
			samples++
			for _, b := range found.Items {
				if b.Status.CurrentHealthy < b.Status.ExpectedPods {
					evictions++
				}
				if b.Status.CurrentHealthy < b.Status.DesiredHealthy {
					broken[fmt.Sprintf("%s: %+v", b.Metadata.Name, b.Status)] = true
				}
			}
		}
	}()
	return func() {
		s.t.Helper()
		cancel()
		<-done
		s.t.Logf("%d samples of the budgets, Pods were missing in %d", samples, evictions)
		if len(broken) > 0 || samples < 50 || evictions == 0 {
			s.t.Errorf("broken budgets: %v", broken)
		}
	}
}

// burst has the autoscaler add nodes to the pool of that name, which has none, for Pods of which each fills a node.
func (s *elsewhere) burst() {
	s.t.Helper()
	s.configure("nodePools[2].minSize=0", "nodePools[2].maxSize=2",
		"addonOptions.ClusterAutoscaler.configuration.scaleDownUnneededTime=1m",
		"addonOptions.ClusterAutoscaler.configuration.scaleDownDelayAfterAdd=1m")
	s.succeeds("up")
	pods := object{
		"replicas": 3, "selector": object{"matchLabels": object{"app": "big"}},
		"template": object{"metadata": object{"labels": object{"app": "big"}}, "spec": object{
			"nodeSelector": object{"pool": "burst"},
			"containers": []any{object{
				"name": "main", "image": "registry.local/big:v1",
				"resources": object{"requests": object{"cpu": "1200m"}},
			}},
		}},
	}
	big := object{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": pods,
		"metadata": object{"name": "big", "namespace": "default"},
	}
	s.kubectlWith("apply", big)
	ready := func(want int) func() (bool, string) {
		return func() (bool, string) {
			size := len(s.nodes("burst")["burst"])
			running := (book{s.stack, "default"}).one("deployment", "big").Status.ReadyReplicas
			return size == want && running == want, fmt.Sprintf("%d nodes, %d Pods", size, running)
		}
	}
	s.eventually(time.Minute, "two nodes for three Pods", ready(2))
	s.succeeds("preview", "--expect-no-changes", "--diff") // the autoscaler's sizes are no changes
	if reached, text := ready(2)(); !reached {
		s.t.Errorf("beyond the pool's maximum: %s", text)
	}
	s.kubectlWith("delete", big)
	s.eventually(time.Minute, "no node without Pods", func() (bool, string) {
		found := s.nodes("burst")["burst"]
		return len(found) == 0, fmt.Sprint(found)
	})
}
