package doctor

import (
	"context"
	"fmt"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

// addresses checks the guestbooks' reserved addresses, by the rules of components/guestbook.CheckAddress.
func (v *visit) addresses(ctx context.Context) (results []Result) {
	for _, g := range v.settings.Guestbooks {
		if g.ReservedAddress != "" {
			results = append(results, v.address(ctx, g))
		}
	}
	return results
}

func (v *visit) address(ctx context.Context, g workload.Guestbook) Result {
	const reserve = "oci network public-ip create --lifetime RESERVED --compartment-id %s"
	var found struct{ Lifetime, LifecycleState, CompartmentID, AssignedEntityID string }
	ask := map[string]string{"ipAddress": g.ReservedAddress}
	err := v.cloud.ask(ctx, network, "/publicIps/actions/getByIpAddress", ask, &found)
	what := "reservedAddress of guestbook " + g.Name
	switch {
	case ocirest.IsNotFound(err):
		result := v.unseen(what, "public IP", g.ReservedAddress)
		result.Do += fmt.Sprintf("\nor reserve one: "+reserve, v.compartmentID)
		return result
	case err != nil:
		return unavailable(what, err)
	case found.Lifetime != "RESERVED":
		return failed("%s: the lifetime of %s is %s", what, g.ReservedAddress, found.Lifetime).do(reserve, v.compartmentID)
	case found.LifecycleState == "AVAILABLE" && found.CompartmentID != v.compartmentID &&
		found.CompartmentID != g.ReservedAddressCompartmentID:
		return failed("%s: %s is in compartment %s", what, g.ReservedAddress, found.CompartmentID).
			do("the cluster may use it there by the statements of make policies ARGS=--address-compartment=%s;\n"+
				"once it has them, set reservedAddressCompartmentId", found.CompartmentID)
	case found.LifecycleState == "AVAILABLE":
		return ok("%s: %s is free", what, g.ReservedAddress)
	}
	if own, err := v.ownsAddress(ctx, g.ReservedAddress); err != nil {
		return v.unasked("load balancers", err)
	} else if !own {
		return failed("%s: %s is %s to something else than a load balancer of this stack: %s", what, g.ReservedAddress,
			found.LifecycleState, found.AssignedEntityID).do("free it first, or set another")
	}
	return ok("%s: %s is the stack's own", what, g.ReservedAddress)
}

// balancer is a load balancer of either type.
type balancer struct {
	FreeformTags map[string]string
	IPAddresses  []struct{ IPAddress string }
}

// ownsAddress reports whether a load balancer of the stack, of either type, has the address.
func (v *visit) ownsAddress(ctx context.Context, address string) (bool, error) {
	all, err := list[balancer](ctx, v.cloud, balancers, "/loadBalancers", ocirest.In(v.compartmentID))
	if own, found := v.owner(all, address); err != nil || found {
		return own, err
	}
	all, err = list[balancer](ctx, v.cloud, networkBalancers, "/networkLoadBalancers", ocirest.In(v.compartmentID))
	own, _ := v.owner(all, address)
	return own, err
}

// owner reports whether one of the load balancers has the address, and whether that is the stack's.
func (v *visit) owner(all []balancer, address string) (own, found bool) {
	for _, b := range all {
		for _, ip := range b.IPAddresses {
			if ip.IPAddress == address {
				return v.owns(b.FreeformTags), true
			}
		}
	}
	return false, false
}

// owns reports whether freeform tags are those of what the stack has made.
func (v *visit) owns(tags map[string]string) bool {
	return cluster.Owned(tags, map[string]string{"project": v.Project, "stack": v.Name})
}
