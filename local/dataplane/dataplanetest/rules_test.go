package dataplanetest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/dataplane/machine"
)

// rulesAreTried checks that the probe of this machine loads each kind of rules that the network namespaces of nodes and
// routers have. A kernel that lacks one would else have nodes whose Services do not work.
func rulesAreTried(t *testing.T) {
	t.Helper()
	tried := kindsOfRules(t, "--net", "sh", "-c", `echo "$0" | nft -f - && nft --debug=netlink list ruleset`,
		machine.Rules())
	used := map[string]bool{}
	for _, namespace := range networks(t) {
		maps.Copy(used, kindsOfRules(t, "--net="+namespace, "nft", "--debug=netlink", "list", "ruleset"))
	}
	// What the test's Services have: kube-proxy's and the router's rules are among them.
	for _, kind := range []string{"ip numgen", "ip fib saddr type", "ip dynset", "ip log", "ip6 reject"} {
		if !used[kind] {
			t.Errorf("no table of the data plane has %q", kind)
		}
	}
	for kind := range used {
		if !tried[kind] {
			t.Errorf("the probe of this machine does not try %q: add it to machine.ruleKinds", kind)
		}
	}
	t.Logf("kinds of rules: %q", slices.Sorted(maps.Keys(used)))
}

// networks returns the files of the network namespaces below this process, but its own. A process or a descriptor holds
// each.
func networks(t *testing.T) []string {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	must(t, err)
	found := map[string]string{own: ""}
	for pid := range children(os.Getpid()) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		must(t, err)
		for _, file := range append(files, fmt.Sprintf("/proc/%d/ns/net", pid)) {
			name, err := os.Readlink(file)
			if _, known := found[name]; err == nil && !known && strings.HasPrefix(name, "net:[") {
				found[name] = file
			}
		}
	}
	delete(found, own)
	return slices.Collect(maps.Values(found))
}

var (
	ruleOf     = regexp.MustCompile(`^(ip6?) \S+ \S+ \d+`)      // "ip kube-proxy services 12 11"
	expression = regexp.MustCompile(`^  \[ (.*) \]$`)           // "  [ ct load state => reg 1 ]"
	tableOf    = regexp.MustCompile(`^table (ip6?) `)           // "table ip kube-proxy {"
	chainOf    = regexp.MustCompile(`type (\w+ hook \w+) prio`) // "type nat hook output priority -100; policy accept;"
)

// words is how many words of an expression tell its kind, where it is not the first alone.
var words = map[string]int{"ct": 3, "meta": 3, "fib": 3, "nat": 2}

// kindsOfRules runs a command by nsenter, or by unshare if the namespace is no file, that lists rules as the kernel has
// them. It returns the kinds of their expressions and chains, by family: "ip ct load state", "ip nat hook output".
func kindsOfRules(t *testing.T, namespace string, command ...string) map[string]bool {
	t.Helper()
	program := "nsenter"
	if !strings.Contains(namespace, "=") {
		program = "unshare"
	}
	out, err := exec.Command(program, append([]string{namespace, "--"}, command...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("rules of %s: %v: %s", namespace, err, out)
	}
	kinds, family := map[string]bool{}, ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if m := ruleOf.FindStringSubmatch(line); m != nil {
			family = m[1]
		} else if m := tableOf.FindStringSubmatch(line); m != nil {
			family = m[1]
		} else if m := expression.FindStringSubmatch(line); m != nil {
			all := strings.Fields(m[1])
			kinds[family+" "+strings.Join(all[:min(len(all), max(1, words[all[0]]))], " ")] = true
		} else if m := chainOf.FindStringSubmatch(line); m != nil {
			kinds[family+" "+m[1]] = true
		}
	}
	return kinds
}
