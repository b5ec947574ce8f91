// Package network makes the network of an OKE cluster: a VCN with its gateways,
// route tables, subnets and rules, or the missing parts of one that exists.
// Which parts, and which rules, is decided by the pure packages layout and rules.
package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Args says what network to make.
type Args struct {
	// Spec are the settings of the network, with defaults applied and found valid. Required.
	Spec layout.Spec
	// CompartmentID is the OCID of the compartment for everything that is made. Required.
	CompartmentID pulumi.StringInput
	// Tags are freeform tags for everything that is made. In an existing VCN, what has the same project and stack is taken for
	// what an earlier update made.
	Tags map[string]string
	// Protect keeps a new VCN from being deleted or replaced. Optional, default false.
	Protect bool
}

// Network is the component. Its maps hold the roles that the settings ask for.
type Network struct {
	pulumi.ResourceState

	// VcnID is the OCID of the VCN, new or existing.
	VcnID pulumi.StringOutput
	// SubnetIDs are the OCIDs of the subnets, new or existing.
	SubnetIDs map[layout.Role]pulumi.StringOutput
	// NSGIDs are the network security groups to attach to VNICs in the subnets; none when the rules are in security lists.
	NSGIDs map[layout.Role]pulumi.StringArrayOutput
	// BastionID is the OCID of the bastion; empty without one.
	BastionID pulumi.StringOutput

	plan layout.Layout
}

// New makes the network.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	plan, err := layout.Plan(args.Spec)
	if err != nil {
		return nil, err
	}
	n := &Network{
		SubnetIDs: map[layout.Role]pulumi.StringOutput{},
		NSGIDs:    map[layout.Role]pulumi.StringArrayOutput{},
		BastionID: pulumi.String("").ToStringOutput(),
		plan:      plan,
	}
	if err := ctx.RegisterComponentResource("oke-guestbook:network:Network", name, n, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, rules: rules.Expand(rules.Table(args.Spec), plan), network: n, child: pulumi.Parent(n), tags: pulumi.ToStringMap(args.Tags)}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	outputs := pulumi.Map{"vcnId": n.VcnID}
	for role, id := range n.SubnetIDs {
		outputs[string(role)+"SubnetId"] = id
	}
	if err := ctx.RegisterResourceOutputs(n, outputs); err != nil {
		return nil, err
	}
	return n, nil
}

// LoadBalancerSubnet is the subnet for the load balancer of a Service, internal or public, and false when the settings have none of that kind.
func (n *Network) LoadBalancerSubnet(internal bool) (pulumi.StringOutput, bool) {
	id, ok := n.SubnetIDs[loadBalancerRole(internal)]
	return id, ok
}

// LoadBalancerNSGs are the network security groups for such a load balancer; none when the rules are in security lists.
func (n *Network) LoadBalancerNSGs(internal bool) (pulumi.StringArrayOutput, bool) {
	ids, ok := n.NSGIDs[loadBalancerRole(internal)]
	return ids, ok
}

func loadBalancerRole(internal bool) layout.Role {
	if internal {
		return layout.InternalLoadBalancers
	}
	return layout.PublicLoadBalancers
}

// builder carries what every step of New needs.
type builder struct {
	ctx     *pulumi.Context
	name    string
	args    *Args
	rules   rules.Set
	network *Network
	child   pulumi.ResourceOption
	tags    pulumi.StringMap
}

func (b *builder) build() error {
	if err := b.checkExisting(); err != nil {
		return err
	}
	if err := b.lasting(); err != nil {
		return err
	}
	if err := b.vcn(); err != nil {
		return err
	}
	gateways, services, err := b.gateways()
	if err != nil {
		return err
	}
	tables, err := b.routeTables(gateways, services)
	if err != nil {
		return err
	}
	lists, err := b.security(services)
	if err != nil {
		return err
	}
	if err := b.subnets(tables, lists); err != nil {
		return err
	}
	if err := b.bastion(); err != nil {
		return err
	}
	return b.flowLogs()
}

// lasting refuses a change of securityBy: the rules move, but a node that runs keeps the network security groups that it was
// launched with (Oracle, "Modifying Node Pool and Worker Node Properties"), and would be cut off.
func (b *builder) lasting() error {
	now := map[string]string{"securityBy": string(b.args.Spec.SecurityBy)}
	unchanged, err := stash.Settings(b.ctx, b.name+"-lasting", now, func(setting, made string) error {
		return fmt.Errorf("%s: the network was made with %q, and nodes that run would be cut off with %q: "+
			"set it back, or make another stack; if nothing runs yet, destroy this one first", setting, made, now[setting])
	}, b.child)
	b.child = pulumi.Composite(b.child, unchanged)
	return err
}

// vcn makes the VCN and empties its default security list, which would let in SSH from anywhere.
func (b *builder) vcn() error {
	plan := b.network.plan
	if plan.ExistingVCN != "" {
		b.network.VcnID = pulumi.String(plan.ExistingVCN).ToStringOutput()
		return nil
	}
	vcn, err := core.NewVcn(b.ctx, b.name, &core.VcnArgs{
		CompartmentId: b.args.CompartmentID,
		CidrBlocks:    pulumi.StringArray{pulumi.String(plan.VCN.String())},
		DisplayName:   pulumi.String(b.name),
		DnsLabel:      pulumi.String(plan.DNSLabel),
		FreeformTags:  b.tags,
	}, b.child, pulumi.Protect(b.args.Protect))
	if err != nil {
		return err
	}
	b.network.VcnID = vcn.ID().ToStringOutput()
	_, err = core.NewDefaultSecurityList(b.ctx, b.name+"-default", &core.DefaultSecurityListArgs{
		CompartmentId:           b.args.CompartmentID,
		ManageDefaultResourceId: vcn.DefaultSecurityListId,
		DisplayName:             pulumi.String(b.name + "-default-empty"),
		FreeformTags:            b.tags,
	}, b.child)
	return err
}

// subnets makes the subnets that do not exist. One that must be replaced, because
// it becomes public or private, is deleted first: two cannot have the same CIDR.
func (b *builder) subnets(tables map[string]pulumi.StringOutput, lists map[layout.Role]pulumi.StringOutput) error {
	for _, subnet := range b.network.plan.Subnets {
		if subnet.ExistingID != "" {
			b.network.SubnetIDs[subnet.Role] = pulumi.String(subnet.ExistingID).ToStringOutput()
			continue
		}
		args := &core.SubnetArgs{
			CompartmentId:          b.args.CompartmentID,
			VcnId:                  b.network.VcnID,
			CidrBlock:              pulumi.String(subnet.CIDR.String()),
			DisplayName:            pulumi.String(b.resource(subnet.Role)),
			FreeformTags:           b.tags,
			ProhibitPublicIpOnVnic: pulumi.Bool(!subnet.Public),
			RouteTableId:           tables[subnet.RouteTable],
			SecurityListIds:        pulumi.StringArray{lists[subnet.Role]},
		}
		if subnet.DNSLabel != "" {
			args.DnsLabel = pulumi.String(subnet.DNSLabel)
		}
		made, err := core.NewSubnet(b.ctx, b.resource(subnet.Role), args, b.child, pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return err
		}
		b.network.SubnetIDs[subnet.Role] = made.ID().ToStringOutput()
	}
	return nil
}

// resource names a resource by its role: the same for the same role, whatever else there is.
func (b *builder) resource(role layout.Role) string {
	return b.name + "-" + string(role)
}
