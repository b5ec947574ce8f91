package layout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Capacity is what the network must have room for, at the pools' largest sizes.
// Zero values ask for nothing.
type Capacity struct {
	Pools                 []Pool
	PublicLoadBalancers   int // Services with a public load balancer
	InternalLoadBalancers int // Services with an internal load balancer
}

// Pool is one node pool's share.
type Pool struct {
	Nodes       int // largest number of nodes, surge included
	PodsPerNode int // maxPodsPerNode; with VCN-native pod networking each is an address
}

const (
	// largestVCN is the shortest prefix length of a VCN.
	largestVCN = 16
	// reserved addresses of a subnet: network, router, broadcast (Oracle, "VCNs and Subnets", three reserved addresses).
	reserved = 3
	// podsPerVNIC is how many Pods' addresses a secondary VNIC carries (Oracle, "Using the OCI VCN-Native Pod Networking CNI plugin").
	podsPerVNIC = 31
	// flannelNodeBits is the prefix length of the Pods' range that OKE gives each node with flannel.
	flannelNodeBits = 25
	// addressesPerBalancer: an internal load balancer takes three addresses of its subnet, a public one two
	// (Oracle, "Load Balancer", subnets); three leave room for both.
	addressesPerBalancer = 3
	// bastionNetworks is how many networks the allowlist of a bastion holds.
	bastionNetworks = 20
	// tableRules is how many rules a route table holds (Oracle, "Service Limits", Networking).
	tableRules = 200
	// widestNamedBits: a network that is let in and wider than this is the internet by another name.
	widestNamedBits = 8
)

// Validate adds every problem of the settings to the list. It expects defaults to be applied.
func (s Spec) Validate(p *problem.List, need Capacity) {
	s.validateChoices(p)
	vcn := s.validateRanges(p)
	s.validateOpenings(p)
	s.validateExisting(p)
	if vcn.IsValid() {
		s.validateSubnets(p, vcn, need)
	}
	s.validateExtraRules(p)
	s.validateFlowLogs(p)
}

func (s Spec) validateChoices(p *problem.List) {
	for _, choice := range []struct {
		key, value string
		allowed    []string
	}{
		{"podNetwork", s.PodNetwork, []string{Flannel, VCNNative}},
		{"apiEndpoint", s.APIEndpoint, []string{Private, Public}},
		{"loadBalancers", s.LoadBalancers, []string{Public, Internal, Both}},
		{"internetEgress", s.InternetEgress, []string{EgressNone, EgressWorkers, EgressWorkersAndPods}},
		{"securityBy", s.SecurityBy, []string{Lists, Groups}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			p.Add(choice.key, "%q is not one of %s", choice.value, strings.Join(choice.allowed, ", "))
		}
	}
}

// validateRanges checks the address ranges that are not subnets. It returns the VCN's, invalid when it cannot be used.
func (s Spec) validateRanges(p *problem.List) netip.Prefix {
	type named struct {
		key   string
		value netip.Prefix
	}
	var all []named
	add := func(key, text string, low, high int) {
		prefix, err := ParseCIDR(text)
		switch {
		case err != nil:
			p.Add(key, "%v", err)
		case prefix.Bits() < low || prefix.Bits() > high:
			p.Add(key, "%s is outside /%d to /%d", text, low, high)
		case unusable(prefix):
			p.Add(key, "%s holds addresses that no network may use: 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3", text)
		default:
			all = append(all, named{key, prefix})
		}
	}
	add("vcnCidr", s.VcnCIDR, largestVCN, 30)
	var vcn netip.Prefix
	if len(all) == 1 {
		vcn = all[0].value
	}
	if s.PodNetwork != VCNNative { // Pods of the VCN take no overlay range
		add("podsCidr", s.PodsCIDR, 8, flannelNodeBits)
	}
	add("servicesCidr", s.ServicesCIDR, 12, 28)
	for _, peer := range s.PeerCIDRs {
		add("peerCidrs", peer, 1, 32)
	}
	for i, one := range all {
		for _, other := range all[:i] {
			if one.key == other.key && one.value != other.value {
				continue // peers may nest: the longer route wins
			}
			if one.value.Overlaps(other.value) {
				p.Add(one.key, "%s overlaps %s of %s", one.value, other.value, other.key)
			}
		}
	}
	return vcn
}

// unusable reports whether the range overlaps addresses with a meaning of their
// own (Oracle, "VCNs and Subnets", allowed VCN size and address ranges).
func unusable(prefix netip.Prefix) bool {
	return slices.ContainsFunc([]string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"}, func(text string) bool {
		return netip.MustParsePrefix(text).Overlaps(prefix)
	})
}

// validateOpenings checks the lists of networks that are let in.
func (s Spec) validateOpenings(p *problem.List) {
	everybody := fmt.Sprintf("name the networks, or %s for the whole internet", Anywhere)
	if s.APIEndpoint == Public && len(s.APIAllowedCIDRs) == 0 {
		p.Add("apiAllowedCidrs", "a public endpoint is reached by nobody: %s", everybody)
	}
	if s.Has(PublicLoadBalancers) && len(s.LoadBalancerAllowedCIDRs) == 0 {
		p.Add("loadBalancerAllowedCidrs", "the public load balancers are reached by nobody: %s", everybody)
	}
	if s.Has(InternalLoadBalancers) && len(s.InternalLoadBalancerAllowedCIDRs) == 0 {
		p.Add("internalLoadBalancerAllowedCidrs", "the internal load balancers are reached by nobody: name the networks, such as the VCN's, %s", s.VcnCIDR)
	}
	if !s.Has(PublicLoadBalancers) && len(s.LoadBalancerAllowedCIDRs) > 0 {
		p.Add("loadBalancerAllowedCidrs", "there are no public load balancers: set loadBalancers to public or both, or leave the networks out")
	}
	if !s.Has(InternalLoadBalancers) && len(s.InternalLoadBalancerAllowedCIDRs) > 0 {
		p.Add("internalLoadBalancerAllowedCidrs", "there are no internal load balancers: set loadBalancers to internal or both, or leave the networks out")
	}
	if s.Bastion && len(s.BastionAllowedCIDRs) == 0 {
		p.Add("bastionAllowedCidrs", "nobody may open a session of the bastion: %s", everybody)
	}
	if len(s.BastionAllowedCIDRs) > bastionNetworks {
		p.Add("bastionAllowedCidrs", "%d networks, and a bastion takes %d: name fewer, wider ones", len(s.BastionAllowedCIDRs), bastionNetworks)
	}
	if !s.Bastion && len(s.BastionAllowedCIDRs) > 0 {
		p.Add("bastionAllowedCidrs", "there is no bastion to open sessions of: set bastion to true, or leave the networks out")
	}
	if s.Bastion && s.APIEndpoint == Public {
		p.Add("bastion", "is for a private endpoint, and apiEndpoint is public")
	}
	for _, list := range []struct {
		key    string
		role   Role // whose subnet is opened; empty: none
		cidrs  []string
		closed string // what the internet does not reach; empty when it may
	}{
		{"apiAllowedCidrs", API, s.APIAllowedCIDRs, unless(s.APIEndpoint == Public, "a private endpoint")},
		{"loadBalancerAllowedCidrs", PublicLoadBalancers, s.LoadBalancerAllowedCIDRs, ""},
		{"internalLoadBalancerAllowedCidrs", InternalLoadBalancers, s.InternalLoadBalancerAllowedCIDRs, "an internal load balancer"},
		{"bastionAllowedCidrs", "", s.BastionAllowedCIDRs, ""},
	} {
		for _, cidr := range list.cidrs {
			prefix, err := ParseCIDR(cidr)
			switch {
			case err != nil:
				p.Add(list.key, "%v", err)
			case list.closed != "" && !s.connected(prefix):
				p.Add(list.key, "%s is reached by %s and by peerCidrs behind drgId only, and %s lies in none", list.closed, s.VcnCIDR, cidr)
			case s.isPublic(list.role) && !s.routed(list.role, cidr, true):
				p.Add(list.key, "%s is a private network, and no route lets it in: name the public address that it goes out by, or %s", cidr, asPeer)
			default:
				checkWidth(p, list.key, prefix)
			}
		}
	}
}

// checkWidth refuses the internet in other words than 0.0.0.0/0.
func checkWidth(p *problem.List, key string, network netip.Prefix) {
	if network.Bits() > 0 && network.Bits() < widestNamedBits {
		p.Add(key, "%s is most of the internet: say %s if everybody is meant, else /%d at the widest", network, Anywhere, widestNamedBits)
	}
}

// connected reports whether the network lies in the VCN, or in a peer that the VCN has a route to.
func (s Spec) connected(network netip.Prefix) bool {
	outer := []string{s.VcnCIDR}
	if s.DrgID != "" {
		outer = append(outer, s.PeerCIDRs...)
	}
	for _, text := range outer {
		prefix, err := ParseCIDR(text)
		if err == nil && Within(network, prefix) {
			return true
		}
	}
	return false
}

func unless(condition bool, text string) string {
	if condition {
		return ""
	}
	return text
}

// validateExisting checks the OCIDs and what they go together with.
func (s Spec) validateExisting(p *problem.List) {
	checkOCID(p, "vcnId", s.VcnID, "vcn")
	checkOCID(p, "drgId", s.DrgID, "drg")
	plan, err := Plan(s)
	for _, gateway := range s.ExistingGateways() {
		checkOCID(p, gateway.Key, gateway.ID, string(gateway.Kind)+"gateway")
		switch {
		case s.VcnID == "":
			p.Add(gateway.Key, "an existing gateway belongs to an existing VCN: set vcnId too")
		case err == nil && !plan.Uses(gateway.Kind):
			p.Add(gateway.Key, "no route that this stack makes leads to the gateway: leave it out")
		}
	}
	if s.DrgID != "" && len(s.PeerCIDRs) == 0 {
		p.Add("drgId", "leads nowhere: name the networks behind it in peerCidrs")
	}
	for _, table := range plan.RouteTables {
		if n := len(table.Routes); n > tableRules && !table.Existing {
			p.Add("peerCidrs", "route table %s needs %d rules, and holds %d: name fewer, wider networks", table.Name, n, tableRules)
			break // the others need about as many
		}
	}
}

// ExistingGateway is a gateway of an existing VCN that the settings name.
type ExistingGateway struct {
	Kind Gateway
	Key  string // of the setting
	ID   string // OCID
}

// ExistingGateways lists those that are set. A dynamic routing gateway belongs to no VCN and is not among them.
func (s Spec) ExistingGateways() []ExistingGateway {
	return slices.DeleteFunc([]ExistingGateway{
		{InternetGateway, "internetGatewayId", s.InternetGatewayID},
		{NATGateway, "natGatewayId", s.NATGatewayID},
		{ServiceGateway, "serviceGatewayId", s.ServiceGatewayID},
	}, func(g ExistingGateway) bool { return g.ID == "" })
}

// checkOCID refuses an OCID of another kind, or what is none. Empty is fine.
func checkOCID(p *problem.List, key, value, kind string) {
	if value == "" {
		return
	}
	parts := strings.Split(value, ".")
	switch {
	case len(parts) < 5 || parts[0] != "ocid1":
		p.Add(key, "%q is no OCID such as ocid1.%s.oc1.iad.aaaa", value, kind)
	case parts[1] != kind:
		p.Add(key, "%q is the OCID of a %s, not of a %s", value, parts[1], kind)
	}
}

func (s Spec) validateFlowLogs(p *problem.List) {
	for i, role := range s.FlowLogs {
		switch {
		case !slices.Contains(Roles, role):
			p.Add("flowLogs", "%q is not one of %s", role, s.roleNames())
		case !s.Has(role):
			p.Add("flowLogs", "this stack has no subnet %q; it has %s", role, s.roleNames())
		case slices.Contains(s.FlowLogs[:i], role):
			p.Add("flowLogs", "%q is named twice", role)
		}
	}
}

// roleNames lists the roles of this stack.
func (s Spec) roleNames() string {
	var names []string
	for _, role := range Roles {
		if s.Has(role) {
			names = append(names, string(role))
		}
	}
	return strings.Join(names, ", ")
}

// validateExtraRules checks the rules in the vocabulary of ExtraRule.
func (s Spec) validateExtraRules(p *problem.List) {
	for i, rule := range s.ExtraRules {
		key := fmt.Sprintf("extraRules[%d]", i)
		subnets := 0
		for _, end := range []struct{ name, value string }{{"from", rule.From}, {"to", rule.To}} {
			role := Role(end.value)
			switch network, err := ParseCIDR(end.value); {
			case slices.Contains(Roles, role) && !s.Has(role):
				p.Add(key, "%s: this stack has no subnet %q; it has %s", end.name, role, s.roleNames())
				subnets++
			case slices.Contains(Roles, role):
				subnets++
			case err == nil && end.name == "from":
				checkWidth(p, key+": from", network)
			case end.value == OSN && end.name == "to", err == nil:
			case strings.Contains(end.value, "/"):
				p.Add(key, "%s: %v", end.name, err)
			case end.value == OSN:
				p.Add(key, "from: Oracle's services open no connections to the VCN")
			default:
				p.Add(key, "%s: %q is no subnet of this stack (%s), no CIDR and not %s", end.name, end.value, s.roleNames(), OSN)
			}
		}
		if subnets == 0 {
			p.Add(key, "one end must be a subnet: %s", s.roleNames())
		}
		checkPorts(p, key, rule)
		s.checkRoute(p, key, rule)
		if strings.ContainsAny(rule.Description, "\n\r") || len(rule.Description) > 255 {
			p.Add(key, "description: one line of at most 255 characters")
		}
	}
}

// asPeer is the advice for a network that no route leads to.
const asPeer = "name the network in peerCidrs, behind drgId"

// checkRoute refuses a rule for what no packet gets to. Ends that are no roles and no networks are told of elsewhere.
func (s Spec) checkRoute(p *problem.List, key string, rule ExtraRule) {
	from, to := Role(rule.From), Role(rule.To)
	source, _ := ParseCIDR(rule.From)
	network, _ := ParseCIDR(rule.To)
	egress := map[Role]string{Workers: EgressWorkers, Pods: EgressWorkersAndPods}[from]
	kind, _, _ := ParseICMP(string(rule.Ports))
	failure := rule.Protocol == "icmp" && kind == 3 // a message that a packet did not arrive: NAT lets it back in
	switch {
	case s.Has(from) && s.routed(from, rule.To, false), s.Has(to) && s.routed(to, rule.From, !failure):
	case s.Has(from) && rule.To == OSN:
		p.Add(key, "no route leads from %s to Oracle's services: leave the rule out", from)
	case s.Has(from) && egress != "" && !PrivateNetwork(network):
		p.Add(key, "no route leads from %s to %s: set internetEgress to %s, or %s", from, network, egress, asPeer)
	case s.Has(from):
		p.Add(key, "no route leads from %s to %s: %s", from, network, asPeer)
	case s.Has(to) && PrivateNetwork(source):
		p.Add(key, "no route lets %s in to %s: %s", rule.From, to, asPeer)
	case s.Has(to):
		p.Add(key, "no route lets %s in to %s: %s, or open a public subnet", rule.From, to, asPeer)
	}
}

// routed reports whether packets from a role's subnet get to a part of far, a CIDR or OSN; inward, whether connections from there get in.
func (s Spec) routed(role Role, far string, inward bool) bool {
	network, err := ParseCIDR(far)
	vcn, vcnErr := ParseCIDR(s.VcnCIDR)
	switch {
	case err != nil && far != OSN, vcnErr != nil, s.Subnets[role].ID != "": // the table of an existing subnet is not known
		return true
	case err == nil && network.Overlaps(vcn), s.VcnID != "" && PrivateNetwork(network): // an existing VCN may have more CIDRs
		return true
	}
	for _, table := range s.routeTables() {
		for _, route := range table.Routes {
			destination, bad := ParseCIDR(route.Destination)
			switch {
			case table.Name != s.routeTable(role), inward && route.Gateway == NATGateway:
			case route.Gateway != DRG && PrivateNetwork(network):
			case far == OSN && (route.Destination == OSN || route.Destination == Anywhere):
				return true
			case err == nil && bad == nil && network.Overlaps(destination):
				return true
			}
		}
	}
	return false
}

func checkPorts(p *problem.List, key string, rule ExtraRule) {
	var err error
	switch {
	case !slices.Contains([]string{"tcp", "udp", "icmp", "all"}, rule.Protocol):
		p.Add(key, "protocol: %q is not one of tcp, udp, icmp, all", rule.Protocol)
	case rule.Ports == "":
	case rule.Protocol == "all":
		p.Add(key, "ports: protocol all has none; choose tcp or udp, or leave ports out")
	case rule.Protocol == "icmp":
		_, _, err = ParseICMP(string(rule.Ports))
	default:
		_, err = ParsePorts(string(rule.Ports))
	}
	if err != nil {
		p.Add(key, "ports: %v", err)
	}
}
