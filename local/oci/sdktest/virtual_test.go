package sdktest

import (
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/containerengine"
)

// createVirtualNodePool creates a pool of virtual nodes in a cluster of its own, reads its nodes, and deletes both.
func (s *sdk) createVirtualNodePool() {
	s.t.Helper()
	native := containerengine.OciVcnIpNativeClusterPodNetworkOptionDetails{}
	cluster := s.work(must[containerengine.CreateClusterResponse](s.t)(s.oke.CreateCluster(ctx,
		containerengine.CreateClusterRequest{CreateClusterDetails: containerengine.CreateClusterDetails{
			Name: common.String("native"), CompartmentId: s.compartment, VcnId: s.vcn,
			KubernetesVersion: common.String("v1.36.4"), Type: containerengine.ClusterTypeEnhancedCluster,
			EndpointConfig:           &containerengine.CreateClusterEndpointConfigDetails{SubnetId: s.api},
			ClusterPodNetworkOptions: []containerengine.ClusterPodNetworkOptionDetails{native},
		}})).OpcWorkRequestId)
	pool := s.work(must[containerengine.CreateVirtualNodePoolResponse](s.t)(s.oke.CreateVirtualNodePool(ctx,
		containerengine.CreateVirtualNodePoolRequest{
			CreateVirtualNodePoolDetails: containerengine.CreateVirtualNodePoolDetails{
				CompartmentId: s.compartment, ClusterId: cluster, DisplayName: common.String("burst"), Size: common.Int(2),
				PlacementConfigurations: []containerengine.PlacementConfiguration{{
					AvailabilityDomain: s.ads[0].Name, SubnetId: s.workers, FaultDomain: []string{*s.fds[0].Name},
				}},
				PodConfiguration: &containerengine.PodConfiguration{
					SubnetId: s.workers, Shape: common.String("Pod.Standard.E4.Flex"),
				},
			},
		})).OpcWorkRequestId)
	read := must[containerengine.GetVirtualNodePoolResponse](s.t)(s.oke.GetVirtualNodePool(ctx,
		containerengine.GetVirtualNodePoolRequest{VirtualNodePoolId: pool})).VirtualNodePool
	if read.LifecycleState != containerengine.VirtualNodePoolLifecycleStateActive || *read.KubernetesVersion != "v1.36.4" {
		s.t.Errorf("virtual node pool %v", read)
	}
	nodes := must[containerengine.ListVirtualNodesResponse](s.t)(s.oke.ListVirtualNodes(ctx,
		containerengine.ListVirtualNodesRequest{VirtualNodePoolId: pool})).Items
	if len(nodes) != 2 {
		s.t.Fatalf("virtual nodes %v", nodes)
	}
	node := must[containerengine.GetVirtualNodeResponse](s.t)(s.oke.GetVirtualNode(ctx,
		containerengine.GetVirtualNodeRequest{VirtualNodePoolId: pool, VirtualNodeId: nodes[0].Id})).VirtualNode
	if node.LifecycleState != containerengine.VirtualNodeLifecycleStateActive || *node.SubnetId != *s.workers {
		s.t.Errorf("virtual node %v", node)
	}
	s.work(must[containerengine.DeleteVirtualNodePoolResponse](s.t)(s.oke.DeleteVirtualNodePool(ctx,
		containerengine.DeleteVirtualNodePoolRequest{VirtualNodePoolId: pool})).OpcWorkRequestId)
	s.work(must[containerengine.DeleteClusterResponse](s.t)(s.oke.DeleteCluster(ctx,
		containerengine.DeleteClusterRequest{ClusterId: cluster})).OpcWorkRequestId)
}
