package oci_test

import (
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/containerengine"
	"oke-guestbook/local/oci/limits"
	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// TestAllowanceIsThePrograms holds the limits of free accounts to the program's table of what is Always Free.
func TestAllowanceIsThePrograms(t *testing.T) {
	free := allowance.AlwaysFree
	want := map[string]int{
		"standard-a1-core-count": int(free.OCPUs), "standard-a1-memory-count": int(free.MemoryGB),
		"standard-a1-core-regional-count": int(free.OCPUs), "standard-a1-memory-regional-count": int(free.MemoryGB),
		"total-storage-gb": free.BlockVolumeGB, "loadbalancer": free.LoadBalancers,
		"lb-flexible-bandwidth-sum": free.LoadBalancerMbps,
	}
	for _, name := range []string{"free", "not-upgraded"} {
		got, err := limits.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		for limit, amount := range want {
			if got[limit] != amount {
				t.Errorf("%s: %s is %d, and the program has %d", name, limit, got[limit], amount)
			}
		}
	}
}

// TestShapesAreThePrograms holds the emulator's shapes to the program's limits and VNICs.
func TestShapesAreThePrograms(t *testing.T) {
	for _, s := range compute.Shapes {
		if s.Arm != cluster.ArmShape(s.Name) {
			t.Errorf("%s: Arm is %t", s.Name, s.Arm)
		}
		if !s.Flexible {
			if forNodes := cluster.CheckShape(s.Name, 0, 0) == nil; forNodes != s.ForNodes() {
				t.Errorf("%s: the program accepts it for nodes: %t", s.Name, forNodes)
			}
		}
		if !s.ForNodes() {
			continue
		}
		sizes := []float64{s.MinOCPUs, s.MaxOCPUs}
		if s.Flexible {
			compareSizes(t, &s)
			sizes = append(sizes, 2, 3, 24)
		}
		for _, ocpus := range sizes {
			if n, known := cluster.VNICs(s.Name, ocpus); !known || n != s.Vnics(ocpus) {
				t.Errorf("%s with %v OCPUs has %d VNICs, and the program says %d", s.Name, ocpus, s.Vnics(ocpus), n)
			}
		}
	}
}

// compareSizes expects the program to accept the sizes of a flexible shape, and no other.
func compareSizes(t *testing.T, s *compute.Shape) {
	t.Helper()
	accepted := [][2]float64{{s.MaxOCPUs, s.MaxMemoryGB}}
	refused := [][2]float64{{s.MaxOCPUs + 1, s.MaxMemoryGB}, {s.MaxOCPUs, s.MaxMemoryGB + 1}}
	if sizes := s.Sizes(); sizes != nil {
		for ocpus := 1.0; ocpus < s.MaxOCPUs; ocpus++ {
			size := [2]float64{ocpus, ocpus * sizes.MemoryPerOCPU}
			if !slices.Contains(sizes.OCPUs, ocpus) {
				refused = append(refused, size)
				continue
			}
			accepted = append(accepted, size)
			refused = append(refused, [2]float64{ocpus, size[1] + 1})
		}
	}
	for _, size := range accepted {
		if err := cluster.CheckShape(s.Name, size[0], size[1]); err != nil {
			t.Error(err)
		}
	}
	for _, size := range refused {
		if cluster.CheckShape(s.Name, size[0], size[1]) == nil {
			t.Errorf("the program accepts %s with %v OCPUs and %v GB", s.Name, size[0], size[1])
		}
	}
}

// TestPreemptibleShapesAreThePrograms holds the emulator's shapes that can be preemptible to the program's.
func TestPreemptibleShapesAreThePrograms(t *testing.T) {
	for _, s := range compute.Shapes {
		for _, ocpus := range []float64{s.MinOCPUs, 32, 33, 64, 65, s.MaxOCPUs} {
			if !s.ForNodes() || ocpus < s.MinOCPUs || ocpus > s.MaxOCPUs {
				continue
			}
			memory := ocpus * compute.DefaultMemoryPerOCPU
			pool := cluster.NodePool{
				Name: "a", Shape: s.Name, OCPUs: ocpus, MemoryGB: memory, Preemptible: true, CycleBy: cluster.Instance,
			}
			var list problem.List
			open := cluster.NodePool{Name: "b", Size: 1, Shape: "VM.Standard.A1.Flex", OCPUs: 1, MemoryGB: 6}
			(&cluster.Spec{NodePools: []cluster.NodePool{pool, open}}).Validate(&list)
			refused := slices.ContainsFunc(list.Problems(), func(p problem.Problem) bool {
				return p.Key == "nodePools[0].preemptible"
			})
			if can := s.CheckPreemptible(ocpus, memory) == nil; can == refused {
				t.Errorf("%s with %v OCPUs: the emulator accepts it as preemptible: %t, the program: %t", s.Name, ocpus,
					can, !refused)
			}
		}
	}
}

// TestNodeLimitsAreThePrograms holds the emulator's limits on the nodes of a cluster to the program's. The program does
// not judge the one with VCN-native Pods, which can be raised.
func TestNodeLimitsAreThePrograms(t *testing.T) {
	for kind, limit := range map[cluster.Type]int{
		cluster.Basic:    containerengine.NodeLimit("BASIC_CLUSTER", "FLANNEL_OVERLAY"),
		cluster.Enhanced: containerengine.NodeLimit("ENHANCED_CLUSTER", "FLANNEL_OVERLAY"),
	} {
		for nodes, refused := range map[int]bool{limit: false, limit + 1: true} {
			spec := cluster.Spec{ClusterType: kind, NodePools: []cluster.NodePool{{Size: nodes}}}
			var list problem.List
			spec.ValidateNodes(&list, false)
			if got := len(list.Problems()) > 0; got != refused {
				t.Errorf("the program refuses %d nodes in a cluster of type %s: %t", nodes, kind, got)
			}
		}
	}
}

// TestAddonsAreThePrograms holds the add-ons that the emulator installs, and what they need, to those that the settings
// accept.
func TestAddonsAreThePrograms(t *testing.T) {
	if got, want := containerengine.AddonNames(), cluster.AddonNames(); !slices.Equal(got, want) {
		t.Errorf("the emulator has %s\nand the program %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	if got, want := containerengine.EssentialAddons, cluster.EssentialAddons; !slices.Equal(got, want) {
		t.Errorf("a new cluster has %q in the emulator, and %q for the program", got, want)
	}
	for _, name := range containerengine.AddonNames() {
		if name == cluster.Autoscaler { // needs node pools with bounds
			continue
		}
		refused := func(names ...string) bool {
			var list problem.List
			(&cluster.Spec{ClusterType: cluster.Enhanced, Addons: names}).Validate(&list)
			return slices.ContainsFunc(list.Problems(), func(p problem.Problem) bool { return p.Key == "addons" })
		}
		needed := containerengine.AddonNeeds(name)
		if refused(name) != (needed != "") || needed != "" && refused(needed, name) {
			t.Errorf("%s needs %q in the emulator, and something else in the program", name, needed)
		}
	}
}
