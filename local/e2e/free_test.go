package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"oke-guestbook/local/launch/environment"
)

// TestFreeTenancy deploys the settings of stack dev on an account that is limited to what is free, after they have
// failed on one that was not upgraded to Pay As You Go, and larger ones on this one.
func TestFreeTenancy(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.rehearse("dev")
	s.o.Limits = environment.NotUpgraded
	s.must(s.o.Prepare(t.Context()))
	s.settings("apiAllowedCidrs[0]=203.0.113.0/24", "frontendImage=registry.local/guestbook:v1")

	step(t, "an account that is not upgraded", func() {
		s.log.Reset()
		if err := s.o.Up(t.Context()); err == nil {
			t.Fatalf("up succeeded:\n%s", s.log)
		}
		for _, part := range []string{
			"container-engine cluster-count (the stack)", "vcn nat-gateway-count (internetEgress)",
			"upgrade it to Pay As You Go first",
		} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("%q is missing in\n%s", part, s.log)
			}
		}
		s.destroyed() // nothing was made
	})
	step(t, "more than is free, on an upgraded account", func() {
		s.must(s.o.Stop(t.Context()))
		s.o.Limits = environment.Free
		s.settings("nodePools[0].size=2")
		s.fails("standard-a1-core-count", "nodePools[].size, ocpus or memoryGb", "service compute")
	})
	step(t, "what is free", func() {
		s.settings("nodePools[0].size=1")
		s.up()
		s.unchanged("after up")
	})
	step(t, "all Pods are scheduled", func() {
		var pods list[corev1.Pod]
		s.kubectl(&pods, "get", "pods", "-A")
		for _, p := range pods.Items {
			if p.Spec.NodeName == "" || p.Status.Phase != corev1.PodRunning && p.Status.Phase != corev1.PodSucceeded {
				t.Errorf("Pod %s/%s: node %q, %s", p.Namespace, p.Name, p.Spec.NodeName, p.Status.Phase)
			}
		}
		if len(pods.Items) < 4 {
			t.Errorf("only %d Pods", len(pods.Items))
		}
		s.halfIsFree(pods.Items)
	})
	step(t, "destroy leaves nothing", func() {
		s.destroy()
		s.destroyed()
	})
}

// halfIsFree checks that Pods leave half of the CPUs and memory of the only node, with each Pod of the guestbook that
// runs counted twice: more than an update of the frontend and a backup add.
func (s *stack) halfIsFree(pods []corev1.Pod) {
	s.t.Helper()
	var nodes list[corev1.Node]
	if s.kubectl(&nodes, "get", "nodes"); len(nodes.Items) != 1 {
		s.t.Fatalf("%d nodes", len(nodes.Items))
	}
	var cpu, memory resource.Quantity
	namespaces := map[string]int{}
	for _, p := range pods {
		if p.Status.Phase == corev1.PodSucceeded {
			continue
		}
		times := 1
		if p.Namespace != metav1.NamespaceSystem {
			times = 2
		}
		namespaces[p.Namespace]++
		requests := resourcehelper.PodRequests(&p, resourcehelper.PodResourcesOptions{})
		for range times {
			cpu.Add(*requests.Cpu())
			memory.Add(*requests.Memory())
		}
	}
	has := nodes.Items[0].Status.Allocatable
	if 2*cpu.MilliValue() > has.Cpu().MilliValue() || 2*memory.Value() > has.Memory().Value() || len(namespaces) != 2 {
		s.t.Errorf("the Pods of %v ask for %s CPUs and %s of memory, and the node has %s and %s", namespaces,
			&cpu, &memory, has.Cpu(), has.Memory())
	}
}

// fails runs make up, which must fail, and say each of the parts after the engine's output.
func (s *stack) fails(parts ...string) {
	s.t.Helper()
	s.log.Reset()
	if err := s.o.Up(s.t.Context()); err == nil {
		s.t.Fatalf("up succeeded:\n%s", s.log)
	}
	_, explained, _ := strings.Cut(s.log.String(), "\nResources:\n")
	for _, part := range parts {
		if !strings.Contains(explained, part) {
			s.t.Errorf("up does not end with %q:\n%s", part, s.log)
		}
	}
}
