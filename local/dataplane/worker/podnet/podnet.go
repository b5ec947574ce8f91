// Package podnet gives the Pods of a node their network: as flannel does, with an overlay network between the nodes, or
// VCN-native, with addresses of the node's own interfaces. It has the CNI plugin and the part that runs once on a node.
package podnet

import "net/netip"

// Network is how the Pods of a node get addresses: either flannel's overlay network (Cluster is set), or VCN-native
// (VNICs is set).
type Network struct {
	// Cluster is the range of all Pod addresses of the cluster. Traffic from Pods to other addresses gets the node's.
	Cluster netip.Prefix
	// Range is the part of Cluster that belongs to this node, its spec.podCIDR. While it is not set the node is not ready.
	Range netip.Prefix
	// Peers are the cluster's other nodes.
	Peers []Peer
	// VNICs are the node's interfaces for Pods.
	VNICs []VNIC
}

// Peer is another node of an overlay network.
type Peer struct {
	Address netip.Addr   // of the node
	Range   netip.Prefix // its spec.podCIDR
}

// VNIC is an interface for Pods with VCN-native pod networking.
type VNIC struct {
	Interface string       // name in the node's network namespace; it is up
	Subnet    netip.Prefix // the CIDR of its subnet
	Gateway   netip.Addr   // of the subnet
	Addresses []netip.Addr // for Pods: secondary private addresses, which the interface does not have
}
