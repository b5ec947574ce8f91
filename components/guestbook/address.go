package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/workload"
)

// Place is where a stack's load balancers are.
type Place struct {
	CompartmentID string            // of the cluster
	Tags          map[string]string // freeform; among them project and stack, which identify the stack's load balancers
	Found         *iam.Places       // gets the compartments of what is looked up; optional
	ClusterPolicy bool              // the stack makes the policy of its cluster
}

// CheckAddress asks the cloud for the guestbook's reserved address. With an unusable one the running Service would be
// replaced by one that never becomes ready: the cloud controller wants an address that is available, and acts as the
// cluster, which needs policies for addresses of another compartment (oci-cloud-controller-manager at 1100ac3,
// 2026-06-17, getReservedIpOcidByIpAddress). Whether it has them only somebody who may read all policies can tell: a
// setting with that compartment says so.
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
	case err != nil && !lookup.Hidden(err):
		return refuse("which cannot be looked up: %w", err)
	case err != nil || found.State == "":
		return refuse("as this user sees no such public IP in the region (NotAuthorizedOrNotFound)")
	}
	place.Found.Note(iam.Address, found.CompartmentId)
	switch {
	case found.Lifetime != "RESERVED":
		return refuse("whose lifetime is %s: reserve one with `oci network public-ip create --lifetime RESERVED`",
			found.Lifetime)
	case found.State == "AVAILABLE" && found.CompartmentId != place.CompartmentID && !place.ClusterPolicy &&
		found.CompartmentId != g.ReservedAddressCompartmentID:
		return refuse("which is in compartment %[3]s: the cluster may use it there only by the statements that make "+
			"policies ARGS=--address-compartment=%[3]s prints. Once it has them, set reservedAddressCompartmentId to %[3]s",
			found.CompartmentId)
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

// getNetworkLoadBalancers, too.
const getNetworkLoadBalancers = "oci:NetworkLoadBalancer/getNetworkLoadBalancers:getNetworkLoadBalancers"

// usedByStack reports whether a load balancer of the stack, of either type, has the address. OKE gives its load
// balancers the freeform tags that the cluster names for them.
func usedByStack(ctx *pulumi.Context, address string, place Place) (bool, error) {
	own, found, err := usedByBalancer(ctx, address, place)
	if err != nil || found {
		return own, err
	}
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{place.CompartmentID}
	var result struct {
		ID          string `pulumi:"id"`
		Collections []struct {
			Items []struct {
				FreeformTags map[string]string `pulumi:"freeformTags"`
				IPAddresses  []struct {
					IPAddress string `pulumi:"ipAddress"`
				} `pulumi:"ipAddresses"`
			} `pulumi:"items"`
		} `pulumi:"networkLoadBalancerCollections"`
	}
	err = ctx.Invoke(getNetworkLoadBalancers, &args, &result)
	if err = lookup.Listed(result.ID, err); err != nil {
		return false, fmt.Errorf("reservedAddress: network load balancers of compartment %s: %w", place.CompartmentID, err)
	}
	for _, collection := range result.Collections {
		for _, balancer := range collection.Items {
			for _, ip := range balancer.IPAddresses {
				if ip.IPAddress == address {
					return cluster.Owned(balancer.FreeformTags, place.Tags), nil
				}
			}
		}
	}
	return false, nil
}

// usedByBalancer reports whether a load balancer of type lb has the address, and whether it is the stack's own.
func usedByBalancer(ctx *pulumi.Context, address string, place Place) (own, found bool, err error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{place.CompartmentID}
	var result struct {
		ID            string `pulumi:"id"`
		LoadBalancers []struct {
			FreeformTags     map[string]string `pulumi:"freeformTags"`
			IPAddressDetails []struct {
				IPAddress string `pulumi:"ipAddress"`
			} `pulumi:"ipAddressDetails"`
		} `pulumi:"loadBalancers"`
	}
	err = ctx.Invoke(getLoadBalancers, &args, &result)
	if err = lookup.Listed(result.ID, err); err != nil {
		return false, false, fmt.Errorf("reservedAddress: load balancers of compartment %s: %w", place.CompartmentID, err)
	}
	for _, balancer := range result.LoadBalancers {
		for _, ip := range balancer.IPAddressDetails {
			if ip.IPAddress == address {
				return cluster.Owned(balancer.FreeformTags, place.Tags), true, nil
			}
		}
	}
	return false, false, nil
}
