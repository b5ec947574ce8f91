package ruleset_test

import (
	"flag"
	"net/netip"
	"os"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router/ruleset"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// network has a load balancer's subnet and one of nodes, each kind of rule and each kind of gateway.
func network() cloud.Network {
	lb, node := netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("10.0.2.2")
	anyone := prefixes("0.0.0.0/0")
	return cloud.Network{
		Subnets: []cloud.Subnet{
			{
				ID: "subnet-lb", Name: "lb", VcnID: "vcn", VcnCIDRs: prefixes("10.0.0.0/16"), CIDR: prefixes("10.0.1.0/24")[0],
				Routes: []cloud.Route{{Destinations: anyone, Gateway: cloud.InternetGateway}},
				SecurityLists: []cloud.RuleSet{{ID: "list-lb", Name: "lb", Rules: []cloud.SecurityRule{
					{Ingress: true, Peers: anyone, Protocol: 6, DestinationPorts: [2]int{80, 80}, Stateless: true},
					{Peers: anyone, Protocol: 6, SourcePorts: [2]int{80, 80}, Stateless: true},
					{PeerGroupID: "group-nodes", Protocol: 6, DestinationPorts: [2]int{30000, 32767}},
				}}},
			},
			{
				ID: "subnet-nodes", Name: "nodes", VcnID: "vcn", VcnCIDRs: prefixes("10.0.0.0/16"),
				CIDR: prefixes("10.0.2.0/24")[0],
				Routes: []cloud.Route{
					{Destinations: anyone, Gateway: cloud.NATGateway, PublicIP: netip.MustParseAddr("192.0.2.1")},
					{Destinations: prefixes("134.70.0.0/17", "140.91.0.0/17"), Gateway: cloud.ServiceGateway},
					{Destinations: prefixes("172.16.0.0/16"), Gateway: cloud.OtherGateway},
					{Destinations: prefixes("203.0.113.0/24"), Gateway: cloud.InternetGateway, Blocked: true},
				},
				SecurityLists: []cloud.RuleSet{{ID: "list-nodes", Name: "nodes", Rules: []cloud.SecurityRule{
					{Ingress: true, Peers: prefixes("10.0.1.0/24", "10.0.1.0/28", "10.0.9.0/24"), Protocol: 17},
					{Peers: anyone, Protocol: -1},
				}}},
			},
		},
		SecurityGroups: []cloud.RuleSet{{ID: "group-nodes", Name: "nodes\n", Rules: []cloud.SecurityRule{
			{Ingress: true, Peers: anyone, Protocol: 1, ICMPType: 3, ICMPCode: 4},
			{Ingress: true, Peers: anyone, Protocol: 1, ICMPType: 8, ICMPCode: -1},
			{Ingress: true, Peers: anyone, Protocol: 1, ICMPType: -1, ICMPCode: -1},
			{Ingress: true, Peers: anyone, Protocol: 47},
			{Ingress: true, PeerGroupID: "gone", Protocol: 6},
			{Ingress: true, Peers: prefixes("2001:db8::/32"), Protocol: 6},
		}}},
		VNICs: []cloud.VNIC{
			{
				ID: "vnic-lb", SubnetID: "subnet-lb", Addresses: []netip.Addr{lb},
				PublicIPs: map[netip.Addr]netip.Addr{lb: netip.MustParseAddr("192.0.2.2")},
			},
			{
				ID: "vnic-node", SubnetID: "subnet-nodes", Addresses: []netip.Addr{node, node.Next()},
				GroupIDs: []string{"group-nodes"},
			},
		},
	}
}

func TestCompile(t *testing.T) {
	got, err := ruleset.Compile(network())
	if err != nil {
		t.Fatal(err)
	}
	const path = "testdata/rules.nft"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != got {
		t.Errorf("differs from %s (%v): go test -update rewrites it\n%s", path, err, got)
	}
}

func TestByVCN(t *testing.T) {
	n := network()
	n.Subnets[1].VcnID = "other"
	parts := ruleset.ByVCN(n)
	if len(parts) != 2 || len(parts["vcn"].VNICs) != 1 || parts["other"].VNICs[0].ID != "vnic-node" ||
		len(parts["other"].SecurityGroups) != 1 {
		t.Errorf("got %+v", parts)
	}
}

func TestExplain(t *testing.T) {
	words := ruleset.NewWords(network())
	const rules = "subnet nodes or network security group nodes\n"
	packet := ruleset.Packet{ICMPType: 3, ICMPCode: 4}
	packet.VNICID, packet.Source = "vnic-node", netip.MustParseAddrPort("10.0.2.2:40000")
	packet.Destination = netip.MustParseAddrPort("203.0.113.7:443")
	for _, c := range []struct {
		decision ruleset.Decision
		protocol int
		want     string
	}{
		{ruleset.EgressAccept, 6, ""},
		{ruleset.EgressReject, 6, "an egress rule of " + rules + " for TCP 443 to 203.0.113.7"},
		{ruleset.IngressReject, 1, "an ingress rule of " + rules + " for ICMP 3/4 from 10.0.2.2"},
		{ruleset.EgressReject, 47, "an egress rule of " + rules + " for protocol 47 to 203.0.113.7"},
		{ruleset.RouteNone, 17, "a route rule of subnet nodes for 203.0.113.7"},
		{ruleset.RouteBack, 17, "a route rule of subnet nodes to the internet gateway for 10.0.2.2"},
	} {
		packet.Protocol = c.protocol
		if got := words.Explain(packet, c.decision).Missing; got != c.want {
			t.Errorf("%s: %q, want %q", c.decision, got, c.want)
		}
	}
}
