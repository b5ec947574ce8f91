package oke

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// pinImages keeps the newest image of today in the stack's state, once for each Kubernetes version and variant, and returns
// the kept ones by node pool. A newer image changes nothing until the version or the setting nodeImageRelease does: that
// gives the pin another name, and so another value.
func pinImages(ctx *pulumi.Context, c *Cluster, name string, args *Args) (map[string]pulumi.StringOutput, error) {
	pins := map[string]pulumi.StringOutput{} // by the pin's name
	pools := map[string]pulumi.StringOutput{}
	for _, p := range args.Fleet.NodePools {
		if p.ImageID != "" {
			pools[p.Name] = pulumi.String(p.ImageID).ToStringOutput()
			continue
		}
		pin := name + "-image-" + args.Fleet.VersionOf(p)
		for _, part := range []string{cluster.ImageVariant(p.Shape), args.Fleet.NodeImageRelease} {
			if part != "" {
				pin += "-" + part
			}
		}
		if _, kept := pins[pin]; !kept {
			stash, err := pulumi.NewStash(ctx, pin, &pulumi.StashArgs{Input: pulumi.String(args.Offer.Images[p.Name])},
				pulumi.Parent(c), pulumi.IgnoreChanges([]string{"input"}))
			if err != nil {
				return nil, fmt.Errorf("image of node pool %q: %w", p.Name, err)
			}
			pins[pin] = stash.Output.ApplyT(func(v any) (string, error) {
				id, ok := v.(string)
				if !ok {
					return "", fmt.Errorf("kept image %s is a %T, not an OCID", pin, v)
				}
				return id, nil
			}).(pulumi.StringOutput)
		}
		pools[p.Name] = pins[pin]
	}
	return pools, nil
}

func newNodePool(ctx *pulumi.Context, c *Cluster, name string, p cluster.NodePool, args *Args, images map[string]pulumi.StringOutput) (*containerengine.NodePool, error) {
	tags := pulumi.ToStringMap(args.Tags)
	pool := &containerengine.NodePoolArgs{
		ClusterId:         c.Cluster.ID(),
		CompartmentId:     pulumi.String(args.CompartmentID),
		Name:              pulumi.String(p.Name),
		KubernetesVersion: pulumi.String(args.Fleet.VersionOf(p)),
		NodeShape:         pulumi.String(p.Shape),
		NodeSourceDetails: containerengine.NodePoolNodeSourceDetailsArgs{
			SourceType:          pulumi.String("IMAGE"),
			ImageId:             images[p.Name],
			BootVolumeSizeInGbs: pulumi.String(strconv.Itoa(p.BootVolumeGB)),
		},
		NodeConfigDetails: containerengine.NodePoolNodeConfigDetailsArgs{
			Size:                            pulumi.Int(p.Size),
			PlacementConfigs:                placement(p, args),
			NsgIds:                          nsgs(args, layout.Workers),
			NodePoolPodNetworkOptionDetails: podNetwork(p, args),
			FreeformTags:                    tags,
		},
		NodeEvictionNodePoolSettings: containerengine.NodePoolNodeEvictionNodePoolSettingsArgs{
			EvictionGraceDuration: pulumi.Sprintf("PT%dM", p.EvictionGraceMinutes),
			// Without this a Pod that cannot be evicted keeps a destroy from ending.
			IsForceDeleteAfterGraceDuration: pulumi.Bool(true),
		},
		FreeformTags: tags,
	}
	if p.OCPUs != 0 {
		pool.NodeShapeConfig = containerengine.NodePoolNodeShapeConfigArgs{
			Ocpus: pulumi.Float64(p.OCPUs), MemoryInGbs: pulumi.Float64(p.MemoryGB),
		}
	}
	var labels containerengine.NodePoolInitialNodeLabelArray
	for _, k := range slices.Sorted(maps.Keys(p.Labels)) {
		labels = append(labels, containerengine.NodePoolInitialNodeLabelArgs{Key: pulumi.String(k), Value: pulumi.String(p.Labels[k])})
	}
	pool.InitialNodeLabels = labels
	if p.Cycles() {
		pool.NodePoolCyclingDetails = containerengine.NodePoolNodePoolCyclingDetailsArgs{
			IsNodeCyclingEnabled: pulumi.Bool(true),
			MaximumSurge:         pulumi.String(cmp.Or(p.MaxSurge, cluster.DefaultSurge)),
			MaximumUnavailable:   pulumi.String(cmp.Or(p.MaxUnavailable, cluster.DefaultUnavailable)),
		}
	}
	opts := []pulumi.ResourceOption{pulumi.Parent(c)}
	if p.Autoscaled {
		opts = append(opts, pulumi.IgnoreChanges([]string{"nodeConfigDetails.size"}))
	}
	return containerengine.NewNodePool(ctx, name+"-"+p.Name, pool, opts...)
}

func placement(p cluster.NodePool, args *Args) containerengine.NodePoolNodeConfigDetailsPlacementConfigArray {
	var faultDomains pulumi.StringArray
	for _, n := range p.FaultDomains {
		faultDomains = append(faultDomains, pulumi.String(fmt.Sprintf("FAULT-DOMAIN-%d", n)))
	}
	var configs containerengine.NodePoolNodeConfigDetailsPlacementConfigArray
	for _, domain := range args.Offer.Domains[p.Name] {
		config := containerengine.NodePoolNodeConfigDetailsPlacementConfigArgs{
			AvailabilityDomain: pulumi.String(domain),
			SubnetId:           args.SubnetIDs[layout.Workers],
		}
		if len(faultDomains) > 0 {
			config.FaultDomains = faultDomains
		}
		if p.Preemptible {
			config.PreemptibleNodeConfig = containerengine.NodePoolNodeConfigDetailsPlacementConfigPreemptibleNodeConfigArgs{
				PreemptionAction: containerengine.NodePoolNodeConfigDetailsPlacementConfigPreemptibleNodeConfigPreemptionActionArgs{
					Type: pulumi.String("TERMINATE"), IsPreserveBootVolume: pulumi.Bool(false),
				},
			}
		}
		configs = append(configs, config)
	}
	return configs
}

func podNetwork(p cluster.NodePool, args *Args) containerengine.NodePoolNodeConfigDetailsNodePoolPodNetworkOptionDetailsArgs {
	if args.Network.PodNetwork != layout.VCNNative {
		return containerengine.NodePoolNodeConfigDetailsNodePoolPodNetworkOptionDetailsArgs{CniType: pulumi.String("FLANNEL_OVERLAY")}
	}
	return containerengine.NodePoolNodeConfigDetailsNodePoolPodNetworkOptionDetailsArgs{
		CniType:        pulumi.String("OCI_VCN_IP_NATIVE"),
		MaxPodsPerNode: pulumi.Int(p.MaxPodsPerNode),
		PodSubnetIds:   pulumi.StringArray{args.SubnetIDs[layout.Pods]},
		PodNsgIds:      nsgs(args, layout.Pods),
	}
}
