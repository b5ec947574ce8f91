// Package oke makes an OKE cluster, its node pools, and the Kubernetes provider that talks to it.
package oke

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/plan/layout"
)

// Args says what cluster to make.
type Args struct {
	// Name is the cluster's display name. Required.
	Name string
	// CompartmentID is the OCID of the compartment for cluster and node pools. Required.
	CompartmentID string
	// Spec is the cluster with its node pools, valid. Required.
	Spec cluster.Spec
	// Offer is what Look found for Spec. Required.
	Offer *Offer
	// Login says which command the kubeconfig asks for tokens, with which credentials. Optional; default what is on PATH.
	Login kubeconfig.Login
	// Tags are the freeform tags of cluster, node pools and nodes, and of the load balancers and volumes that the
	// cluster's controllers make. Optional.
	Tags map[string]string
	// DefinedTags are the defined tags of nodes, and of the load balancers and volumes that the cluster's controllers
	// make. Those of cluster and node pools are the stack's. Optional.
	DefinedTags map[string]string
	// Region is the region of the cluster, such as us-ashburn-1. Optional; default that of the provider.
	Region string
	// HomeRegion is the tenancy's home region, the only one that accepts policies. Optional, default Region.
	HomeRegion string
	// Protect keeps the cluster from being deleted or replaced. Optional, default false.
	Protect bool
	// Rights resolves to the policy of cluster and node pools when it is in force. Optional.
	Rights pulumi.ResourceArrayInput

	// VcnID is the OCID of the VCN. Required.
	VcnID pulumi.StringInput
	// SubnetIDs are the OCIDs of the subnets. Required for the API endpoint, the workers and one kind of load balancer,
	// and with VCNNativePods for the Pods.
	SubnetIDs map[layout.Role]pulumi.StringOutput
	// NSGIDs are the OCIDs of the network security groups of VNICs in the subnets. Optional, default none.
	NSGIDs map[layout.Role]pulumi.StringArrayOutput

	// PublicEndpoint gives the Kubernetes API endpoint a public IP address. Optional, default false.
	PublicEndpoint bool
	// VCNNativePods gives Pods addresses of their subnet, instead of those of an overlay by flannel. Optional, default
	// false.
	VCNNativePods bool
	// PodsCIDR is the IPv4 CIDR of the overlay. Required without VCNNativePods, else ignored.
	PodsCIDR string
	// ServicesCIDR is the IPv4 CIDR of the Services' cluster IPs. Required.
	ServicesCIDR string
}

// CNI types (Oracle documentation, "ClusterPodNetworkOptionDetails").
const (
	flannelOverlay = "FLANNEL_OVERLAY"
	vcnNative      = "OCI_VCN_IP_NATIVE"
)

// Cluster is an OKE cluster with its node pools.
type Cluster struct {
	pulumi.ResourceState

	// Cluster is the cluster's control plane.
	Cluster *containerengine.Cluster
	// NodePools are the node pools by their names in the settings.
	NodePools map[string]*containerengine.NodePool
	// VirtualNodePools are the pools of virtual nodes by their names in the settings.
	VirtualNodePools map[string]*containerengine.VirtualNodePool
	// Kubeconfig is secret. It asks the command of Args.Login for a token at each use, and holds no key.
	Kubeconfig pulumi.StringOutput
	// Provider makes objects in the cluster.
	Provider *kubernetes.Provider
}

// New makes a cluster. Its node pools are made side by side, and the provider is ready before they are.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{
		NodePools:        map[string]*containerengine.NodePool{},
		VirtualNodePools: map[string]*containerengine.VirtualNodePool{},
	}
	if err := ctx.RegisterComponentResource("oke-guestbook:oke:Cluster", name, c, opts...); err != nil {
		return nil, err
	}
	made, err := clusterArgs(args)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", args.Name, err)
	}
	// The subnet for load balancers that name none stays the first one: only a new cluster can have another, and the
	// guestbooks' Services name theirs.
	c.Cluster, err = containerengine.NewCluster(ctx, name, made, append(args.may(), pulumi.Parent(c),
		pulumi.Protect(args.Protect), pulumi.IgnoreChanges([]string{"options.serviceLbSubnetIds"}))...)
	if err != nil {
		return nil, fmt.Errorf("cluster %q: %w", args.Name, err)
	}
	images, err := keepImages(ctx, c, name, args)
	if err != nil {
		return nil, err
	}
	for _, p := range args.Spec.NodePools {
		if c.NodePools[p.Name], err = newNodePool(ctx, c, name, p, args, images[p.Name]); err != nil {
			return nil, fmt.Errorf("node pool %q: %w", p.Name, err)
		}
	}
	for _, p := range args.Spec.VirtualNodePools {
		if c.VirtualNodePools[p.Name], err = newVirtualNodePool(ctx, c, name, p, args); err != nil {
			return nil, fmt.Errorf("virtual node pool %q: %w", p.Name, err)
		}
	}
	if err := c.addons(ctx, name, args); err != nil {
		return nil, err
	}
	var provider pulumi.StringOutput
	c.Kubeconfig, provider = kubeconfigs(ctx, c, args)
	c.Provider, err = kubernetes.NewProvider(ctx, name, &kubernetes.ProviderArgs{
		Kubeconfig: provider,
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

// may are the options of what needs the policy.
func (args *Args) may() []pulumi.ResourceOption {
	if args.Rights == nil {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.DependsOnInputs(args.Rights)}
}

func clusterArgs(args *Args) (*containerengine.ClusterArgs, error) {
	kind := "BASIC_CLUSTER"
	if args.Spec.ClusterType == cluster.Enhanced {
		kind = "ENHANCED_CLUSTER"
	}
	cni, podsCIDR := flannelOverlay, pulumi.StringPtrInput(pulumi.String(args.PodsCIDR))
	if args.VCNNativePods {
		cni, podsCIDR = vcnNative, nil
	}
	tags, defined := pulumi.ToStringMap(args.Tags), definedTags(args)
	discovery, authentication, err := openID(args.Spec)
	if err != nil {
		return nil, err
	}
	made := &containerengine.ClusterArgs{
		CompartmentId:     pulumi.String(args.CompartmentID),
		Name:              pulumi.String(args.Name),
		KubernetesVersion: pulumi.String(args.Offer.ControlPlane),
		Type:              pulumi.String(kind),
		VcnId:             args.VcnID,
		ClusterPodNetworkOptions: containerengine.ClusterClusterPodNetworkOptionArray{
			containerengine.ClusterClusterPodNetworkOptionArgs{CniType: pulumi.String(cni)},
		},
		EndpointConfig: containerengine.ClusterEndpointConfigArgs{
			SubnetId:          args.SubnetIDs[layout.API],
			IsPublicIpEnabled: pulumi.Bool(args.PublicEndpoint),
			NsgIds:            nsgs(args, layout.API),
		},
		Options: containerengine.ClusterOptionsArgs{
			KubernetesNetworkConfig: containerengine.ClusterOptionsKubernetesNetworkConfigArgs{
				PodsCidr:     podsCIDR,
				ServicesCidr: pulumi.String(args.ServicesCIDR),
			},
			OpenIdConnectDiscovery:                 discovery,
			OpenIdConnectTokenAuthenticationConfig: authentication,
			ServiceLbSubnetIds:                     loadBalancerSubnets(args),
			// What the cluster's controllers make has the stack's tags too.
			ServiceLbConfig: containerengine.ClusterOptionsServiceLbConfigArgs{FreeformTags: tags, DefinedTags: defined},
			PersistentVolumeConfig: containerengine.ClusterOptionsPersistentVolumeConfigArgs{
				FreeformTags: tags, DefinedTags: defined,
			},
		},
		ImagePolicyConfig: imagePolicy(args.Spec.ImageKeys),
		FreeformTags:      tags,
	}
	if args.Spec.KMSKeyID != "" {
		made.KmsKeyId = pulumi.String(args.Spec.KMSKeyID)
	}
	return made, nil
}

// nsgs returns the network security groups of a role's subnet, or nil with rules in security lists.
func nsgs(args *Args, role layout.Role) pulumi.StringArrayInput {
	if ids, ok := args.NSGIDs[role]; ok {
		return ids
	}
	return nil
}

// loadBalancerSubnets returns the subnet of load balancers whose Service names none: the public one if there is one.
func loadBalancerSubnets(args *Args) pulumi.StringArray {
	subnet, public := args.SubnetIDs[layout.PublicLoadBalancers]
	if !public {
		subnet = args.SubnetIDs[layout.InternalLoadBalancers]
	}
	return pulumi.StringArray{subnet}
}

// Nodes returns the pools of nodes that run any Pod as dependencies for other resources, in the order of their names.
func (c *Cluster) Nodes() []pulumi.Resource {
	var nodes []pulumi.Resource
	for _, name := range slices.Sorted(maps.Keys(c.NodePools)) {
		nodes = append(nodes, c.NodePools[name])
	}
	return nodes
}

// definedTags returns the defined tags, or nil if there are none.
func definedTags(args *Args) pulumi.StringMapInput {
	if len(args.DefinedTags) == 0 {
		return nil
	}
	return pulumi.ToStringMap(args.DefinedTags)
}
