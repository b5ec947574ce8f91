package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

var (
	nodeTools    sync.Once
	nodeToolsErr error
)

// newRealStack returns a stack whose nodes run Pods.
func newRealStack(t *testing.T) *stack {
	t.Helper()
	if missing := machine.Missing(); len(missing) > 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run nodes; this machine lacks ", strings.Join(missing, "; "))
		}
		t.Skip("runs nodes, for which this machine lacks ", strings.Join(missing, "; "))
	}
	s := newStack(t)
	s.o.Nodes = environment.Real
	if os.Getenv(builtTools) != "" {
		return s
	}
	nodeTools.Do(func() {
		build := s.o
		build.Prebuilt = false
		nodeToolsErr = build.Build(t.Context())
	})
	s.must(nodeToolsErr)
	return s
}

// written is a line of what app's TestBrowserDeployed writes.
const written = "안녕하세요! 서울에서 왔습니다"

// TestPage signs the guestbook in a browser, through the load balancer. The entry outlives the database's Pod and its
// node, and comes back from a backup; packets need their security rules.
func TestPage(t *testing.T) {
	t.Parallel()
	s := newRealStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "backupSchedule=0 3 * * *", "oci:region=us-ashburn-1",
		"alarmEmails[0]=ops@example.com", "flowLogs[0]=workers", "addons[0]=CertManager", "addons[1]=KubernetesMetricsServer",
		"frontendMaxReplicas=3") // with a metrics server there would be an autoscaler
	s.up()
	page := s.pageURL()
	step(t, "sign", func() {
		if os.Getenv(machinetest.Inside) == "" {
			s.signInBrowser(page)
		} else { // who has no compiler for the test of the browser
			s.sign(page)
		}
		s.hasEntry(page)
	})
	step(t, "the documented commands", func() {
		if said := s.says(s.o.Open); !strings.Contains(said, page) {
			t.Errorf("make open does not print %s: %s", page, said)
		}
		namespace := s.output("namespace")
		s.kubectlMust("logs", "-n", namespace, "deploy/frontend")
		s.kubectlMust("exec", "-n", namespace, "mongo-0", "-c", "mongo", "--", "/probe/guestbook", "probe", "ready")
	})
	step(t, "each frontend has the entry", s.eachFrontendHasEntry)
	step(t, "an entry comes back from a backup", func() {
		empty, backup := s.backups()[0], s.backUp()
		s.restore(empty)
		s.eventually(shortly, "the entry is gone", func() (bool, string) { // a page is kept for a second
			text, err := getPage(page)
			return err == nil && !strings.Contains(text, written), fmt.Sprintf("%v: %s", err, text)
		})
		s.restore(backup)
		s.hasEntry(page)
	})
	step(t, "the guestbook is measured", s.measured)
	step(t, "requests a second", func() { s.rate(page) })
	step(t, "without its rule", func() { s.pageNeedsItsRule(page) })
	step(t, "the console", s.consoleInBrowser)
	step(t, "kubectl top", s.top)
	step(t, "an update, and a node that is drained and replaced, lose no request", func() {
		s.losesNothing(page, func() {
			s.updateImage()
			s.drainOther()
		})
	})
	step(t, "the database's Pod is deleted", func() {
		s.kubectlMust("delete", "pod", "-n", s.output("namespace"), "mongo-0")
		s.databaseIsReady()
		s.hasEntry(page)
	})
	step(t, "its instance is terminated", func() {
		s.nodeIsGone(s.terminateDatabaseNode())
		s.databaseIsReady()
		s.hasEntry(page)
	})
	step(t, "down", func() {
		s.deleteBackups()
		s.must(s.o.Down(t.Context()))
		if left := s.processes(); len(left) > 0 {
			t.Errorf("running:\n%s", strings.Join(left, "\n"))
		}
		if groups := s.controlGroups(); len(groups) > 0 {
			t.Errorf("control groups %v", groups)
		}
	})
}

// TestPageOfAnOrdinaryUser does the same as a user who is not root. It takes as long again, and runs only if it is
// named. TestKillsOfAnOrdinaryUser always runs, and signs the guestbook too.
func TestPageOfAnOrdinaryUser(t *testing.T) {
	if !strings.Contains(flag.Lookup("test.run").Value.String(), t.Name()) {
		t.Skip("make e2e RUN=" + t.Name() + " runs it")
	}
	rerunAsOrdinaryUser(t, "TestPage")
}

// rerunAsOrdinaryUser runs a test with real nodes once more as a user who is not root.
func rerunAsOrdinaryUser(t *testing.T, test string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip(test + " does the same")
	}
	t.Parallel()
	s := newRealStack(t)
	// Images that were built here are their builder's.
	if out, err := exec.CommandContext(t.Context(), "chmod", "-R", "a+rX", s.o.Bin).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	machinetest.Rerun(t, test, machinetest.Machine{User: true}, builtTools+"="+s.o.Bin, kills+"="+os.Getenv(kills))
}

// signInBrowser has app's test sign the guestbook in a browser.
func (s *stack) signInBrowser(page string) {
	s.t.Helper()
	browser := exec.CommandContext(s.t.Context(), "go", "test", "-count=1", "-run", "^TestBrowserDeployed$", ".")
	browser.Dir = s.o.Root + "/app"
	browser.Env = append(os.Environ(), "GUESTBOOK_URL="+page)
	if out, err := browser.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// sign signs the guestbook without a browser.
func (s *stack) sign(page string) {
	s.t.Helper()
	token := strings.Repeat("A", 22)
	form := url.Values{"token": {token}, "form": {token}, "name": {"Ada"}, "message": {written}}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, page+"/", strings.NewReader(form.Encode()))
	s.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "guestbook_token", Value: token})
	resp, err := http.DefaultClient.Do(r)
	s.must(err)
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		s.t.Fatalf("sign: %s: %s", resp.Status, text)
	}
}

// pageURL is where this machine reaches the load balancer.
func (s *stack) pageURL() string {
	s.t.Helper()
	var status struct{ LoadBalancers []struct{ Local string } }
	s.read("/admin/status", &status)
	if len(status.LoadBalancers) != 1 {
		s.t.Fatalf("load balancers: %+v", status)
	}
	return "http://" + status.LoadBalancers[0].Local
}

// hasEntry waits until the page has the entry.
func (s *stack) hasEntry(page string) {
	s.t.Helper()
	s.eventually(3*time.Minute, "the page with the entry", func() (bool, string) {
		text, err := getPage(page)
		return strings.Contains(text, written), fmt.Sprintf("%v: %s", err, text)
	})
}

// getPage returns a page by a connection of its own.
func getPage(address string) (string, error) {
	client := http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// pageNeedsItsRule takes away the rules that let the load balancer to the nodes, and puts them back.
func (s *stack) pageNeedsItsRule(page string) {
	s.t.Helper()
	rest, path := s.rest(), core+"/securityLists/"+s.id(listType, workers)
	var list object
	s.get(rest, path, &list)
	rules := list["ingressSecurityRules"].([]any)
	fromBalancers := s.balancersCIDR(rest)
	others := slices.DeleteFunc(slices.Clone(rules), func(r any) bool { return r.(object)["source"] == fromBalancers })
	if len(others) == len(rules) {
		s.t.Fatalf("no rule from %s in %v", fromBalancers, rules)
	}
	put := func(rules []any) {
		_, err := rest.Do(s.t.Context(), http.MethodPut, path, nil, object{"ingressSecurityRules": rules}, nil)
		s.must(err)
	}
	if port, said := s.droppedForWantOfARule(); port != "" {
		s.t.Errorf("with all rules make flows says:\n%s", said)
	}
	put(others)
	s.eventually(shortly, "no page without the rule", func() (bool, string) {
		text, err := getPage(page)
		return !strings.Contains(text, written), fmt.Sprintf("%v: %s", err, text)
	})
	// Packets are dropped: the load balancer gets no refusal either.
	s.eventually(shortly, "the load balancer's checks time out", func() (bool, string) {
		var view struct {
			LoadBalancers []struct {
				Backends []struct{ Name, Result string }
			}
		}
		s.read("/admin/overview", &view)
		backends := view.LoadBalancers[0].Backends
		other := slices.ContainsFunc(backends, func(b struct{ Name, Result string }) bool { return b.Result != "TIMED_OUT" })
		return len(backends) > 0 && !other, fmt.Sprintf("%+v", backends)
	})
	s.flowsNameTheRule()
	put(rules)
	s.hasEntry(page)
}

// workers is the name of the workers' subnet, of its security list and, with -flows, of its flow log.
const workers = "oke-guestbook-local-workers"

// missingRule is what `make flows` prints of a packet to the workers that the load balancer's rule would have let pass.
var missingRule = regexp.MustCompile(`-> 10\.0\.\S+ TCP \d+, in\n +missing: an ingress rule of subnet ` + workers +
	` for TCP (\d+) `)

// droppedForWantOfARule asks `make flows` for a port of the workers to which packets were dropped for want of a rule,
// "" if there is none. It returns what was printed, too.
func (s *stack) droppedForWantOfARule() (port, said string) {
	s.t.Helper()
	said = s.says(func(ctx context.Context) error { return s.o.Flows(ctx, []string{"--subnet", workers}) })
	if found := missingRule.FindStringSubmatch(said); found != nil {
		port = found[1]
	}
	return port, said
}

// flowsNameTheRule finds the load balancer's checks that the workers' security list drops: by `make flows` with the
// rule that is missing, and in the subnet's flow log by Logging's search.
func (s *stack) flowsNameTheRule() {
	s.t.Helper()
	var port string
	s.eventually(shortly, "make flows says which rule is missing", func() (ok bool, said string) {
		port, said = s.droppedForWantOfARule()
		return port != "", said
	})
	log := strings.Join([]string{
		oci.CompartmentID, s.id("oci:Logging/logGroup:LogGroup", "oke-guestbook-local-flows"),
		s.id("oci:Logging/log:Log", workers+"-flows"),
	}, "/")
	query := fmt.Sprintf(`search "%s" | where data.action = 'REJECT' and data.destinationPort = %s`, log, port)
	s.eventually(shortly, "the flow log has it", func() (bool, string) {
		var found struct{ Results []object }
		now := time.Now().UTC()
		_, err := s.rest().Do(s.t.Context(), http.MethodPost, "/20190909/search", nil, object{
			"searchQuery": query, "timeEnd": now.Add(time.Minute).Format(time.RFC3339),
			"timeStart": now.Add(-10 * time.Minute).Format(time.RFC3339),
		}, &found)
		s.must(err)
		return len(found.Results) > 0, "it is empty"
	})
}

// eachFrontendHasEntry asks each Pod of the frontend itself: kubectl forwards a port to it.
func (s *stack) eachFrontendHasEntry() {
	s.t.Helper()
	b := book{s, s.output("namespace")}
	var pods list[pod]
	s.kubectl(&pods, "get", "pods", "-n", b.namespace, "-l", "app.kubernetes.io/component=frontend")
	if len(pods.Items) < 2 {
		s.t.Errorf("want two frontends at least, got %+v", pods.Items)
	}
	for _, p := range pods.Items {
		if text, err := getPage(b.forward("pod/"+p.Metadata.Name, 8080)); err != nil || !strings.Contains(text, written) {
			s.t.Errorf("%s: %v: %s", p.Metadata.Name, err, text)
		}
	}
}

// top asks for what nodes and Pods use. Only control groups measure that.
func (s *stack) top() {
	s.t.Helper()
	if os.Getenv(machinetest.Inside) != "" {
		s.t.Log("an ordinary user may have no control groups")
		return
	}
	namespace := s.output("namespace")
	for _, tc := range []struct{ args, want []string }{
		{[]string{"nodes"}, []string{s.databaseNode()}},
		{[]string{"pods", "-n", namespace}, []string{"mongo-0", "frontend-"}},
	} {
		s.eventually(2*time.Minute, "kubectl top "+tc.args[0], func() (bool, string) {
			out, err := s.kubectlCommand(append([]string{"top"}, tc.args...)...).CombinedOutput()
			for _, name := range tc.want {
				measured := regexp.MustCompile(`(?m)^` + name + `\S* +\d+m +(\d+% +)?[1-9]\d*Mi`)
				if err != nil || !measured.Match(out) {
					return false, fmt.Sprintf("%v: %s", err, out)
				}
			}
			return true, ""
		})
	}
}

func (s *stack) balancersCIDR(rest *ociclient.Client) string {
	s.t.Helper()
	var subnet struct{ CidrBlock string }
	s.get(rest, core+"/subnets/"+s.id(subnetType, "oke-guestbook-local-publicLoadBalancers"), &subnet)
	return subnet.CidrBlock
}

// databaseIsReady waits until the database's Pod is ready.
func (s *stack) databaseIsReady() {
	s.t.Helper()
	namespace := s.output("namespace")
	s.eventually(3*time.Minute, "the database's Pod is ready", func() (bool, string) {
		var pods list[pod]
		s.kubectl(&pods, "get", "pods", "-n", namespace)
		for _, p := range pods.Items {
			if p.Metadata.Name == "mongo-0" {
				return p.ready(), fmt.Sprintf("%+v", p.Status)
			}
		}
		return false, "there is none"
	})
}

// terminateDatabaseNode has Compute terminate the instance of the database's Pod, and returns its id. Its node pool
// replaces it.
func (s *stack) terminateDatabaseNode() string {
	s.t.Helper()
	var n node
	s.kubectl(&n, "get", "node", s.databaseNode())
	_, err := s.rest().Do(s.t.Context(), http.MethodDelete, core+"/instances/"+n.Spec.ProviderID, nil, nil, nil)
	s.must(err)
	return n.Spec.ProviderID
}

func (s *stack) kubectlMust(args ...string) {
	s.t.Helper()
	if out, err := s.kubectlCommand(args...).CombinedOutput(); err != nil {
		s.t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
}
