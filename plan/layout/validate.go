package layout

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Capacity is what the network must have room for, at the pools' largest sizes. Zero values ask for nothing.
type Capacity struct {
	Pools                 []Pool
	VirtualPools          []Pool // their nodes and Pods are in the Pods' subnet
	PublicLoadBalancers   int    // Services with a public load balancer
	InternalLoadBalancers int    // Services with an internal load balancer

	ServiceAddresses int // of the Services of guestbooks

	PoolSettings     []string // keys of the settings that Pools follows from
	BalancerSettings []string // keys of the settings that the numbers of load balancers follow from
}

// Pool is one node pool's share.
type Pool struct {
	Nodes       int // largest number of nodes, surge included
	PodsPerNode int // maxPodsPerNode; with VCN-native pod networking each is an address
}

const (
	// reserved addresses of a subnet: network, router, broadcast (Oracle, "VCNs and Subnets", three reserved addresses).
	reserved = 3
	// podsPerVNIC is how many Pods' addresses a secondary VNIC carries (Oracle, "Using the OCI VCN-Native Pod Networking
	// CNI plugin").
	podsPerVNIC = 31
	// addressesPerBalancer: an internal load balancer takes three addresses of its subnet, a public one two
	// (Oracle, "Load Balancer", subnets); three leave room for both.
	addressesPerBalancer = 3
	// tableRules is how many rules a route table holds (Oracle, "Service Limits", Networking).
	tableRules = 200
)

// presence is the setting that decides whether the stack has the subnet of a role. Those of other roles always exist.
var presence = map[Role]string{
	Pods: "podNetwork", PublicLoadBalancers: "loadBalancers", InternalLoadBalancers: "loadBalancers", Bastion: "bastion",
}

// The settings that facts about the whole network follow from.
var (
	// occupied decides where subnets lie.
	occupied = []string{"vcnCidr", "subnets", "podNetwork", "loadBalancers", "bastion"}
	// routes decides which routes lead where, peers and the VCN's own addresses included.
	routes = append([]string{"vcnId", "apiEndpoint", "internetEgress", "drgId", "peerCidrs"}, occupied...)
)

// Validate adds every problem of the settings to the list. It expects defaults to be applied.
func (s Spec) Validate(p *problem.List, need Capacity) {
	s.Settings().Check(p, "")
	s.validateOverlaps(p)
	s.validateOpenings(p)
	s.validateExisting(p)
	if vcn, err := ParseCIDR(s.VcnCIDR); err == nil {
		s.validateSubnets(p, vcn, need)
	}
	s.validateExtraRules(p)
	for i, issuer := range s.Issuers {
		if !s.routed(API, issuer.CIDR, false) {
			p.Add(fmt.Sprintf("oidcIssuers[%d].url", i), "no route leads from the API endpoint to %s: %s", issuer.CIDR, asPeer).
				DependsOn(routes...)
		}
	}
	for _, role := range s.FlowLogs {
		if !s.Has(role) {
			p.Add("flowLogs", "this stack has no subnet %q; it has %s", role, s.roleNames()).DependsOn(presence[role])
		}
	}
}

// validateOverlaps checks the address ranges that are not subnets against each other.
func (s Spec) validateOverlaps(p *problem.List) {
	type named struct {
		key   string
		value netip.Prefix
	}
	var all []named
	add := func(key, text string) {
		if prefix, err := ParseCIDR(text); err == nil {
			all = append(all, named{key, prefix})
		}
	}
	add("vcnCidr", s.VcnCIDR)
	if s.PodNetwork != VCNNative { // Pods of the VCN take no overlay range
		add("podsCidr", s.PodsCIDR)
	}
	add("servicesCidr", s.ServicesCIDR)
	for _, peer := range s.PeerCIDRs {
		add("peerCidrs", peer)
	}
	misplaced := map[string]bool{} // what overlaps those in turn would be one problem more of the same value
	for i, one := range all {
		for _, other := range all[:i] {
			if one.key == other.key || misplaced[other.key] {
				continue // peers may nest: the longer route wins
			}
			if one.value.Overlaps(other.value) {
				entry := p.Add(one.key, "%s overlaps %s of %s", one.value, other.value, other.key).DependsOn(other.key)
				misplaced[one.key] = true
				if one.key == "podsCidr" || other.key == "podsCidr" {
					entry.DependsOn("podNetwork")
				}
			}
		}
	}
}

// allowList is a list of networks that are let in.
type allowList struct {
	key     string
	cidrs   []string
	decider string // the setting that decides whether target exists
	target  string // what the networks reach
	exists  bool
	role    Role   // whose subnet is opened; empty for none
	closed  bool   // the internet does not reach the target
	advice  string // for a target that exists and that nobody can reach
	useless string // for networks without a target; empty if they are allowed
}

func (s Spec) allowLists() []allowList {
	const everybody = "name the networks, or " + Anywhere + " for the whole internet"
	return []allowList{
		{
			key: "apiAllowedCidrs", cidrs: s.APIAllowedCIDRs, decider: "apiEndpoint", target: "the endpoint",
			exists: s.APIEndpoint == Public, role: API, closed: s.APIEndpoint != Public, advice: everybody,
		},
		{
			key: "loadBalancerAllowedCidrs", cidrs: s.LoadBalancerAllowedCIDRs, decider: "loadBalancers",
			target: "the public load balancers", exists: s.Has(PublicLoadBalancers), role: PublicLoadBalancers,
			advice: everybody, useless: "set loadBalancers to public or both, or leave the networks out",
		},
		{
			key: "internalLoadBalancerAllowedCidrs", cidrs: s.InternalLoadBalancerAllowedCIDRs, decider: "loadBalancers",
			target: "the internal load balancers", exists: s.Has(InternalLoadBalancers), role: InternalLoadBalancers,
			closed: true, advice: "name the networks, such as the VCN's, " + s.VcnCIDR,
			useless: "set loadBalancers to internal or both, or leave the networks out",
		},
		{
			key: "bastionAllowedCidrs", cidrs: s.BastionAllowedCIDRs, decider: "bastion", target: "the bastion",
			exists: s.Bastion, advice: everybody, useless: "set bastion to true, or leave the networks out",
		},
	}
}

// validateOpenings checks the lists of networks that are let in.
func (s Spec) validateOpenings(p *problem.List) {
	for _, list := range s.allowLists() {
		switch {
		case list.exists && len(list.cidrs) == 0:
			p.Add(list.key, "nobody can reach %s: %s", list.target, list.advice).DependsOn(list.decider)
		case !list.exists && len(list.cidrs) > 0 && list.useless != "":
			p.Add(list.key, "this stack does not have %s: %s", list.target, list.useless).DependsOn(list.decider)
		}
		for _, cidr := range list.cidrs {
			prefix, err := ParseCIDR(cidr)
			switch {
			case err != nil:
			case list.closed && !s.connected(prefix):
				p.Add(list.key, "%s lies neither in %s nor in peerCidrs behind drgId, and nothing else can reach %s",
					cidr, s.VcnCIDR, list.target).
					DependsOn(list.decider, "vcnCidr", "peerCidrs", "drgId")
			case s.isPublic(list.role) && !s.routed(list.role, cidr, true):
				p.Add(list.key, "%s is a private network, and no route lets it in: name its public address, or %s", cidr, asPeer).
					DependsOn(routes...)
			}
		}
	}
	if s.Bastion && s.APIEndpoint == Public {
		p.Add("bastion", "is for a private endpoint, and apiEndpoint is public").DependsOn("apiEndpoint")
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

// validateExisting checks what OCIDs of existing resources go together with.
func (s Spec) validateExisting(p *problem.List) {
	plan, err := Plan(s)
	owner := map[string]Role{}
	for _, role := range Roles {
		id := s.Subnets[role].ID
		if other, twice := owner[id]; twice && id != "" {
			p.Add("subnets."+string(role)+".id", "is the subnet of role %s too: each role has its own", other).
				DependsOn("subnets." + string(other) + ".id")
		}
		owner[id] = role
	}
	for _, gateway := range s.ExistingGateways() {
		switch {
		case s.VcnID == "":
			p.Add(gateway.Key, "an existing gateway belongs to an existing VCN: set vcnId too").DependsOn("vcnId")
		case err == nil && !plan.Uses(gateway.Kind):
			p.Add(gateway.Key, "no route that this stack makes leads to the gateway: leave it out").DependsOn(routes...)
		}
	}
	if s.DrgID != "" && len(s.PeerCIDRs) == 0 {
		p.Add("drgId", "leads nowhere: name the networks behind it in peerCidrs").DependsOn("peerCidrs")
	}
	for _, table := range plan.RouteTables {
		if n := len(table.Routes); n > tableRules && !table.Existing {
			p.Add("peerCidrs", "route table %s needs %d rules, but holds %d: name fewer, wider networks",
				table.Name, n, tableRules).
				DependsOn(routes...)
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

// roleNames lists the roles of this stack.
func (s Spec) roleNames() string {
	has := slices.DeleteFunc(slices.Clone(Roles), func(role Role) bool { return !s.Has(role) })
	return strings.Join(roleNames(has), ", ")
}

// validateExtraRules checks what the fields of an extra rule must satisfy together, and in this network.
func (s Spec) validateExtraRules(p *problem.List) {
	for i, rule := range s.ExtraRules {
		key := fmt.Sprintf("extraRules[%d]", i)
		subnets := 0
		for _, end := range []struct{ key, value string }{{key + ".from", rule.From}, {key + ".to", rule.To}} {
			role := Role(end.value)
			if !slices.Contains(Roles, role) {
				continue
			}
			subnets++
			if !s.Has(role) {
				p.Add(end.key, "this stack has no subnet %q; it has %s", role, s.roleNames()).DependsOn(presence[role])
			}
		}
		if subnets == 0 {
			p.Add(key, "one end must be a subnet: %s", s.roleNames())
		}
		if err := checkPorts(rule); err != nil {
			p.Add(key+".ports", "%v", err).DependsOn(key + ".protocol")
		}
		s.checkRoute(p, key, rule)
	}
}

// checkPorts checks ports against the protocol.
func checkPorts(rule ExtraRule) (err error) {
	switch {
	case rule.Ports == "":
	case rule.Protocol == "all":
		err = errors.New("protocol all has none: choose tcp or udp, or leave ports out")
	case rule.Protocol == "icmp":
		_, _, err = ParseICMP(string(rule.Ports))
	default:
		_, err = ParsePorts(string(rule.Ports))
	}
	return err
}

// asPeer is the advice for a network that no route leads to.
const asPeer = "name the network in peerCidrs, behind drgId"

// checkRoute refuses a rule for packets that no route delivers. It ignores ends that are neither roles nor networks.
func (s Spec) checkRoute(p *problem.List, key string, rule ExtraRule) {
	from, to := Role(rule.From), Role(rule.To)
	source, _ := ParseCIDR(rule.From)
	network, _ := ParseCIDR(rule.To)
	egress := map[Role]Egress{Workers: EgressWorkers, Pods: EgressWorkersAndPods}[from]
	kind, _, _ := ParseICMP(string(rule.Ports))
	unreachable := rule.Protocol == "icmp" && kind == 3 // reports a packet that did not arrive: NAT lets it back in
	refuse := func(format string, args ...any) { p.Add(key, format, args...).DependsOn(routes...) }
	switch {
	case s.Has(from) && s.routed(from, rule.To, false), s.Has(to) && s.routed(to, rule.From, !unreachable):
	case s.Has(from) && rule.To == OSN:
		refuse("no route leads from %s to Oracle's services: leave the rule out", from)
	case s.Has(from) && egress != "" && !PrivateNetwork(network):
		refuse("no route leads from %s to %s: set internetEgress to %s, or %s", from, network, egress, asPeer)
	case s.Has(from):
		refuse("no route leads from %s to %s: %s", from, network, asPeer)
	case s.Has(to) && PrivateNetwork(source):
		refuse("no route leads from %s to %s: %s", rule.From, to, asPeer)
	case s.Has(to):
		refuse("no route leads from %s to %s: %s, or choose a public subnet", rule.From, to, asPeer)
	}
}

// Reaches reports whether a route delivers packets from a role's subnet to the address.
func (s Spec) Reaches(role Role, addr netip.Addr) bool {
	return s.routed(role, addr.String()+"/32", false)
}

// routed reports whether a route delivers packets from a role's subnet to a part of far, a CIDR or OSN; inward, whether
// connections from there get in.
func (s Spec) routed(role Role, far string, inward bool) bool {
	network, err := ParseCIDR(far)
	vcn, vcnErr := ParseCIDR(s.VcnCIDR)
	switch {
	case err != nil && far != OSN, vcnErr != nil, s.Subnets[role].ID != "": // the table of an existing subnet is not known
		return true
	case err == nil && network.Overlaps(vcn):
		return true
	case s.VcnID != "" && PrivateNetwork(network): // an existing VCN may have more CIDRs
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
