package layout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"oke-guestbook/plan/setting"
)

const (
	// largestVCN is the shortest prefix length of a VCN (Oracle, "VCNs and Subnets").
	largestVCN = 16
	// smallestSubnet is the longest prefix length of a VCN and of a subnet.
	smallestSubnet = 30
	// flannelNodeBits is the prefix length of the Pods' range that OKE gives each node with flannel.
	flannelNodeBits = 25
	// bastionNetworks is how many networks the allowlist of a bastion holds.
	bastionNetworks = 20
	// widestNamedBits is the shortest prefix length of a network that may be named: a wider one is most of the internet.
	widestNamedBits = 8
	// maxDescription is the length of a rule's description.
	maxDescription = 255
)

// Settings declares the settings of the network.
func (s *Spec) Settings() setting.Group {
	return slices.Concat(s.ranges(), s.access(), s.existing(), s.security())
}

func (s *Spec) ranges() setting.Group {
	usesOverlay := s.PodNetwork != VCNNative
	return setting.Group{
		setting.Of(&s.VcnCIDR, "vcnCidr", "10.0.0.0/16",
			"CIDR of the VCN. The subnets have fixed places in it; /25 is the smallest that holds all of them",
			cidr(largestVCN, smallestSubnet)),
		setting.Of(&s.PodNetwork, "podNetwork", Flannel,
			"How Pods get addresses: flannel (overlay) or vcn-native (an address of the VCN for each Pod). "+
				"Neither enforces network policies; networkPolicies does, with either",
			setting.OneOf(Flannel, VCNNative)),
		setting.Of(&s.PodsCIDR, "podsCidr", "10.244.0.0/16",
			"Addresses of Pods with flannel, a /25 for each node. Must not overlap vcnCidr",
			setting.If(usesOverlay, cidr(8, flannelNodeBits))),
		setting.Of(&s.ServicesCIDR, "servicesCidr", "10.96.0.0/16",
			"Addresses of Kubernetes Services. Must overlap neither vcnCidr nor podsCidr",
			cidr(12, 28)),
	}
}

func (s *Spec) access() setting.Group {
	network, once := setting.Each(namedNetwork), setting.Unique[string]()
	return setting.Group{
		setting.Of(&s.APIEndpoint, "apiEndpoint", Private,
			"Kubernetes API endpoint: private (inside the VCN) or public (also from apiAllowedCidrs on the internet)",
			setting.OneOf(Private, Public)),
		setting.List(&s.APIAllowedCIDRs, "apiAllowedCidrs", nil,
			"Networks outside the stack that may reach the Kubernetes API. 0.0.0.0/0, the whole internet, "+
				"needs a public endpoint",
			network, once),
		setting.Of(&s.LoadBalancers, "loadBalancers", Public,
			"Subnets for load balancers: public, internal or both",
			setting.OneOf(Public, Internal, Both)),
		setting.List(&s.LoadBalancerAllowedCIDRs, "loadBalancerAllowedCidrs", nil,
			"Networks that may reach the public load balancers. 0.0.0.0/0 is the whole internet",
			network, once),
		setting.List(&s.InternalLoadBalancerAllowedCIDRs, "internalLoadBalancerAllowedCidrs", nil,
			"Networks that may reach the internal load balancers, such as the VCN's or a peer's CIDR",
			network, once),
		setting.List(&s.LoadBalancerPorts, "loadBalancerPorts", []PortRange{{80, 80}},
			"TCP ports that load balancers listen on: a port or a range, such as 80 or 8000-8010",
			setting.Unique[PortRange]()),
		setting.Of(&s.InternetEgress, "internetEgress", EgressWorkers,
			"Who may open HTTPS connections to the internet through NAT: none, workers (image pulls) or workers-and-pods. "+
				"The rule is for 0.0.0.0/0, which includes peers and the VCN's other hosts",
			setting.OneOf(EgressNone, EgressWorkers, EgressWorkersAndPods)),
	}
}

func (s *Spec) existing() setting.Group {
	return setting.Group{
		setting.ObjectsByName(&s.Subnets, "subnets",
			"Subnets by role ("+strings.Join(roleNames(Roles), ", ")+"): "+
				"prefixLength, or cidr, or id and cidr of an existing subnet",
			(*SubnetSpec).settings, setting.Names[Role, SubnetSpec](setting.OneOf(Roles...))),
		setting.Of(&s.VcnID, "vcnId", "",
			"OCID of an existing VCN to use, whose CIDR is vcnCidr. Empty to create one",
			setting.OCID("vcn")),
		setting.Of(&s.InternetGatewayID, "internetGatewayId", "",
			"OCID of the existing VCN's internet gateway. Empty to create one where it is needed",
			setting.OCID("internetgateway")),
		setting.Of(&s.NATGatewayID, "natGatewayId", "",
			"OCID of the existing VCN's NAT gateway. Empty to create one where it is needed",
			setting.OCID("natgateway")),
		setting.Of(&s.ServiceGatewayID, "serviceGatewayId", "",
			"OCID of the existing VCN's service gateway, enabled for all services. Empty to create one",
			setting.OCID("servicegateway")),
		setting.Of(&s.DrgID, "drgId", "",
			"OCID of a dynamic routing gateway that leads to peerCidrs. A new VCN is attached to it; "+
				"an existing one must be already",
			setting.OCID("drg")),
		setting.List(&s.PeerCIDRs, "peerCidrs", nil,
			"Networks that are, or will be, connected to the VCN. Nothing of the stack may overlap them",
			setting.Each(cidr(1, 32)), setting.Unique[string]()),
	}
}

func (s *Spec) security() setting.Group {
	return setting.Group{
		setting.Of(&s.SecurityBy, "securityBy", Lists,
			"What holds the rules: lists (security lists of the subnets) or groups (network security groups)",
			setting.OneOf(Lists, Groups)),
		setting.Objects(&s.ExtraRules, "extraRules", nil,
			"More flows to allow, each with from and to (a role, a CIDR or osn), protocol, ports and description",
			(*ExtraRule).settings),
		setting.Of(&s.Bastion, "bastion", false,
			"OCI Bastion for a private endpoint: SSH tunnels to the Kubernetes API without a host to maintain"),
		setting.List(&s.BastionAllowedCIDRs, "bastionAllowedCidrs", nil,
			"Networks from which sessions of the bastion may be opened",
			setting.Each(namedNetwork), setting.Unique[string](),
			setting.Func(fmt.Sprintf("at most %d", bastionNetworks), atMostBastionNetworks)),
		setting.List(&s.FlowLogs, "flowLogs", nil,
			"Roles of the subnets whose traffic is logged with VCN flow logs",
			setting.Each(setting.OneOf(Roles...)), setting.Unique[Role]()),
	}
}

func (s *SubnetSpec) settings() setting.Group {
	return setting.Group{
		setting.Of(&s.PrefixLength, "prefixLength", 0,
			"Size of the subnet at its place in the plan; leave it out for the planned one"),
		setting.Of(&s.CIDR, "cidr", "", "CIDR of the subnet, in the VCN; leave it out for its place in the plan",
			setting.Optional(setting.Func("a CIDR, /30 at the smallest", checkSubnetCIDR))),
		setting.Of(&s.ID, "id", "", "OCID of an existing subnet, whose CIDR is cidr",
			setting.OCID("subnet")),
	}
}

func (r *ExtraRule) settings() setting.Group {
	return setting.Group{
		setting.Of(&r.From, "from", "", "Who opens connections: a role or a CIDR",
			setting.Func("", checkSource)),
		setting.Of(&r.To, "to", "", "Who accepts them: a role, a CIDR, or osn (Oracle's services)",
			setting.Func("", checkEnd)),
		setting.Of(&r.Protocol, "protocol", "", "Protocol; all has no ports",
			setting.OneOf("tcp", "udp", "icmp", "all")),
		setting.Of(&r.Ports, "ports", "",
			"A port or a range such as 8000-8010 (tcp, udp); a type such as 8, or a type and a code such as 3/4 (icmp). "+
				"Empty for all"),
		setting.Of(&r.Description, "description", "", "Description of the rules",
			setting.Func(fmt.Sprintf("one line of at most %d characters", maxDescription), checkDescription)),
	}
}

// cidr allows IPv4 CIDRs of some prefix lengths.
func cidr(low, high int) setting.Check[string] {
	return setting.Func(fmt.Sprintf("a CIDR, /%d to /%d", low, high), func(text string) error {
		prefix, err := ParseCIDR(text)
		switch {
		case err != nil:
			return err
		case prefix.Bits() < low || prefix.Bits() > high:
			return fmt.Errorf("%s is outside /%d to /%d", text, low, high)
		}
		return checkUsable(text, prefix)
	})
}

// unusable are addresses with a meaning of their own (Oracle, "VCNs and Subnets", allowed VCN size and address ranges).
var unusable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// namedNetwork allows networks that access is granted to.
var namedNetwork = setting.Func("CIDRs, /8 at the widest, or "+Anywhere, func(text string) error {
	network, err := ParseCIDR(text)
	if err == nil && network.Bits() > 0 && network.Bits() < widestNamedBits {
		return fmt.Errorf("%s is most of the internet: use %s for everybody, else /%d at the widest",
			text, Anywhere, widestNamedBits)
	}
	if err == nil && network.Bits() > 0 {
		err = checkUsable(text, network)
	}
	return err
})

// checkUsable refuses networks whose addresses no machine in another network has.
func checkUsable(text string, network netip.Prefix) error {
	if slices.ContainsFunc(unusable, network.Overlaps) {
		return fmt.Errorf("%s holds addresses that no network may use: %s", text, join(unusable))
	}
	return nil
}

func checkSubnetCIDR(text string) error {
	prefix, err := ParseCIDR(text)
	if err == nil && prefix.Bits() > smallestSubnet {
		return fmt.Errorf("%s is too small: a subnet is at least a /%d", text, smallestSubnet)
	}
	return err
}

func atMostBastionNetworks(cidrs []string) error {
	if len(cidrs) > bastionNetworks {
		return fmt.Errorf("%d networks, but a bastion takes %d: use fewer, wider ones", len(cidrs), bastionNetworks)
	}
	return nil
}

// checkEnd refuses what is no end of an extra rule in any stack.
func checkEnd(end string) error {
	if slices.Contains(Roles, Role(end)) || end == OSN {
		return nil
	}
	network, err := ParseCIDR(end)
	switch {
	case err != nil && !strings.Contains(end, "/"):
		return fmt.Errorf("%q is none of %s, %s and no CIDR", end, strings.Join(roleNames(Roles), ", "), OSN)
	case err != nil || network.Bits() < widestNamedBits:
		return err
	}
	return checkUsable(end, network)
}

func checkSource(from string) error {
	switch _, err := ParseCIDR(from); {
	case from == OSN:
		return fmt.Errorf("%s is a destination only: Oracle's services open no connections to the VCN", OSN)
	case err == nil:
		return namedNetwork.Test(from)
	}
	return checkEnd(from)
}

func checkDescription(text string) error {
	if strings.ContainsAny(text, "\n\r\x00") || utf8.RuneCountInString(text) > maxDescription {
		return fmt.Errorf("must be one line of at most %d characters", maxDescription)
	}
	return nil
}

func join[T fmt.Stringer](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}

func roleNames(roles []Role) []string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return names
}

// ApplyDefaults gives settings that are not set their default.
func (s *Spec) ApplyDefaults() { s.Settings().ApplyDefaults() }

// StandIn is a network for documentation (RFC 5737).
const StandIn = "203.0.113.0/24"

// FillIn puts StandIn where operators have to name their own networks and have not yet. It returns these settings.
func (s *Spec) FillIn() (unset []string) {
	for _, list := range []struct {
		key    string
		needed bool
		cidrs  *[]string
	}{
		{"apiAllowedCidrs", s.APIEndpoint == Public, &s.APIAllowedCIDRs},
		{"bastionAllowedCidrs", s.Bastion, &s.BastionAllowedCIDRs},
	} {
		if list.needed && len(*list.cidrs) == 0 {
			*list.cidrs = []string{StandIn}
			unset = append(unset, list.key)
		}
	}
	return unset
}
