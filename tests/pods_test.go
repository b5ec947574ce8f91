package tests

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/plan/flows"
)

// TestPods holds what hardened guestbooks run to what their profile promises beyond Pod Security level "restricted", which
// the local cloud's API server enforces (local/kube, TestAdmission).
func TestPods(t *testing.T) {
	r, err := run(t, "local", kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, res := range r.resources {
		spec := properties(res.Inputs["spec"])
		if spec.HasValue("jobTemplate") {
			spec = properties(properties(spec["jobTemplate"])["spec"])
		}
		template := properties(spec["template"])
		namespace := text(properties(res.Inputs["metadata"])["namespace"])
		if template == nil || strings.HasPrefix(namespace, "classroom") || namespace == "guestbook-logs" {
			continue
		}
		labels := properties(properties(template["metadata"])["labels"])
		who := text(labels["app.kubernetes.io/component"])
		seen[who]++
		pod := properties(template["spec"])
		at := namespace + " " + res.Name
		// The backup's account is the only one that Object Storage has to know.
		if got := pod["automountServiceAccountToken"]; !got.IsBool() || got.BoolValue() != (who == flows.Backup) {
			t.Errorf("%s: automountServiceAccountToken is %v", at, got)
		}
		if text(pod["serviceAccountName"]) != who {
			t.Errorf("%s runs as account %v", at, pod["serviceAccountName"])
		}
		for _, list := range []resource.PropertyKey{"initContainers", "containers"} {
			for _, item := range items(pod[list]) {
				c := properties(item)
				checkContainer(t, at, c)
				if list == "containers" {
					checkProbes(t, at, who, c)
				}
			}
		}
	}
	for _, who := range []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup} {
		if seen[who] == 0 {
			t.Errorf("no Pod of component %s", who)
		}
	}
}

func checkContainer(t *testing.T, pod string, c resource.PropertyMap) {
	t.Helper()
	at := pod + " " + text(c["name"])
	if got := properties(c["securityContext"])["readOnlyRootFilesystem"]; !got.IsBool() || !got.BoolValue() {
		t.Errorf("%s: readOnlyRootFilesystem is %v", at, got)
	}
	limits, requests := properties(properties(c["resources"])["limits"]), properties(properties(c["resources"])["requests"])
	if text(requests["cpu"]) == "" || text(requests["memory"]) == "" || text(limits["memory"]) != text(requests["memory"]) {
		t.Errorf("%s asks for %v and may use %v", at, requests, limits)
	}
}

// checkProbes wants probes of what runs for good. The database's ask it: a mongod that hangs still accepts connections.
func checkProbes(t *testing.T, pod, who string, c resource.PropertyMap) {
	t.Helper()
	action, names := resource.PropertyKey("httpGet"), []resource.PropertyKey{"readinessProbe", "livenessProbe"}
	switch who {
	case flows.Frontend:
	case flows.Backend:
		action, names = "exec", append(names, "startupProbe") // a first start takes longer than a living mongod may be silent
	default:
		return
	}
	for _, name := range names {
		probe := properties(c[name])
		for _, other := range []resource.PropertyKey{"exec", "httpGet", "tcpSocket", "grpc"} {
			if probe.HasValue(other) != (other == action) {
				t.Errorf("%s: %s is %v, want %s", pod, name, probe, action)
				break
			}
		}
		if command := items(properties(probe["exec"])["command"]); who == flows.Backend &&
			(len(command) == 0 || text(command[0]) != "mongosh" || !strings.Contains(text(command[len(command)-1]), "db.")) {
			t.Errorf("%s: %s runs %v, which does not ask the database", pod, name, command)
		}
	}
}

// TestDrain wants frontends to serve for as long as a load balancer may send to them after they were told to end: OCI's takes
// a backend out after 3 failed checks 10 s apart (cloud controller, load-balancer-annotations.md, health-check-interval and -retries).
func TestDrain(t *testing.T) {
	r, err := run(t, "local", kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, res := range r.resources {
		if res.Type != "kubernetes:apps/v1:Deployment" {
			continue
		}
		found++
		spec := properties(res.Inputs["spec"])
		pod := properties(properties(spec["template"])["spec"])
		container := properties(items(pod["containers"])[0])
		sleep := properties(properties(properties(container["lifecycle"])["preStop"])["sleep"])["seconds"]
		grace := pod["terminationGracePeriodSeconds"]
		if !sleep.IsNumber() || sleep.NumberValue() <= 3*10 || !grace.IsNumber() || grace.NumberValue() <= sleep.NumberValue() {
			t.Errorf("%s drains for %v of %v seconds", res.Name, sleep, grace)
		}
		rolling := properties(properties(spec["strategy"])["rollingUpdate"])
		if unavailable := rolling["maxUnavailable"]; !unavailable.IsNumber() || unavailable.NumberValue() != 0 {
			t.Errorf("%s loses capacity during an update: maxUnavailable %v", res.Name, unavailable)
		}
		keys := map[string]bool{}
		for _, constraint := range items(pod["topologySpreadConstraints"]) {
			keys[text(properties(constraint)["topologyKey"])] = true
		}
		if !keys["topology.kubernetes.io/zone"] || !keys["kubernetes.io/hostname"] {
			t.Errorf("%s spreads over %v", res.Name, keys)
		}
	}
	if found != 5 {
		t.Errorf("%d Deployments, want 5", found)
	}
}
