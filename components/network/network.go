// Package network makes the network of an OKE cluster: a VCN with its gateways, route tables, subnets and security
// rules, or the missing parts of an existing one. plan/layout and plan/rules decide which parts and which rules.
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
	// CompartmentID is the OCID of the compartment for all resources. Required.
	CompartmentID string
	// Tags are the freeform tags of all resources. Optional. In an existing VCN, what has the same tags project and
	// stack counts as made by an earlier update.
	Tags map[string]string
	// Protect keeps a new VCN from being deleted or replaced. Optional, default false.
	Protect bool

	// Plan is the VCN with its subnets and route tables. Required.
	Plan layout.Layout
	// Rules are the security rules by the role of their subnet. Required.
	Rules rules.Set
	// SecurityBy is layout.Lists or layout.Groups: what the rules are kept in. Required; it cannot change later.
	SecurityBy layout.SecurityBy
	// Gateways are the OCIDs of existing gateways, by kind. Required for a DRG that the plan routes to; optional for
	// the other kinds, which are created by default.
	Gateways map[layout.Gateway]string
	// BastionAllowedCIDRs are the networks whose hosts may open sessions of the bastion. Required if the plan has a
	// subnet for it.
	BastionAllowedCIDRs []string
	// FlowLogs are the roles of the subnets whose traffic is logged. Optional, default none.
	FlowLogs []layout.Role
}

// Network is a VCN with its subnets. The keys of its maps are the roles of the planned subnets.
type Network struct {
	pulumi.ResourceState

	// VcnID is the OCID of the VCN, new or existing.
	VcnID pulumi.StringOutput
	// SubnetIDs are the OCIDs of the subnets, new or existing.
	SubnetIDs map[layout.Role]pulumi.StringOutput
	// NSGIDs are the OCIDs of the network security groups for VNICs in the subnets; empty with rules in security lists.
	NSGIDs map[layout.Role]pulumi.StringArrayOutput
	// BastionID is the OCID of the bastion; empty without one.
	BastionID pulumi.StringOutput
}

// New makes the network. Look finds out beforehand whether an existing VCN suits it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	n := &Network{
		SubnetIDs: map[layout.Role]pulumi.StringOutput{},
		NSGIDs:    map[layout.Role]pulumi.StringArrayOutput{},
		BastionID: pulumi.String("").ToStringOutput(),
	}
	if err := ctx.RegisterComponentResource("oke-guestbook:network:Network", name, n, opts...); err != nil {
		return nil, err
	}
	unchanged, err := immutable(ctx, name, string(args.SecurityBy), pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	b := &builder{
		ctx: ctx, name: name, args: args, network: n,
		child: pulumi.Composite(pulumi.Parent(n), unchanged), tags: pulumi.ToStringMap(args.Tags),
	}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("network %q: %w", name, err)
	}
	outputs := pulumi.Map{"vcnId": n.VcnID}
	for role, id := range n.SubnetIDs {
		outputs[string(role)+"SubnetId"] = id
	}
	return n, ctx.RegisterResourceOutputs(n, outputs)
}

// immutable returns an option that fails resources when securityBy has changed: the rules would move, but running nodes
// keep the network security groups that they were launched with (Oracle documentation, "Modifying Node Pool and Worker
// Node Properties"), and would be cut off.
func immutable(ctx *pulumi.Context, name, securityBy string, parent pulumi.ResourceOption,
) (pulumi.ResourceOption, error) {
	values := map[string]string{"securityBy": securityBy}
	// The name is in the states of existing stacks; another one would keep new values.
	return stash.Immutable(ctx, name+"-lasting", values, func(setting, kept string) error {
		return fmt.Errorf("%s: the network was made with %q, and nodes that run would be cut off with %q: "+
			"set it back, or make another stack; if nothing runs yet, destroy this one first", setting, kept, values[setting])
	}, parent)
}

// builder carries what the steps of New share.
type builder struct {
	ctx     *pulumi.Context
	name    string
	args    *Args
	network *Network
	child   pulumi.ResourceOption // of each resource of the network
	tags    pulumi.StringMap
}

func (b *builder) build() error {
	if err := b.vcn(); err != nil {
		return fmt.Errorf("VCN: %w", err)
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

// vcn makes the VCN and empties its default security list, which would let in SSH from anywhere.
func (b *builder) vcn() error {
	plan := b.args.Plan
	if plan.ExistingVCN != "" {
		b.network.VcnID = pulumi.String(plan.ExistingVCN).ToStringOutput()
		return nil
	}
	vcn, err := core.NewVcn(b.ctx, b.name, &core.VcnArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
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
		CompartmentId:           pulumi.String(b.args.CompartmentID),
		ManageDefaultResourceId: vcn.DefaultSecurityListId,
		DisplayName:             pulumi.String(b.name + "-default-empty"),
		FreeformTags:            b.tags,
	}, b.child)
	return err
}

// subnets makes the subnets that do not exist. A subnet that must be replaced, because it becomes public or private, is
// deleted first: two cannot have the same CIDR.
func (b *builder) subnets(tables map[string]pulumi.StringOutput, lists map[layout.Role]pulumi.StringOutput) error {
	for _, subnet := range b.args.Plan.Subnets {
		if subnet.ExistingID != "" {
			b.network.SubnetIDs[subnet.Role] = pulumi.String(subnet.ExistingID).ToStringOutput()
			continue
		}
		args := &core.SubnetArgs{
			CompartmentId:          pulumi.String(b.args.CompartmentID),
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
			return fmt.Errorf("subnet %s: %w", subnet.Role, err)
		}
		b.network.SubnetIDs[subnet.Role] = made.ID().ToStringOutput()
	}
	return nil
}

// resource returns the name of a role's resource. It depends on nothing but the role.
func (b *builder) resource(role layout.Role) string {
	return b.name + "-" + string(role)
}
