// Package oke makes an OKE cluster, its node pools, and the Kubernetes provider that speaks to it.
package oke

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// Args is what a cluster is made of. Plain values decide the graph's shape; inputs come from other resources.
type Args struct {
	Name          string       // required: display name
	CompartmentID string       // required
	Fleet         cluster.Spec // required, valid
	Network       layout.Spec  // required, valid
	Offer         *Offer       // required: what Look found for Fleet
	Tags          map[string]string
	Protect       bool // refuse to delete the cluster

	VcnID     pulumi.StringInput                       // required
	SubnetIDs map[layout.Role]pulumi.StringOutput      // required: the roles that Network has
	NsgIDs    map[layout.Role]pulumi.StringArrayOutput // optional: network security groups, by the same roles
}

// Cluster is an OKE cluster with its node pools.
type Cluster struct {
	pulumi.ResourceState

	Cluster    *containerengine.Cluster
	NodePools  map[string]*containerengine.NodePool // by the pool's name in the settings
	Kubeconfig pulumi.StringOutput                  // secret; asks the OCI CLI for a token at each use
	Provider   *kubernetes.Provider
}

// New makes a cluster. Its node pools are made side by side, and the provider is ready before they are.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{NodePools: map[string]*containerengine.NodePool{}}
	if err := ctx.RegisterComponentResource("oke-guestbook:oke:Cluster", name, c, opts...); err != nil {
		return nil, err
	}
	var err error
	// The subnet for load balancers that name none stays the first one: OKE can change it only in a new cluster, and the
	// guestbooks' Services name theirs.
	keep := pulumi.IgnoreChanges([]string{"options.serviceLbSubnetIds"})
	if c.Cluster, err = containerengine.NewCluster(ctx, name, clusterArgs(args), pulumi.Parent(c), pulumi.Protect(args.Protect), keep); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", args.Name, err)
	}
	pins, err := pinImages(ctx, c, name, args)
	if err != nil {
		return nil, err
	}
	for _, p := range args.Fleet.NodePools {
		if c.NodePools[p.Name], err = newNodePool(ctx, c, name, p, args, pins); err != nil {
			return nil, fmt.Errorf("node pool %q: %w", p.Name, err)
		}
	}
	if err := c.addons(ctx, name, args.Fleet.Addons); err != nil {
		return nil, err
	}

	c.Kubeconfig = kubeconfig(ctx, c, args.Network.APIEndpoint == layout.Public)
	c.Provider, err = kubernetes.NewProvider(ctx, name, &kubernetes.ProviderArgs{
		Kubeconfig: c.Kubeconfig,
		// Objects are replaced only with the cluster, not for a new address or certificate in the kubeconfig.
		ClusterIdentifier: c.Cluster.ID().ToStringOutput(),
		// A new password or script is written into the object that Pods have mounted already.
		EnableSecretMutable:    pulumi.Bool(true),
		EnableConfigMapMutable: pulumi.Bool(true),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, fmt.Errorf("provider of cluster %q: %w", args.Name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"clusterId": c.Cluster.ID(), "kubeconfig": c.Kubeconfig})
}

func clusterArgs(args *Args) *containerengine.ClusterArgs {
	kind, cni := "BASIC_CLUSTER", "FLANNEL_OVERLAY"
	if args.Fleet.ClusterType == cluster.Enhanced {
		kind = "ENHANCED_CLUSTER"
	}
	if args.Network.PodNetwork == layout.VCNNative {
		cni = "OCI_VCN_IP_NATIVE"
	}
	tags := pulumi.ToStringMap(args.Tags)
	cluster := &containerengine.ClusterArgs{
		CompartmentId:            pulumi.String(args.CompartmentID),
		Name:                     pulumi.String(args.Name),
		KubernetesVersion:        pulumi.String(args.Fleet.KubernetesVersion),
		Type:                     pulumi.String(kind),
		VcnId:                    args.VcnID,
		ClusterPodNetworkOptions: containerengine.ClusterClusterPodNetworkOptionArray{containerengine.ClusterClusterPodNetworkOptionArgs{CniType: pulumi.String(cni)}},
		EndpointConfig: containerengine.ClusterEndpointConfigArgs{
			SubnetId:          args.SubnetIDs[layout.API],
			IsPublicIpEnabled: pulumi.Bool(args.Network.APIEndpoint == layout.Public),
			NsgIds:            nsgs(args, layout.API),
		},
		Options: containerengine.ClusterOptionsArgs{
			KubernetesNetworkConfig: containerengine.ClusterOptionsKubernetesNetworkConfigArgs{
				PodsCidr:     podsCIDR(args.Network),
				ServicesCidr: pulumi.String(args.Network.ServicesCIDR),
			},
			ServiceLbSubnetIds: loadBalancerSubnets(args),
			// What the cluster's controllers make carries the stack's tags as well.
			ServiceLbConfig:        containerengine.ClusterOptionsServiceLbConfigArgs{FreeformTags: tags},
			PersistentVolumeConfig: containerengine.ClusterOptionsPersistentVolumeConfigArgs{FreeformTags: tags},
		},
		FreeformTags: tags,
	}
	if args.Fleet.KMSKeyID != "" {
		cluster.KmsKeyId = pulumi.String(args.Fleet.KMSKeyID)
	}
	return cluster
}

// podsCIDR is nil where Pods have addresses of the VCN: the setting, which is not checked then, is flannel's.
func podsCIDR(network layout.Spec) pulumi.StringPtrInput {
	if network.PodNetwork == layout.VCNNative {
		return nil
	}
	return pulumi.String(network.PodsCIDR)
}

// nsgs returns the network security groups of a role's subnet, or nil where the rules are in security lists.
func nsgs(args *Args, role layout.Role) pulumi.StringArrayInput {
	if ids, ok := args.NsgIDs[role]; ok {
		return ids
	}
	return nil
}

// loadBalancerSubnets returns where load balancers go that do not say it themselves: the public subnet if there is one.
func loadBalancerSubnets(args *Args) pulumi.StringArray {
	role := layout.PublicLoadBalancers
	if !args.Network.Has(role) {
		role = layout.InternalLoadBalancers
	}
	return pulumi.StringArray{args.SubnetIDs[role]}
}

// addons switches add-ons on, one after the other: they run on the nodes, and some need the one before.
func (c *Cluster) addons(ctx *pulumi.Context, name string, names []string) error {
	needs := c.Nodes()
	for _, addon := range names {
		made, err := containerengine.NewAddon(ctx, name+"-"+addon, &containerengine.AddonArgs{
			AddonName: pulumi.String(addon), ClusterId: c.Cluster.ID(), RemoveAddonResourcesOnDelete: pulumi.Bool(true),
		}, pulumi.Parent(c), pulumi.DependsOn(needs))
		if err != nil {
			return fmt.Errorf("add-on %s: %w", addon, err)
		}
		needs = []pulumi.Resource{made}
	}
	return nil
}

// Nodes returns the node pools as resources to depend on, in the order of their names.
func (c *Cluster) Nodes() []pulumi.Resource {
	var nodes []pulumi.Resource
	for _, name := range slices.Sorted(maps.Keys(c.NodePools)) {
		nodes = append(nodes, c.NodePools[name])
	}
	return nodes
}

// kubeconfig returns the cluster's kubeconfig for the endpoint that the stack's operator can reach.
func kubeconfig(ctx *pulumi.Context, c *Cluster, public bool) pulumi.StringOutput {
	endpoint := "PRIVATE_ENDPOINT"
	if public {
		endpoint = "PUBLIC_ENDPOINT"
	}
	result := containerengine.GetClusterKubeConfigOutput(ctx, containerengine.GetClusterKubeConfigOutputArgs{
		ClusterId: c.Cluster.ID().ToStringOutput(),
		Endpoint:  pulumi.String(endpoint),
	}, pulumi.Parent(c))
	return pulumi.ToSecret(result.Content()).(pulumi.StringOutput)
}
