package network

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// security puts the rules of each subnet into a security list or a network security group. It returns the OCID of the
// list for each subnet. With groups that list is empty, because a subnet without any list gets the VCN's default one.
// The bastion's VNIC takes no group, so its rules are always in a list.
func (b *builder) security(services pulumi.StringOutput) (map[layout.Role]pulumi.StringOutput, error) {
	lists := map[layout.Role]pulumi.StringOutput{}
	var empty pulumi.StringOutput
	if b.args.SecurityBy == layout.Groups {
		var err error
		if empty, err = b.list(b.name+"-closed", nil, services); err != nil {
			return nil, err
		}
	}
	for _, subnet := range b.args.Plan.Subnets {
		role := subnet.Role
		if b.args.SecurityBy == layout.Groups && role != layout.Bastion {
			lists[role] = empty
			if err := b.group(role, services); err != nil {
				return nil, fmt.Errorf("network security group of %s: %w", role, err)
			}
			continue
		}
		id, err := b.list(b.resource(role), b.args.Rules[role], services)
		if err != nil {
			return nil, fmt.Errorf("security list of %s: %w", role, err)
		}
		lists[role] = id
	}
	return lists, nil
}

// asRead orders rules as the official provider returns them: its sets are sorted by the quoted values of their
// elements, attribute by attribute, and the description comes first (hashicorp/go-cty v1.5.0, Less). A refresh compares
// them index by index, so that in any other order the second one finds changes.
func asRead(a, b rules.Rule) int {
	return strings.Compare(strconv.Quote(a.Description), strconv.Quote(b.Description))
}

// list makes a security list and returns its OCID.
func (b *builder) list(name string, all []rules.Rule, services pulumi.StringOutput) (pulumi.StringOutput, error) {
	ingress, egress := core.SecurityListIngressSecurityRuleArray{}, core.SecurityListEgressSecurityRuleArray{}
	for _, rule := range slices.SortedStableFunc(slices.Values(all), asRead) {
		if rule.Direction == rules.Egress {
			egress = append(egress, convert(rule, services).egress())
		} else {
			ingress = append(ingress, convert(rule, services).ingress())
		}
	}
	list, err := core.NewSecurityList(b.ctx, name, &core.SecurityListArgs{
		CompartmentId:        pulumi.String(b.args.CompartmentID),
		VcnId:                b.network.VcnID,
		DisplayName:          pulumi.String(name),
		IngressSecurityRules: ingress,
		EgressSecurityRules:  egress,
		FreeformTags:         b.tags,
	}, b.child)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return list.ID().ToStringOutput(), nil
}

// group makes the network security group of a role. Its rules are resources of their own, named after what they allow,
// so that one can be added or removed alone.
func (b *builder) group(role layout.Role, services pulumi.StringOutput) error {
	group, err := core.NewNetworkSecurityGroup(b.ctx, b.resource(role), &core.NetworkSecurityGroupArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
		VcnId:         b.network.VcnID,
		DisplayName:   pulumi.String(b.resource(role)),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return err
	}
	ready := []any{group.ID().ToStringOutput()}
	for _, rule := range b.args.Rules[role] {
		name := b.resource(role) + "-" + strings.ReplaceAll(rule.Key(), " ", "-")
		args := convert(rule, services).inGroup(group, rule.Direction)
		made, err := core.NewNetworkSecurityGroupSecurityRule(b.ctx, name, args, pulumi.Parent(group))
		if err != nil {
			return fmt.Errorf("rule %q: %w", rule.Key(), err)
		}
		ready = append(ready, made.NetworkSecurityGroupId)
	}
	// Resources that attach the group wait for its rules: a node that starts without them does not join.
	b.network.NSGIDs[role] = pulumi.All(ready...).ApplyT(func(ids []any) []string {
		return []string{ids[0].(string)}
	}).(pulumi.StringArrayOutput)
	return nil
}

// apiRule is a rule in the API's terms. The SDK has three types for it: ingress and egress of a list, and the rule of a
// group.
type apiRule struct {
	protocol, description, peerType pulumi.String
	peer                            pulumi.StringInput
	stateless                       pulumi.Bool

	options          rules.Protocol // TCP, UDP or ICMP if the rule names ports or a type; else another value
	minPort, maxPort pulumi.Int
	icmpType         pulumi.Int
	icmpCode         pulumi.IntPtrInput // nil for every code
}

// convert expresses a rule in the API's terms. services is the CIDR label of Oracle's services.
func convert(rule rules.Rule, services pulumi.StringOutput) apiRule {
	r := apiRule{
		protocol:    pulumi.String(rule.Protocol.Number()),
		description: pulumi.String(rule.Description),
		stateless:   pulumi.Bool(rule.Stateless),
		minPort:     pulumi.Int(rule.Ports.Min),
		maxPort:     pulumi.Int(rule.Ports.Max),
	}
	r.peer, r.peerType = peer(rule.Peer, services)
	if rule.ICMP != nil {
		r.options, r.icmpType = rules.ICMP, pulumi.Int(rule.ICMP.Type)
		if rule.ICMP.Code >= 0 {
			r.icmpCode = pulumi.Int(rule.ICMP.Code)
		}
	} else if rule.Ports.Min != 0 {
		r.options = rule.Protocol
	}
	return r
}

func (r apiRule) ingress() core.SecurityListIngressSecurityRuleArgs {
	args := core.SecurityListIngressSecurityRuleArgs{
		Protocol: r.protocol, Source: r.peer, SourceType: r.peerType,
		Stateless: r.stateless, Description: r.description,
	}
	switch r.options {
	case rules.ICMP:
		args.IcmpOptions = core.SecurityListIngressSecurityRuleIcmpOptionsArgs{Type: r.icmpType, Code: r.icmpCode}
	case rules.TCP:
		args.TcpOptions = core.SecurityListIngressSecurityRuleTcpOptionsArgs{Min: r.minPort, Max: r.maxPort}
	case rules.UDP:
		args.UdpOptions = core.SecurityListIngressSecurityRuleUdpOptionsArgs{Min: r.minPort, Max: r.maxPort}
	}
	return args
}

func (r apiRule) egress() core.SecurityListEgressSecurityRuleArgs {
	args := core.SecurityListEgressSecurityRuleArgs{
		Protocol: r.protocol, Destination: r.peer, DestinationType: r.peerType,
		Stateless: r.stateless, Description: r.description,
	}
	switch r.options {
	case rules.ICMP:
		args.IcmpOptions = core.SecurityListEgressSecurityRuleIcmpOptionsArgs{Type: r.icmpType, Code: r.icmpCode}
	case rules.TCP:
		args.TcpOptions = core.SecurityListEgressSecurityRuleTcpOptionsArgs{Min: r.minPort, Max: r.maxPort}
	case rules.UDP:
		args.UdpOptions = core.SecurityListEgressSecurityRuleUdpOptionsArgs{Min: r.minPort, Max: r.maxPort}
	}
	return args
}

func (r apiRule) inGroup(group *core.NetworkSecurityGroup, direction rules.Direction,
) *core.NetworkSecurityGroupSecurityRuleArgs {
	args := &core.NetworkSecurityGroupSecurityRuleArgs{
		NetworkSecurityGroupId: group.ID(), Direction: pulumi.String(direction),
		Protocol: r.protocol, Stateless: r.stateless, Description: r.description,
	}
	if end := r.peer.ToStringOutput().ToStringPtrOutput(); direction == rules.Egress {
		args.Destination, args.DestinationType = end, r.peerType
	} else {
		args.Source, args.SourceType = end, r.peerType
	}
	switch r.options {
	case rules.ICMP:
		args.IcmpOptions = core.NetworkSecurityGroupSecurityRuleIcmpOptionsArgs{Type: r.icmpType, Code: r.icmpCode}
	case rules.TCP:
		ports := core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs{Min: r.minPort, Max: r.maxPort}
		args.TcpOptions = core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs{DestinationPortRange: ports}
	case rules.UDP:
		ports := core.NetworkSecurityGroupSecurityRuleUdpOptionsDestinationPortRangeArgs{Min: r.minPort, Max: r.maxPort}
		args.UdpOptions = core.NetworkSecurityGroupSecurityRuleUdpOptionsArgs{DestinationPortRange: ports}
	}
	return args
}
