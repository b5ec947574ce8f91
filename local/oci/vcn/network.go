package vcn

import (
	"net/netip"
	"strconv"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

// serviceRanges are the emulated addresses of Oracle's services. They are of the reserved block (RFC 1112, section 4),
// which no VCN can have.
var serviceRanges = map[string][]netip.Prefix{
	ObjectStorageCIDR: {netip.MustParsePrefix("240.0.1.0/24")},
	AllServicesCIDR:   {netip.MustParsePrefix("240.0.0.0/16")},
}

// Emulated addresses of Container Registry, Object Storage, and all other services.
var (
	RegistryAddress      = netip.MustParseAddr("240.0.0.2")
	ObjectStorageAddress = netip.MustParseAddr("240.0.1.2")
	ServicesAddress      = netip.MustParseAddr("240.0.0.3")
)

// Network describes all VCNs, but for flow logs, which are another service's.
func Network(t *engine.Tx) cloud.Network {
	n := cloud.Network{ServiceCIDRs: serviceRanges[AllServicesCIDR]}
	for _, r := range t.All(SubnetKind) {
		n.Subnets = append(n.Subnets, describeSubnet(t, r))
	}
	for _, r := range t.All(securityGroupKind) {
		group := cloud.RuleSet{ID: r.ID, VcnID: r.Doc.Str("vcnId"), Name: r.Doc.Str("displayName")}
		for _, rule := range groupRules(r) {
			group.Rules = append(group.Rules, describeRule(rule, rule.Str("direction") == "INGRESS"))
		}
		n.SecurityGroups = append(n.SecurityGroups, group)
	}
	for _, r := range t.All(vnicKind) {
		n.VNICs = append(n.VNICs, describeVnic(t, r))
	}
	return n
}

func describeSubnet(t *engine.Tx, r *engine.Resource) cloud.Subnet {
	s := cloud.Subnet{
		ID: r.ID, Name: r.Doc.Str("displayName"), VcnID: r.Doc.Str("vcnId"), CIDR: prefixes(r.Doc.Str("cidrBlock"))[0],
	}
	if vcn := t.Find(s.VcnID); vcn != nil {
		s.VcnCIDRs = prefixes(vcn.Doc.Texts("cidrBlocks")...)
	}
	if table := t.Find(r.Doc.Str("routeTableId")); table != nil {
		for _, rule := range table.Doc.Objects("routeRules") {
			s.Routes = append(s.Routes, describeRoute(t, rule))
		}
	}
	for _, id := range r.Doc.Texts("securityListIds") {
		list := t.Find(id)
		if list == nil {
			continue
		}
		set := cloud.RuleSet{ID: id, Name: list.Doc.Str("displayName")}
		for _, rule := range list.Doc.Objects("ingressSecurityRules") {
			set.Rules = append(set.Rules, describeRule(rule, true))
		}
		for _, rule := range list.Doc.Objects("egressSecurityRules") {
			set.Rules = append(set.Rules, describeRule(rule, false))
		}
		s.SecurityLists = append(s.SecurityLists, set)
	}
	return s
}

// describeRoute describes a route rule. Gateways to what is not emulated lead nowhere.
func describeRoute(t *engine.Tx, rule engine.Doc) cloud.Route {
	out := cloud.Route{
		Destinations: destinations(rule.Str("destination")), Gateway: cloud.OtherGateway,
		GatewayID: rule.Str("networkEntityId"),
	}
	gateway := t.Find(out.GatewayID)
	if gateway == nil || gateway.Removed != nil {
		out.Blocked = true
		return out
	}
	switch gateway.Kind {
	case internetGatewayKind:
		out.Gateway, out.Blocked = cloud.InternetGateway, !gateway.Doc.Flag("isEnabled")
	case natGatewayKind:
		out.Gateway, out.Blocked = cloud.NATGateway, gateway.Doc.Flag("blockTraffic")
		out.PublicIP, _ = netip.ParseAddr(gateway.Doc.Str("natIp"))
	case serviceGatewayKind:
		out.Gateway, out.Blocked = cloud.ServiceGateway, gateway.Doc.Flag("blockTraffic")
	}
	return out
}

func describeRule(rule engine.Doc, ingress bool) cloud.SecurityRule {
	end := "destination"
	if ingress {
		end = "source"
	}
	out := cloud.SecurityRule{
		ID: rule.Str("id"), Description: rule.Str("description"), Ingress: ingress, Stateless: rule.Flag("isStateless"),
		Protocol: -1, ICMPType: -1, ICMPCode: -1,
	}
	if n, err := strconv.Atoi(rule.Str("protocol")); err == nil {
		out.Protocol = n
	}
	if rule.Str(end+"Type") == "NETWORK_SECURITY_GROUP" {
		out.PeerGroupID = rule.Str(end)
	} else {
		out.Peers = destinations(rule.Str(end))
	}
	for _, options := range []string{"tcpOptions", "udpOptions"} {
		if rule.Sub(options) != nil {
			out.SourcePorts = ports(rule.Sub(options, "sourcePortRange"))
			out.DestinationPorts = ports(rule.Sub(options, "destinationPortRange"))
		}
	}
	if icmp := rule.Sub("icmpOptions"); icmp != nil {
		out.ICMPType = int(icmp.Num("type"))
		if icmp["code"] != nil {
			out.ICMPCode = int(icmp.Num("code"))
		}
	}
	return out
}

func ports(r engine.Doc) [2]int { return [2]int{int(r.Num("min")), int(r.Num("max"))} }

// describeVnic describes a VNIC. A public IP is assigned to one of its private IPs or, of a load balancer, to the owner
// of the VNICs, which has it on the first of them.
func describeVnic(t *engine.Tx, r *engine.Resource) cloud.VNIC {
	v := cloud.VNIC{
		ID: r.ID, SubnetID: r.Doc.Str("subnetId"), Host: Owner(r), Primary: r.Doc.Flag("isPrimary"),
		GroupIDs: r.Doc.Texts("nsgIds"), PublicIPs: map[netip.Addr]netip.Addr{},
	}
	for _, ip := range t.All(privateIPKind, engine.With("vnicId", r.ID)) {
		address, err := netip.ParseAddr(ip.Doc.Str("ipAddress"))
		if err != nil {
			continue
		}
		v.Addresses = append(v.Addresses, address)
		holder := ip.ID
		if len(v.Addresses) == 1 && VnicsOf(t, v.Host)[0].ID == r.ID && len(t.All(publicIPKind, assignedTo(v.Host))) > 0 {
			holder = v.Host
		}
		for _, public := range t.All(publicIPKind, assignedTo(holder)) {
			v.PublicIPs[address], _ = netip.ParseAddr(public.Doc.Str("ipAddress"))
		}
	}
	return v
}

func assignedTo(id string) func(*engine.Resource) bool { return engine.With("assignedEntityId", id) }

// destinations returns the ranges of a CIDR block or a service CIDR label.
func destinations(text string) []netip.Prefix {
	if ranges, ok := serviceRanges[text]; ok {
		return ranges
	}
	return prefixes(text)
}

// prefixes parses CIDR blocks that the service has checked; one that is none becomes an invalid prefix.
func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		p, _ := netip.ParsePrefix(text)
		out = append(out, p)
	}
	return out
}
