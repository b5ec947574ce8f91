package oke_test

import (
	"slices"
	"testing"

	"oke-guestbook/components/oke"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/cluster"
)

// TestVirtualNodePool expects nodes and Pods in the Pods' subnet, in the stack's availability domains and all fault
// domains, with labels and taints in an order of their own.
func TestVirtualNodePool(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, func(args *oke.Args) {
		args.VCNNativePods = true
		args.Spec.VirtualNodePools = []cluster.VirtualNodePool{{
			Name: "burst", Size: 2, PodShape: "Pod.Standard.E4.Flex", Labels: map[string]string{"b": "2", "a": "1"},
			Taints: []string{"team=web:NoSchedule", "lone:NoExecute"},
		}}
	})
	const token = "oci:ContainerEngine/virtualNodePool:VirtualNodePool"
	got := inputs(t, r, token, "cluster-burst")
	const pods = "ocid1.subnet.oc1.iad.pods"
	for path, want := range map[string]string{
		"displayName": "burst", "size": "2", "podConfiguration.shape": "Pod.Standard.E4.Flex",
		"podConfiguration.subnetId": pods, "placementConfigurations[0].subnetId": pods,
		"placementConfigurations[0].availabilityDomain": "Uocm:US-ASHBURN-AD-3",
		"placementConfigurations[1].availabilityDomain": "Uocm:US-ASHBURN-AD-1",
		"placementConfigurations[2].availabilityDomain": "",
		"placementConfigurations[0].faultDomains[2]":    "FAULT-DOMAIN-3",
		"initialVirtualNodeLabels[0].key":               "a", "initialVirtualNodeLabels[1].value": "2",
		"taints[0].key": "lone", "taints[0].value": "", "taints[0].effect": "NoExecute", "taints[1].value": "web",
		"virtualNodeTags.freeformTags.stack": got["freeformTags.stack"],
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
	res, err := r.Find(token, "cluster-burst")
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []string{"podConfiguration.shape", "initialVirtualNodeLabels", "taints"} {
		if !slices.Contains(res.Options.GetReplaceOnChanges(), kept) {
			t.Errorf("a change of %s keeps the pool, and its nodes do not get it", kept)
		}
	}
}

// TestLookPlacesVirtualNodePools expects a pool's own availability domains, and one problem for those of the stack.
func TestLookPlacesVirtualNodePools(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, func(args *oke.Args) {
		args.VCNNativePods = true
		args.Spec.VirtualNodePools = []cluster.VirtualNodePool{
			{Name: "burst", AvailabilityDomains: []int{2}, FaultDomains: []int{1}},
		}
	})
	got := inputs(t, r, "oci:ContainerEngine/virtualNodePool:VirtualNodePool", "cluster-burst")
	for path, want := range map[string]string{
		"placementConfigurations[0].availabilityDomain": "Uocm:US-ASHBURN-AD-2",
		"placementConfigurations[0].faultDomains[0]":    "FAULT-DOMAIN-1",
		"placementConfigurations[0].faultDomains[1]":    "",
		"placementConfigurations[1].availabilityDomain": "",
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
}
