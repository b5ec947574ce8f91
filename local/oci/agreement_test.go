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
)

// TestAllowanceIsThePrograms holds the limits of free accounts to the program's table of what is Always Free.
func TestAllowanceIsThePrograms(t *testing.T) {
	free := allowance.AlwaysFree
	want := map[string]int{
		"standard-a1-core-count": int(free.OCPUs), "standard-a1-memory-count": int(free.MemoryGB),
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
		sizes := []float64{s.MinOCPUs, s.MaxOCPUs}
		if s.Flexible {
			if err := cluster.CheckShape(s.Name, s.MaxOCPUs, s.MaxMemoryGB); err != nil {
				t.Errorf("the largest size: %v", err)
			}
			for _, more := range [][2]float64{{s.MaxOCPUs + 1, s.MaxMemoryGB}, {s.MaxOCPUs, s.MaxMemoryGB + 1}} {
				if cluster.CheckShape(s.Name, more[0], more[1]) == nil {
					t.Errorf("the program accepts %s with %v OCPUs and %v GB", s.Name, more[0], more[1])
				}
			}
			sizes = append(sizes, 2, 3, 24)
		}
		for _, ocpus := range sizes {
			if n, known := cluster.VNICs(s.Name, ocpus); !known || n != s.Vnics(ocpus) {
				t.Errorf("%s with %v OCPUs has %d VNICs, and the program says %d", s.Name, ocpus, s.Vnics(ocpus), n)
			}
		}
	}
}

// TestAddonsAreThePrograms holds the add-ons that the emulator installs to those that the settings accept.
func TestAddonsAreThePrograms(t *testing.T) {
	if got, want := containerengine.AddonNames(), cluster.AddonNames(); !slices.Equal(got, want) {
		t.Errorf("the emulator has %s\nand the program %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}
