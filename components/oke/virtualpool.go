package oke

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// replacesVirtualPool are the properties that existing virtual nodes keep: a change makes a new pool, and deletes the
// old one after it (Oracle documentation, "Changing the Shape to Use for Pods Running on Virtual Nodes", of 2024-08-14,
// read 2026-11-29). Since July 2026 OKE can cycle virtual nodes instead, which pulumi-oci v3.16.0 has no property for.
var replacesVirtualPool = []string{"podConfiguration.shape", "initialVirtualNodeLabels", "taints"}

// deleteVirtualPool is how long the deletion of a pool may take, for which the provider allows 20 minutes: OKE evicts
// the Pods for up to an hour.
const deleteVirtualPool = "75m"

// newVirtualNodePool makes a pool whose nodes and Pods are both in the Pods' subnet, as Oracle recommends (Oracle
// documentation, "Creating Virtual Nodes and Virtual Node Pools in a New Cluster", of 2025-02-12, read 2026-11-29).
func newVirtualNodePool(
	ctx *pulumi.Context, c *Cluster, name string, p cluster.VirtualNodePool, args *Args,
) (*containerengine.VirtualNodePool, error) {
	if !args.VCNNativePods {
		return nil, fmt.Errorf("it needs VCN-native pod networking")
	}
	tags := pulumi.ToStringMap(args.Tags)
	return containerengine.NewVirtualNodePool(ctx, name+"-"+p.Name, &containerengine.VirtualNodePoolArgs{
		ClusterId:               c.Cluster.ID(),
		CompartmentId:           pulumi.String(args.CompartmentID),
		DisplayName:             pulumi.String(p.Name),
		Size:                    pulumi.Int(p.Size),
		PlacementConfigurations: virtualPlacement(p, args),
		NsgIds:                  nsgs(args, layout.Pods),
		PodConfiguration: containerengine.VirtualNodePoolPodConfigurationArgs{
			Shape:    pulumi.String(p.PodShape),
			SubnetId: args.SubnetIDs[layout.Pods],
			NsgIds:   nsgs(args, layout.Pods),
		},
		InitialVirtualNodeLabels: virtualNodeLabels(p),
		Taints:                   virtualNodeTaints(p),
		VirtualNodeTags: containerengine.VirtualNodePoolVirtualNodeTagsArgs{
			FreeformTags: tags, DefinedTags: definedTags(args),
		},
		FreeformTags: tags,
	}, pulumi.Parent(c), pulumi.ReplaceOnChanges(replacesVirtualPool),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Delete: deleteVirtualPool}))
}

// virtualPlacement returns one placement in each of the pool's availability domains. The provider wants the fault
// domains by name (terraform-provider-oci, virtual node pool, fault_domain): without a setting, all.
func virtualPlacement(
	p cluster.VirtualNodePool, args *Args,
) containerengine.VirtualNodePoolPlacementConfigurationArray {
	domains := cluster.FaultDomains(p.FaultDomains)
	if len(domains) == 0 {
		domains = cluster.FaultDomains([]int{1, 2, 3})
	}
	var configs containerengine.VirtualNodePoolPlacementConfigurationArray
	for _, domain := range args.Offer.Domains[p.Name] {
		configs = append(configs, containerengine.VirtualNodePoolPlacementConfigurationArgs{
			AvailabilityDomain: pulumi.String(domain),
			FaultDomains:       pulumi.ToStringArray(domains),
			SubnetId:           args.SubnetIDs[layout.Pods],
		})
	}
	return configs
}

// virtualNodeLabels returns the labels of the pool's Kubernetes nodes, in the order of their keys.
func virtualNodeLabels(p cluster.VirtualNodePool) containerengine.VirtualNodePoolInitialVirtualNodeLabelArray {
	var labels containerengine.VirtualNodePoolInitialVirtualNodeLabelArray
	for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
		labels = append(labels, containerengine.VirtualNodePoolInitialVirtualNodeLabelArgs{
			Key: pulumi.String(key), Value: pulumi.String(p.Labels[key]),
		})
	}
	return labels
}

// virtualNodeTaints returns the taints of the pool's Kubernetes nodes, in an order that is not that of the settings.
func virtualNodeTaints(p cluster.VirtualNodePool) containerengine.VirtualNodePoolTaintArray {
	var taints containerengine.VirtualNodePoolTaintArray
	parts := slices.SortedFunc(slices.Values(p.TaintParts()), func(a, b cluster.VirtualTaint) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Effect, b.Effect))
	})
	for _, t := range parts {
		taints = append(taints, containerengine.VirtualNodePoolTaintArgs{
			Key: pulumi.String(t.Key), Value: pulumi.String(t.Value), Effect: pulumi.String(t.Effect),
		})
	}
	return taints
}
