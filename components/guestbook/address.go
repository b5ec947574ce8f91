package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// Place is where a stack's load balancers are.
type Place struct {
	CompartmentID string            // of the cluster
	Tags          map[string]string // freeform; among them project and stack, which identify the stack's load balancers
}

// CheckAddress asks the cloud for the guestbook's reserved address. With an unusable one the running Service would be
// replaced by one that never becomes ready: the cloud controller wants an address that is available, and acts as the
// cluster, which needs policies for addresses of another compartment, of which a warning tells
// (oci-cloud-controller-manager at 1100ac3, 2026-06-17, getReservedIpOcidByIpAddress).
func CheckAddress(ctx *pulumi.Context, g workload.Guestbook, place Place) error {
	if g.ReservedAddress == "" {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("reservedAddress: guestbook %q cannot have %s, "+format,
			append([]any{g.Name, g.ReservedAddress}, args...)...)
	}
	found, err := core.LookupPublicIp(ctx, &core.LookupPublicIpArgs{IpAddress: &g.ReservedAddress})
	switch {
	case err != nil:
		return refuse("as this user sees no such public IP in the region: %w", err)
	case found.Lifetime != "RESERVED":
		return refuse("whose lifetime is %s: reserve one with `oci network public-ip create --lifetime RESERVED`",
			found.Lifetime)
	case found.State == "AVAILABLE" && found.CompartmentId != place.CompartmentID:
		return ctx.Log.Warn(fmt.Sprintf("reservedAddress: %s of guestbook %q is in compartment %s: the cluster may use it "+
			"there only by the statements that make policies prints with --address-compartment",
			g.ReservedAddress, g.Name, found.CompartmentId), nil)
	case found.State == "AVAILABLE":
		return nil
	}
	own, err := usedByStack(ctx, g.ReservedAddress, place)
	if err == nil && !own {
		err = refuse("which is %s to something else than a load balancer of this stack (%s): free it first",
			found.State, found.AssignedEntityId)
	}
	return err
}

// getLoadBalancers is called by its token: the SDK's package loadbalancer, which has a typed function for it, would
// have to be compiled.
const getLoadBalancers = "oci:LoadBalancer/getLoadBalancers:getLoadBalancers"

// usedByStack reports whether a load balancer of the stack has the address. OKE gives its load balancers the freeform
// tags that the cluster names for them.
func usedByStack(ctx *pulumi.Context, address string, place Place) (bool, error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{place.CompartmentID}
	var result struct {
		LoadBalancers []struct {
			FreeformTags     map[string]string `pulumi:"freeformTags"`
			IPAddressDetails []struct {
				IPAddress string `pulumi:"ipAddress"`
			} `pulumi:"ipAddressDetails"`
		} `pulumi:"loadBalancers"`
	}
	if err := ctx.Invoke(getLoadBalancers, &args, &result); err != nil {
		return false, fmt.Errorf("load balancers of compartment %s: %w", place.CompartmentID, err)
	}
	for _, balancer := range result.LoadBalancers {
		for _, ip := range balancer.IPAddressDetails {
			if ip.IPAddress == address {
				tags := balancer.FreeformTags
				return tags["project"] == place.Tags["project"] && tags["stack"] == place.Tags["stack"], nil
			}
		}
	}
	return false, nil
}
