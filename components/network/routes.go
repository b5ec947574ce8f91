package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
)

// routeTables makes the route tables of new subnets and returns their OCIDs by the names in the plan.
func (b *builder) routeTables(gateways map[layout.Gateway]pulumi.StringOutput, services pulumi.StringOutput,
) (map[string]pulumi.StringOutput, error) {
	ids := map[string]pulumi.StringOutput{}
	for _, table := range b.args.Plan.RouteTables {
		if table.Existing {
			continue
		}
		routes := core.RouteTableRouteRuleArray{}
		for _, route := range table.Routes {
			destination, kind := peer(route.Destination, services)
			routes = append(routes, core.RouteTableRouteRuleArgs{
				Destination:     destination,
				DestinationType: kind,
				NetworkEntityId: gateways[route.Gateway],
				Description:     pulumi.String(route.Description),
			})
		}
		name := b.name + "-" + table.Name
		made, err := core.NewRouteTable(b.ctx, name, &core.RouteTableArgs{
			CompartmentId: pulumi.String(b.args.CompartmentID),
			VcnId:         b.network.VcnID,
			DisplayName:   pulumi.String(name),
			RouteRules:    routes,
			FreeformTags:  b.tags,
		}, b.child)
		if err != nil {
			return nil, fmt.Errorf("route table %q: %w", table.Name, err)
		}
		ids[table.Name] = made.ID().ToStringOutput()
	}
	return ids, nil
}

// peer returns the far end of a rule or route, and its type, in the API's terms. services is the CIDR label of Oracle's
// services.
func peer(end string, services pulumi.StringOutput) (value pulumi.StringInput, kind pulumi.String) {
	if end == layout.OSN {
		return services, "SERVICE_CIDR_BLOCK"
	}
	return pulumi.String(end), "CIDR_BLOCK"
}
