package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// LookMade asks the cloud what earlier updates have made of the network of that name: the program cannot read the
// state. It registers nothing.
func LookMade(ctx *pulumi.Context, name string, args *Args) (layout.Made, error) {
	made := layout.Made{Subnets: map[layout.Role]layout.FoundSubnet{}}
	all, err := core.GetSubnets(ctx, &core.GetSubnetsArgs{CompartmentId: args.CompartmentID})
	if err == nil {
		err = lookup.Listed(all.Id, nil)
	}
	if err != nil {
		return made, fmt.Errorf("compartmentId: the subnets of compartment %s: %w", args.CompartmentID, err)
	}
	own := map[string]*core.LookupVcnResult{}
	for _, one := range all.Subnets {
		role, ok := layout.MadeBy(name, one.DisplayName)
		if !ok || one.State == terminated || !cluster.Owned(one.FreeformTags, args.Tags) {
			continue
		}
		if existing := args.Plan.ExistingVCN; existing != "" {
			ok = one.VcnId == existing
		} else {
			if own[one.VcnId] == nil {
				if own[one.VcnId], err = core.LookupVcn(ctx, &core.LookupVcnArgs{VcnId: one.VcnId}); err != nil {
					return made, fmt.Errorf("the VCN of the stack's subnets, %s: %w", one.VcnId, err)
				}
			}
			if ok = cluster.Owned(own[one.VcnId].FreeformTags, args.Tags); ok {
				made.VCNCIDRs = own[one.VcnId].CidrBlocks
			}
		}
		if ok { // else it is replaced with one in the other VCN
			made.Subnets[role] = layout.FoundSubnet{
				VcnID: one.VcnId, CIDR: one.CidrBlock, Private: one.ProhibitPublicIpOnVnic,
			}
		}
	}
	return made, nil
}
