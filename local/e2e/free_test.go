package e2e

import (
	"strings"
	"testing"

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
		var pods list[struct {
			Metadata meta
			Spec     struct{ NodeName string }
			Status   struct{ Phase string }
		}]
		s.kubectl(&pods, "get", "pods", "-A")
		for _, p := range pods.Items {
			if p.Spec.NodeName == "" || p.Status.Phase != "Running" && p.Status.Phase != "Succeeded" {
				t.Errorf("Pod %s/%s: node %q, %s", p.Metadata.Namespace, p.Metadata.Name, p.Spec.NodeName, p.Status.Phase)
			}
		}
		if len(pods.Items) < 4 {
			t.Errorf("only %d Pods", len(pods.Items))
		}
	})
	step(t, "destroy leaves nothing", func() {
		s.destroy()
		s.destroyed()
	})
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
