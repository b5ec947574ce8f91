package e2e

import (
	"maps"
	"testing"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/oci"
)

// TestTakeover has the stand-ins create a stack with many kinds of resources. The official plugins take it over, and
// the stand-ins take it back, without a change; the database keeps its volume.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	if s.o.Plugins != environment.Official {
		t.Skip("needs both kinds of plugins: run with PLUGINS=official")
	}
	s.o.Plugins = environment.StandIn
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "addons[0]=CertManager", "addons[1]=KubernetesMetricsServer",
		"frontendReplicas=2", "frontendMinReplicas=2", "frontendMaxReplicas=3", "backupSchedule=0 3 * * *",
		"oci:region=us-ashburn-1", "tenancyId="+oci.TenancyID, "containerLogs=true", "alarmEmails[0]=ops@example.com",
		"budgetMonthly=100", "budgetEmails[0]=ops@example.com", "logDestination=logs.example.com:24224",
		"networkPolicies=enforced", "securityBy=groups", "flowLogs[0]=workers",
		"extraRules[0].from=workers", "extraRules[0].to=198.51.100.0/24", "extraRules[0].protocol=tcp",
		"extraRules[0].ports=24224")
	s.up()
	b := book{s, "guestbook"}
	ids, volume := s.ids(), b.volume()
	same := func(by string) {
		t.Helper()
		if now := s.ids(); !maps.Equal(now, ids) {
			t.Errorf("by %s: the state held %v and holds %v", by, ids, now)
		}
		if now := b.volume(); now != volume {
			t.Errorf("by %s: the volume was %+v and is %+v", by, volume, now)
		}
	}
	takenOver := func(by string) {
		t.Helper()
		s.o.Plugins = by
		s.must(s.o.Prepare(t.Context()))
		s.unchanged("by " + by + " plugins")
		s.up()
		same(by)
		for range 2 { // the second compares with the inputs that the first has read
			out, err := s.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "local")
			if err != nil {
				t.Errorf("refresh by %s plugins: %v\n%s", by, err, out)
			}
		}
		s.unchanged("after a refresh by " + by + " plugins")
		same(by)
	}
	step(t, "the official plugins take over", func() { takenOver(environment.Official) })
	step(t, "the official plugins change what the stand-ins have made, in place", func() {
		s.settings("frontendReplicas=3", "nodePools[0].size=3", "tags.team=web")
		for op, n := range s.changes() {
			if op != "update" && op != "same" {
				t.Errorf("preview: %d times %s", n, op)
			}
		}
		s.up()
		same(environment.Official)
		s.unchanged("after the change")
	})
	step(t, "the stand-ins take it back", func() { takenOver(environment.StandIn) })
	step(t, "the official plugins destroy it", func() {
		s.o.Plugins = environment.Official
		s.must(s.o.Prepare(t.Context()))
		s.destroy()
		s.destroyed()
	})
}
