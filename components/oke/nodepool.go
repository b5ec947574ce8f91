package oke

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// keepImages keeps the image of each node pool in the stack's state, by Kubernetes version, image variant and the
// setting nodeImageRelease: a newer image changes nothing until one of them does. A pool that the update makes gets the
// newest image, whatever the state has of its name: OKE may have withdrawn that of an earlier attempt. It returns the
// OCIDs by node pool.
func keepImages(ctx *pulumi.Context, c *Cluster, name string, args *Args) (map[string]pulumi.StringOutput, error) {
	shared := map[string]pulumi.Output{} // by the stash's name
	images := map[string]pulumi.StringOutput{}
	for _, p := range args.Spec.NodePools {
		if p.ImageID != "" {
			images[p.Name] = pulumi.String(p.ImageID).ToStringOutput()
			continue
		}
		image := "-image-" + args.Offer.Nodes[p.Name]
		for _, part := range []string{cluster.ImageVariant(p.Shape), args.Spec.NodeImageRelease} {
			if part != "" {
				image += "-" + part
			}
		}
		newest, err := pulumi.String(args.Offer.Images[p.Name]), error(nil)
		if _, done := shared[image]; !done {
			shared[image], err = stash.Keep[string](ctx, name+image, newest, pulumi.Parent(c))
		}
		if err == nil {
			images[p.Name], err = keepImage(ctx, c, name+"-"+p.Name+image, p, args.Offer, shared[image])
		}
		if err != nil {
			return nil, fmt.Errorf("image of node pool %q: %w", p.Name, err)
		}
		images[p.Name] = images[p.Name].ApplyT(func(id string) (string, error) {
			return id, args.Offer.checkNewImage(p.Name, id)
		}).(pulumi.StringOutput)
	}
	return images, nil
}

// keepImage keeps the image of one node pool. The states of earlier programs have one image for all pools of a version,
// which a pool that runs with it keeps.
func keepImage(ctx *pulumi.Context, c *Cluster, name string, p cluster.NodePool, offer *Offer, shared pulumi.Output,
) (pulumi.StringOutput, error) {
	keep, newest := stash.Keep[string], offer.Images[p.Name]
	if offer.makes(p.Name) {
		keep = stash.Renew[string]
	}
	image := shared.ApplyT(func(shared string) string {
		if !offer.makes(p.Name) && shared == offer.running.Pools[p.Name].ImageID {
			return shared
		}
		return newest
	})
	kept, err := keep(ctx, name, image, pulumi.Parent(c))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return kept.(pulumi.StringOutput), nil
}

func newNodePool(ctx *pulumi.Context, c *Cluster, name string, p cluster.NodePool, args *Args,
	image pulumi.StringOutput,
) (*containerengine.NodePool, error) {
	tags := pulumi.ToStringMap(args.Tags)
	pool := &containerengine.NodePoolArgs{
		ClusterId:         c.Cluster.ID(),
		CompartmentId:     pulumi.String(args.CompartmentID),
		Name:              pulumi.String(p.Name),
		KubernetesVersion: pulumi.String(args.Offer.Nodes[p.Name]),
		NodeShape:         pulumi.String(p.Shape),
		NodeSourceDetails: containerengine.NodePoolNodeSourceDetailsArgs{
			SourceType:          pulumi.String("IMAGE"),
			ImageId:             image,
			BootVolumeSizeInGbs: pulumi.String(strconv.Itoa(p.BootVolumeGB)),
		},
		NodeConfigDetails: containerengine.NodePoolNodeConfigDetailsArgs{
			Size:                            pulumi.Int(p.Size),
			PlacementConfigs:                placement(p, args),
			NsgIds:                          nodeNSGs(p, args),
			NodePoolPodNetworkOptionDetails: podNetwork(p, args),
			KmsKeyId:                        optional(p.BootVolumeKMSKeyID),
			FreeformTags:                    tags,
			DefinedTags:                     definedTags(args),
		},
		NodeEvictionNodePoolSettings: containerengine.NodePoolNodeEvictionNodePoolSettingsArgs{
			EvictionGraceDuration: pulumi.Sprintf("PT%dM", p.EvictionGraceMinutes),
			// Otherwise a Pod that cannot be evicted blocks a destroy.
			IsForceDeleteAfterGraceDuration: pulumi.Bool(true),
		},
		InitialNodeLabels: nodeLabels(p.Labels),
		NodeMetadata:      pulumi.StringMap{"user_data": pulumi.String(p.UserData())},
		SshPublicKey:      optional(p.SSHPublicKey),
		FreeformTags:      tags,
	}
	var ignored []string
	if cluster.TagsPool(args.Tags) {
		own := maps.Clone(args.Tags)
		own[cluster.PoolTag] = p.Name
		// It never changes. The pools of earlier programs have no such tag, and are not updated for it.
		pool.FreeformTags, ignored = pulumi.ToStringMap(own), []string{"freeformTags." + cluster.PoolTag}
	}
	if p.OCPUs != 0 {
		pool.NodeShapeConfig = containerengine.NodePoolNodeShapeConfigArgs{
			Ocpus: pulumi.Float64(p.OCPUs), MemoryInGbs: pulumi.Float64(p.MemoryGB),
		}
	}
	if p.Cycles() {
		pool.NodePoolCyclingDetails = cycling(p, args)
	}
	if p.Resized() {
		ignored = append(ignored, "nodeConfigDetails.size")
	}
	return containerengine.NewNodePool(ctx, name+"-"+p.Name, pool,
		append(args.may(), pulumi.Parent(c), pulumi.IgnoreChanges(ignored))...)
}

// cycling returns how the pool's nodes are replaced. The mode is always named: OKE keeps the one that is left out.
func cycling(p cluster.NodePool, args *Args) containerengine.NodePoolNodePoolCyclingDetailsArgs {
	surge, unavailable := p.Steps()
	mode := "INSTANCE_REPLACE"
	if p.CycleBy == cluster.BootVolume {
		mode = "BOOT_VOLUME_REPLACE"
	}
	return containerengine.NodePoolNodePoolCyclingDetailsArgs{
		IsNodeCyclingEnabled: cyclingEnabled(p, args),
		CycleModes:           pulumi.ToStringArray([]string{mode}),
		MaximumSurge:         optional(surge),
		MaximumUnavailable:   pulumi.String(unavailable),
	}
}

// nodeNSGs returns the network security groups of the nodes: the stack's, and the pool's own.
func nodeNSGs(p cluster.NodePool, args *Args) pulumi.StringArrayInput {
	if len(p.NSGIDs) == 0 {
		return nsgs(args, layout.Workers)
	}
	ids, ok := args.NSGIDs[layout.Workers]
	if !ok {
		return pulumi.ToStringArray(p.NSGIDs)
	}
	return ids.ApplyT(func(ids []string) []string { return slices.Concat(ids, p.NSGIDs) }).(pulumi.StringArrayOutput)
}

// cyclingEnabled returns whether an update may cycle the pool's nodes. OKE refuses to do so together with a change of
// their placement (409, "Cannot perform nodepool cycling and nodepool Placement Configuration change simultaneously."),
// and leaving the setting out keeps it on. An update that moves nodes turns cycling off, and the next one on again.
// Then OKE replaces the nodes that other changes of the first one have left behind.
func cyclingEnabled(p cluster.NodePool, args *Args) pulumi.BoolInput {
	return args.SubnetIDs[layout.Workers].ApplyT(func(id string) bool {
		return !args.Offer.moves(p, id)
	}).(pulumi.BoolOutput)
}

// nodeLabels returns the labels of the pool's Kubernetes nodes, in the order of their keys.
func nodeLabels(pool map[string]string) containerengine.NodePoolInitialNodeLabelArray {
	var labels containerengine.NodePoolInitialNodeLabelArray
	for _, key := range slices.Sorted(maps.Keys(pool)) {
		labels = append(labels, containerengine.NodePoolInitialNodeLabelArgs{
			Key: pulumi.String(key), Value: pulumi.String(pool[key]),
		})
	}
	return labels
}

// placement returns one placement in each of the pool's availability domains.
func placement(p cluster.NodePool, args *Args) containerengine.NodePoolNodeConfigDetailsPlacementConfigArray {
	var configs containerengine.NodePoolNodeConfigDetailsPlacementConfigArray
	for _, domain := range args.Offer.Domains[p.Name] {
		config := containerengine.NodePoolNodeConfigDetailsPlacementConfigArgs{
			AvailabilityDomain: pulumi.String(domain),
			SubnetId:           args.SubnetIDs[layout.Workers],

			CapacityReservationId: optional(p.CapacityReservationID),
		}
		if len(p.FaultDomains) > 0 {
			config.FaultDomains = pulumi.ToStringArray(cluster.FaultDomains(p.FaultDomains))
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

// podNetworkArgs shortens a name of the SDK.
type podNetworkArgs = containerengine.NodePoolNodeConfigDetailsNodePoolPodNetworkOptionDetailsArgs

func podNetwork(p cluster.NodePool, args *Args) podNetworkArgs {
	if !args.VCNNativePods {
		return podNetworkArgs{CniType: pulumi.String(flannelOverlay)}
	}
	return podNetworkArgs{
		CniType:        pulumi.String(vcnNative),
		MaxPodsPerNode: pulumi.Int(p.MaxPodsPerNode),
		PodSubnetIds:   pulumi.StringArray{args.SubnetIDs[layout.Pods]},
		PodNsgIds:      nsgs(args, layout.Pods),
	}
}
