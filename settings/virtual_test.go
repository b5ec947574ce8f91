package settings

import (
	"strings"
	"testing"
)

// virtual is settings with virtual node pools, in a cluster that takes them.
func virtual(pools string, more ...string) map[string]string {
	set := with("clusterType", "enhanced", "podNetwork", "vcn-native", "internetEgress", "workers-and-pods",
		"virtualNodePools", pools)
	for key, value := range with(more...) {
		set[key] = value
	}
	return set
}

const virtualKey = "virtualNodePools[0]."

// TestUnworkableVirtualPools has virtual node pools that OKE would refuse, or whose Pods would never start.
func TestUnworkableVirtualPools(t *testing.T) {
	checkRefusals(t, []refusal{
		{"no name", virtual(`[{}]`), []string{virtualKey + "name"}},
		{"a basic cluster", virtual(`[{"name":"v"}]`, "clusterType", "basic"), []string{"virtualNodePools enhanced"}},
		{"an overlay", virtual(`[{"name":"v"}]`, "podNetwork", "flannel"), []string{"virtualNodePools vcn-native"}},
		{
			"Pods without a NAT gateway", virtual(`[{"name":"v"}]`, "internetEgress", "workers"),
			[]string{"virtualNodePools workers-and-pods"},
		},
		{
			"the shape of a machine", virtual(`[{"name":"v","podShape":"VM.Standard.E4.Flex"}]`),
			[]string{virtualKey + "podShape Pod.Standard.E4.Flex"},
		},
		{"an unknown shape", virtual(`[{"name":"v","podShape":"Pod.Standard9.Flex"}]`), []string{virtualKey + "podShape"}},
		{"a negative size", virtual(`[{"name":"v","size":-1}]`), []string{virtualKey + "size -1"}},
		{
			"more Pods than a node takes", virtual(`[{"name":"v","podsPerNode":501}]`),
			[]string{virtualKey + "podsPerNode 501"},
		},
		{"no taint", virtual(`[{"name":"v","taints":[]}]`), []string{virtualKey + "taints NoSchedule"}},
		{
			"a taint that keeps no Pod away", virtual(`[{"name":"v","taints":["a=b:PreferNoSchedule"]}]`),
			[]string{virtualKey + "taints NoSchedule"},
		},
		{"no effect of a taint", virtual(`[{"name":"v","taints":["a=b"]}]`), []string{virtualKey + "taints a=b"}},
		{"a label of Kubernetes's own", virtual(`[{"name":"v","labels":{"kubernetes.io/role":"a"}}]`), []string{
			virtualKey + "labels kubernetes.io/role",
		}},
		{"the name of a node pool", virtual(`[{"name":"workers"}]`), []string{virtualKey + "name nodePools[0]"}},
		{"one name twice", virtual(`[{"name":"v"},{"name":"v"}]`), []string{
			"virtualNodePools[1].name virtualNodePools[0]",
		}},
		{"a fourth availability domain", virtual(`[{"name":"v","availabilityDomains":[4]}]`), []string{
			virtualKey + "availabilityDomains 4",
		}},
		{
			"virtual nodes alone", virtual(`[{"name":"v"}]`, "nodePools", `[]`), []string{"nodePools volumes"},
		},
		{
			"no machine beside them",
			virtual(`[{"name":"v"}]`, "nodePools", `[{"name":"w","size":0,"ocpus":2,"memoryGb":12}]`),
			[]string{"nodePools[0].size keeps"},
		},
		{
			"more Pods than the subnet holds",
			virtual(`[{"name":"v","podsPerNode":300}]`, "subnets", `{"pods":{"prefixLength":24}}`),
			[]string{"subnets.pods virtual"},
		},
	})
}

// TestWorkableVirtualPools has those of docs/nodes.md, and values at the limits.
func TestWorkableVirtualPools(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"defaults": virtual(`[{"name":"burst"}]`),
		"all fields": virtual(`[{"name":"burst","size":3,"podShape":"Pod.Standard.A1.Flex","podsPerNode":100,` +
			`"labels":{"team":"web"},"taints":["team=web:NoExecute"],"availabilityDomains":[1],"faultDomains":[2]}]`),
		"fewer Pods in a small subnet": virtual(`[{"name":"v","podsPerNode":100}]`,
			"subnets", `{"pods":{"prefixLength":24}}`),
	} {
		if _, err := load(set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVirtualNodesOfAFile expects the commands that read a stack's file to know the rules of virtual nodes, and to
// refuse what pulumi refuses.
func TestVirtualNodesOfAFile(t *testing.T) {
	file := map[string]any{
		"clusterType": "enhanced", "podNetwork": "vcn-native", "internetEgress": "workers-and-pods",
		"virtualNodePools": []any{map[string]any{"name": "burst"}}, "loadBalancerAllowedCidrs": []any{"0.0.0.0/0"},
	}
	network, _, err := LoadNetwork("oke-guestbook", "test", file)
	if err != nil || !network.VirtualNodes {
		t.Errorf("%v, virtual nodes %t", err, network.VirtualNodes)
	}
	file["clusterType"] = "basic"
	_, _, err = LoadNetwork("oke-guestbook", "test", file)
	if err == nil || !strings.Contains(err.Error(), "virtualNodePools: need clusterType enhanced") {
		t.Errorf("a basic cluster: %v", err)
	}
}
