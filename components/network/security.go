package network

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// security puts the rules of each subnet into a security list or a network
// security group. It returns the list to give to each subnet that is new: with
// groups an empty one, because a subnet without any would get the VCN's default.
// The bastion's VNIC takes no group, so its rules are always in a list.
func (b *builder) security(services pulumi.StringOutput) (map[layout.Role]pulumi.StringOutput, error) {
	lists := map[layout.Role]pulumi.StringOutput{}
	var closed pulumi.StringOutput
	if b.args.Spec.SecurityBy == layout.Groups {
		var err error
		if closed, err = b.list(b.name+"-closed", nil, services); err != nil {
			return nil, err
		}
	}
	for _, subnet := range b.network.plan.Subnets {
		role := subnet.Role
		if b.args.Spec.SecurityBy == layout.Groups && role != layout.Bastion {
			lists[role] = closed
			if err := b.group(role, b.rules[role], services); err != nil {
				return nil, fmt.Errorf("network security group of %s: %w", role, err)
			}
			continue
		}
		id, err := b.list(b.resource(role), b.rules[role], services)
		if err != nil {
			return nil, fmt.Errorf("security list of %s: %w", role, err)
		}
		lists[role] = id
	}
	return lists, nil
}

func (b *builder) list(name string, all []rules.Rule, services pulumi.StringOutput) (pulumi.StringOutput, error) {
	ingress, egress := core.SecurityListIngressSecurityRuleArray{}, core.SecurityListEgressSecurityRuleArray{}
	for _, rule := range all {
		end, kind := peer(rule.Peer, services)
		if rule.Direction == rules.Egress {
			egress = append(egress, listEgress(rule, end, kind))
		} else {
			ingress = append(ingress, listIngress(rule, end, kind))
		}
	}
	list, err := core.NewSecurityList(b.ctx, name, &core.SecurityListArgs{
		CompartmentId:        b.args.CompartmentID,
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

func listIngress(rule rules.Rule, source pulumi.StringInput, kind pulumi.String) core.SecurityListIngressSecurityRuleArgs {
	args := core.SecurityListIngressSecurityRuleArgs{
		Protocol:    pulumi.String(rule.Protocol.Number()),
		Source:      source,
		SourceType:  kind,
		Stateless:   pulumi.Bool(rule.Stateless),
		Description: pulumi.String(rule.Description),
	}
	low, high := pulumi.Int(rule.Ports.Min), pulumi.Int(rule.Ports.Max)
	switch {
	case rule.ICMP != nil:
		args.IcmpOptions = core.SecurityListIngressSecurityRuleIcmpOptionsArgs{Type: pulumi.Int(rule.ICMP.Type), Code: icmpCode(rule.ICMP)}
	case rule.Ports.Min == 0:
	case rule.Protocol == rules.TCP:
		args.TcpOptions = core.SecurityListIngressSecurityRuleTcpOptionsArgs{Min: low, Max: high}
	case rule.Protocol == rules.UDP:
		args.UdpOptions = core.SecurityListIngressSecurityRuleUdpOptionsArgs{Min: low, Max: high}
	}
	return args
}

func listEgress(rule rules.Rule, destination pulumi.StringInput, kind pulumi.String) core.SecurityListEgressSecurityRuleArgs {
	args := core.SecurityListEgressSecurityRuleArgs{
		Protocol:        pulumi.String(rule.Protocol.Number()),
		Destination:     destination,
		DestinationType: kind,
		Stateless:       pulumi.Bool(rule.Stateless),
		Description:     pulumi.String(rule.Description),
	}
	low, high := pulumi.Int(rule.Ports.Min), pulumi.Int(rule.Ports.Max)
	switch {
	case rule.ICMP != nil:
		args.IcmpOptions = core.SecurityListEgressSecurityRuleIcmpOptionsArgs{Type: pulumi.Int(rule.ICMP.Type), Code: icmpCode(rule.ICMP)}
	case rule.Ports.Min == 0:
	case rule.Protocol == rules.TCP:
		args.TcpOptions = core.SecurityListEgressSecurityRuleTcpOptionsArgs{Min: low, Max: high}
	case rule.Protocol == rules.UDP:
		args.UdpOptions = core.SecurityListEgressSecurityRuleUdpOptionsArgs{Min: low, Max: high}
	}
	return args
}

// icmpCode is nil for every code.
func icmpCode(kind *rules.ICMPKind) pulumi.IntPtrInput {
	if kind.Code < 0 {
		return nil
	}
	return pulumi.Int(kind.Code)
}

// group makes the network security group of a role. Its rules are resources of
// their own, named by what they let through, so that one can come and go alone.
func (b *builder) group(role layout.Role, all []rules.Rule, services pulumi.StringOutput) error {
	group, err := core.NewNetworkSecurityGroup(b.ctx, b.resource(role), &core.NetworkSecurityGroupArgs{
		CompartmentId: b.args.CompartmentID,
		VcnId:         b.network.VcnID,
		DisplayName:   pulumi.String(b.resource(role)),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return err
	}
	ready := []any{group.ID().ToStringOutput()}
	for _, rule := range all {
		name := b.resource(role) + "-" + strings.ReplaceAll(rule.Key(), " ", "-")
		made, err := core.NewNetworkSecurityGroupSecurityRule(b.ctx, name, groupRule(group, rule, services), pulumi.Parent(group))
		if err != nil {
			return fmt.Errorf("rule %q: %w", rule.Key(), err)
		}
		ready = append(ready, made.NetworkSecurityGroupId)
	}
	// Who attaches the group waits for its rules: a node that starts without them does not join.
	b.network.NSGIDs[role] = pulumi.All(ready...).ApplyT(func(ids []any) []string {
		return []string{ids[0].(string)}
	}).(pulumi.StringArrayOutput)
	return nil
}

func groupRule(group *core.NetworkSecurityGroup, rule rules.Rule, services pulumi.StringOutput) *core.NetworkSecurityGroupSecurityRuleArgs {
	end, kind := peer(rule.Peer, services)
	args := &core.NetworkSecurityGroupSecurityRuleArgs{
		NetworkSecurityGroupId: group.ID(),
		Direction:              pulumi.String(rule.Direction),
		Protocol:               pulumi.String(rule.Protocol.Number()),
		Stateless:              pulumi.Bool(rule.Stateless),
		Description:            pulumi.String(rule.Description),
	}
	if rule.Direction == rules.Egress {
		args.Destination, args.DestinationType = end.ToStringOutput().ToStringPtrOutput(), kind
	} else {
		args.Source, args.SourceType = end.ToStringOutput().ToStringPtrOutput(), kind
	}
	low, high := pulumi.Int(rule.Ports.Min), pulumi.Int(rule.Ports.Max)
	switch {
	case rule.ICMP != nil:
		args.IcmpOptions = core.NetworkSecurityGroupSecurityRuleIcmpOptionsArgs{Type: pulumi.Int(rule.ICMP.Type), Code: icmpCode(rule.ICMP)}
	case rule.Ports.Min == 0:
	case rule.Protocol == rules.TCP:
		args.TcpOptions = core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs{
			DestinationPortRange: core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs{Min: low, Max: high},
		}
	case rule.Protocol == rules.UDP:
		args.UdpOptions = core.NetworkSecurityGroupSecurityRuleUdpOptionsArgs{
			DestinationPortRange: core.NetworkSecurityGroupSecurityRuleUdpOptionsDestinationPortRangeArgs{Min: low, Max: high},
		}
	}
	return args
}
