package sandbox

import (
	"net/netip"
	"reflect"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/worker/podnet"
)

func addresses(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func newNode(id, address, podCIDR string) dataplane.Node {
	n := dataplane.Node{Node: cloud.Node{InstanceID: id, PrivateIP: address}}
	n.PodCIDR, _ = netip.ParsePrefix(podCIDR) // "" is none
	return n
}

func TestPodNetwork(t *testing.T) {
	a, b := newNode("a", "10.0.1.2", "10.244.0.0/25"), newNode("b", "10.0.1.3", "10.244.0.128/25")
	starting := newNode("c", "10.0.1.4", "")
	overlay := dataplane.Cluster{Nodes: []dataplane.Node{a, b, starting}}
	overlay.PodsCIDR = "10.244.0.0/16"
	pods := netip.MustParsePrefix("10.0.128.0/18")
	network := cloud.Network{
		Subnets: []cloud.Subnet{{ID: "pods", CIDR: pods}, {ID: "nodes", CIDR: netip.MustParsePrefix("10.0.1.0/24")}},
		VNICs: []cloud.VNIC{
			{Host: "a", SubnetID: "nodes", Primary: true, Addresses: addresses("10.0.1.2")},
			{Host: "b", SubnetID: "pods", Addresses: addresses("10.0.128.9", "10.0.128.10")},
			{Host: "a", SubnetID: "pods", Addresses: addresses("10.0.128.2", "10.0.128.3", "10.0.128.4")},
			{Host: "a", SubnetID: "pods", Addresses: addresses("10.0.128.5", "10.0.128.6")},
		},
	}
	for name, tc := range map[string]struct {
		cluster dataplane.Cluster
		want    podnet.Network
		pods    int
	}{
		"overlay: the peers are the other nodes that have a range": {overlay, podnet.Network{
			Cluster: netip.MustParsePrefix("10.244.0.0/16"), Range: a.PodCIDR,
			Peers: []podnet.Peer{{Address: netip.MustParseAddr("10.0.1.3"), Range: b.PodCIDR}},
		}, 110},
		"VCN-native: the node's secondary VNICs, without their own addresses": {dataplane.Cluster{}, podnet.Network{
			VNICs: []podnet.VNIC{
				{
					Interface: "eth1", Subnet: pods, Gateway: netip.MustParseAddr("10.0.128.1"),
					Addresses: addresses("10.0.128.3", "10.0.128.4"),
				},
				{
					Interface: "eth2", Subnet: pods, Gateway: netip.MustParseAddr("10.0.128.1"),
					Addresses: addresses("10.0.128.6"),
				},
			},
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := podNetwork(tc.cluster, a, network)
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tc.want)
			}
			if n := maxPods(dataplane.Node{Node: cloud.Node{MaxPods: 110}}, got); n != tc.pods {
				t.Errorf("%d Pods at most, want %d", n, tc.pods)
			}
		})
	}
}
