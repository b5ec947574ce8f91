package oci_test

import (
	"net/netip"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestNetworkDescribesWhatDecidesAboutPackets(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		group := c.Create("networkSecurityGroups", engine.Doc{"vcnId": n.Vcn, "displayName": "web"}).Str("id")
		c.Send("POST", ocitest.Core+"/networkSecurityGroups/"+group+"/actions/addSecurityRules", engine.Doc{
			"securityRules": []any{engine.Doc{
				"direction": "INGRESS", "protocol": "6", "sourceType": "NETWORK_SECURITY_GROUP", "source": group,
				"tcpOptions": engine.Doc{"destinationPortRange": engine.Doc{"min": 80, "max": 81}},
			}},
		}, nil)
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))

		net := c.Server.Network()
		subnets := map[string]cloud.Subnet{}
		for _, s := range net.Subnets {
			subnets[s.ID] = s
		}
		workers := subnets[n.Workers]
		if workers.CIDR != netip.MustParsePrefix("10.0.16.0/20") || workers.VcnID != n.Vcn ||
			len(workers.VcnCIDRs) != 1 || len(workers.Routes) != 2 || len(workers.SecurityLists) != 1 {
			t.Errorf("the workers' subnet is %+v", workers)
		}
		if r := workers.Routes[0]; r.Gateway != cloud.NATGateway || !r.PublicIP.IsValid() || r.Blocked {
			t.Errorf("the route of %v is %+v, want one by the NAT gateway", r.Destinations, r)
		}
		if r := workers.Routes[1]; r.Gateway != cloud.ServiceGateway || len(r.Destinations) == 0 {
			t.Errorf("the route to Oracle's services is %+v", r)
		}
		if rule := workers.SecurityLists[0].Rules[0]; rule.Ingress || rule.Protocol != -1 ||
			rule.Peers[0] != netip.MustParsePrefix("0.0.0.0/0") || rule.ICMPType != -1 {
			t.Errorf("the egress rule is %+v", rule)
		}
		if len(net.SecurityGroups) != 1 {
			t.Fatalf("network security groups %+v", net.SecurityGroups)
		}
		if rule := net.SecurityGroups[0].Rules[0]; !rule.Ingress || rule.PeerGroupID != group || rule.Peers != nil ||
			rule.DestinationPorts != [2]int{80, 81} || rule.SourcePorts != [2]int{} {
			t.Errorf("the group's rule is %+v", rule)
		}
		if len(net.VNICs) != 1 || net.VNICs[0].Host != cluster || net.VNICs[0].SubnetID != n.API ||
			net.VNICs[0].Addresses[0] != netip.MustParseAddr("10.0.0.2") {
			t.Errorf("VNICs %+v, want the cluster's endpoint", net.VNICs)
		}
	})
}

func TestChangesAreTold(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		c.Network()
		select {
		case <-c.Server.Changed():
		default:
			t.Error("nothing was told of a new network")
		}
	})
}
