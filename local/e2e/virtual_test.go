package e2e

import (
	"strings"
	"testing"
)

// TestVirtualNodes adds virtual nodes to a stack with a guestbook, which stays off them, and changes what only new
// virtual nodes get.
func TestVirtualNodes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "podNetwork=vcn-native", "internetEgress=workers-and-pods",
		"virtualNodePools[0].name=burst", "virtualNodePools[0].labels.team=web")
	s.up()
	const virtual = "node-role.kubernetes.io/virtual-node"
	nodes := func() (names []string) {
		t.Helper()
		var found list[node]
		s.kubectl(&found, "get", "nodes", "-l", virtual+",team=web")
		for _, n := range found.Items {
			names = append(names, n.Metadata.Name)
		}
		return names
	}
	first := nodes()
	if len(first) != 1 {
		t.Fatalf("virtual nodes %v", first)
	}
	pool := func() string {
		t.Helper()
		for urn, id := range s.ids() {
			if strings.Contains(urn, "virtualNodePool:VirtualNodePool") {
				return id
			}
		}
		t.Fatal("no pool of virtual nodes in the state")
		return ""
	}

	step(t, "no Pod of the stack is on a virtual node", func() {
		var pods list[pod]
		s.kubectl(&pods, "get", "pods", "-A", "--field-selector", "spec.nodeName="+first[0])
		if len(pods.Items) > 0 {
			t.Errorf("%v", pods.Items)
		}
	})
	s.unchanged("after the first update")

	step(t, "the pool grows in place", func() {
		old := pool()
		s.settings("virtualNodePools[0].size=2")
		s.up()
		if got := nodes(); len(got) != 2 || pool() != old {
			t.Errorf("virtual nodes %v of pool %s, which was %s", got, pool(), old)
		}
	})
	step(t, "another shape of Pods makes a new pool before the old one goes", func() {
		old := pool()
		s.settings("virtualNodePools[0].podShape=Pod.Standard.A1.Flex")
		s.up()
		if got := nodes(); len(got) != 2 || pool() == old {
			t.Errorf("virtual nodes %v of pool %s, which was %s", got, pool(), old)
		}
		s.unchanged("after the replacement")
	})
	step(t, "a pool that Pods of the stack could get to is refused", func() {
		s.settings("virtualNodePools[0].taints[0]=team=web:PreferNoSchedule")
		s.refused("virtualNodePools[0].taints NoSchedule")
	})

	s.unset("virtualNodePools")
	s.up()
	if got := nodes(); len(got) > 0 {
		t.Errorf("virtual nodes are left: %v", got)
	}
	s.destroy()
	s.destroyed()
}
