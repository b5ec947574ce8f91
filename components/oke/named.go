package oke

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/problem"
)

// Place is where the cluster of a stack is.
type Place struct {
	CompartmentID string
	VcnID         string            // of an existing VCN; empty: the stack makes one
	Tags          map[string]string // freeform; among them project and stack, which identify what the stack has made
	Immutable     cluster.Immutable // what the settings want of the cluster
	Found         *iam.Places       // gets the compartments of what is looked up; optional
}

// made reports whether the stack has made the resource, by its tags.
func (p Place) made(r *lookup.Resource) bool { return p.owns(r.FreeformTags) }

// owns reports whether freeform tags are those of what the stack has made.
func (p Place) owns(tags map[string]string) bool { return cluster.Owned(tags, p.Tags) }

// CheckNamed asks the cloud for what the settings of cluster and node pools name by OCID: keys, images, capacity
// reservations and network security groups. Otherwise the update fails after minutes, without the setting's name. The
// error has every problem.
func (o *Offer) CheckNamed(ctx *pulumi.Context, spec cluster.Spec, place Place) error {
	var list problem.List
	if err := checkKeys(ctx, &list, spec, place); err != nil {
		return err
	}
	for i, p := range spec.NodePools {
		key := fmt.Sprintf("nodePools[%d]", i)
		if err := o.checkImage(ctx, &list, key, p, place); err != nil {
			return err
		}
		if err := o.checkReservation(ctx, &list, key, p, place); err != nil {
			return err
		}
		if err := checkGroups(ctx, &list, key, p, place); err != nil {
			return err
		}
	}
	return list.Err()
}

// checkImage checks the image that a pool names against the pool's shape and version. One that OKE does not offer, such
// as one of the user's own or a withdrawn one, is looked up.
func (o *Offer) checkImage(
	ctx *pulumi.Context, list *problem.List, key string, p cluster.NodePool, place Place,
) error {
	if p.ImageID == "" {
		return nil
	}
	image := cluster.Image{ID: p.ImageID}
	if i := slices.IndexFunc(o.offered, func(m cluster.Image) bool { return m.ID == p.ImageID }); i >= 0 {
		image = o.offered[i]
	} else {
		found, err := lookup.Usable(ctx, list, lookup.Ask{
			Setting: key + ".imageId", What: "image", ID: p.ImageID, States: []string{"AVAILABLE"},
			Function: "oci:Core/getImage:getImage", Argument: "imageId",
		})
		if found == nil {
			return err
		}
		place.Found.Note(iam.Image, found.CompartmentID)
		image.Name = found.DisplayName
	}
	if err := image.Check(p.Shape, o.Nodes[p.Name]); err != nil {
		list.Add(key+".imageId", "%v: leave imageId out for the newest that suits both", err).
			DependsOn(key+".shape", key+".kubernetesVersion", "kubernetesVersion")
	}
	return nil
}

// checkReservation looks up the capacity reservation of a pool.
func (o *Offer) checkReservation(
	ctx *pulumi.Context, list *problem.List, key string, p cluster.NodePool, place Place,
) error {
	if p.CapacityReservationID == "" {
		return nil
	}
	key += ".capacityReservationId"
	found, err := lookup.Usable(ctx, list, lookup.Ask{
		Setting: key, What: "capacity reservation", ID: p.CapacityReservationID, States: []string{"ACTIVE"},
		Function: "oci:Core/getComputeCapacityReservation:getComputeCapacityReservation",
		Argument: "capacityReservationId",
	})
	if found == nil {
		return err
	}
	place.Found.Note(iam.Reservation, found.CompartmentID)
	reservation := cluster.FoundReservation{AvailabilityDomain: found.AvailabilityDomain}
	for _, c := range found.Configs {
		m := cluster.Machine{Shape: c.Shape}
		for _, size := range c.Sizes {
			m.OCPUs, m.MemoryGB = size.OCPUs, size.MemoryGB
		}
		reservation.Machines = append(reservation.Machines, m)
	}
	p.CheckReservation(list, key, reservation, o.Domains[p.Name])
	return nil
}

// checkGroups looks up the network security groups of a pool, which must be in the stack's VCN. One that an earlier
// update has made is known by its tags.
func checkGroups(ctx *pulumi.Context, list *problem.List, key string, p cluster.NodePool, place Place) error {
	for i, id := range p.NSGIDs {
		key := fmt.Sprintf("%s.nsgIds[%d]", key, i)
		group, err := lookup.Usable(ctx, list, lookup.Ask{
			Setting: key, What: "network security group", ID: id, States: []string{"AVAILABLE"},
			Function: "oci:Core/getNetworkSecurityGroup:getNetworkSecurityGroup", Argument: "networkSecurityGroupId",
		})
		if err != nil {
			return err
		}
		if group == nil {
			continue
		}
		if place.made(group) {
			list.Add(key, "the stack has made the group %s: nodes are in the stack's group by themselves", group.DisplayName)
			continue
		}
		place.Found.Note(iam.Group, group.CompartmentID)
		if group.VcnID == place.VcnID {
			continue
		}
		own := false
		if place.VcnID == "" {
			vcn, err := lookup.Find(ctx, lookup.Ask{
				Setting: key, What: "VCN", ID: group.VcnID, Function: "oci:Core/getVcn:getVcn", Argument: "vcnId",
			})
			if err != nil {
				return err
			}
			own = vcn != nil && place.made(vcn)
		}
		if !own {
			cluster.CheckGroup(list, key, group.VcnID)
		}
	}
	return nil
}

// getVaults is called by its token: the SDK's package kms would have to be compiled.
const getVaults = "oci:Kms/getVaults:getVaults"

// checkKeys looks up the keys. A key is asked for at the endpoint of its vault, which its OCID does not tell: each
// active vault of the compartment and each of vaultIds is asked.
func checkKeys(ctx *pulumi.Context, list *problem.List, spec cluster.Spec, place Place) error {
	keys := spec.Keys()
	if len(keys) == 0 && len(spec.VaultIDs) == 0 {
		return nil
	}
	endpoints, complete, err := vaults(ctx, list, spec, place)
	if err != nil {
		return err
	}
	for _, key := range keys {
		found, err := findKey(ctx, key, endpoints)
		switch {
		case err != nil:
			return err
		case found == nil && complete:
			list.Add(key.Setting, "%s. It was looked for in the vaults of compartment %s and in those of vaultIds",
				lookup.Unseen("key", key.ID), place.CompartmentID).DependsOn("vaultIds")
		case found != nil: // otherwise a vault has a problem already
			place.Found.Note(iam.Key, found.CompartmentID)
			key.CheckFound(list, cluster.FoundKey{State: found.State, Algorithm: found.Algorithm()})
		}
	}
	return nil
}

// vaults returns the management endpoints of the vaults, and whether all vaults of vaultIds are usable.
func vaults(
	ctx *pulumi.Context, list *problem.List, spec cluster.Spec, place Place,
) (all []string, ok bool, err error) {
	args := map[string]string{"compartmentId": place.CompartmentID}
	var found struct {
		Vaults []lookup.Resource `pulumi:"vaults"`
	}
	if err := ctx.Invoke(getVaults, args, &found); err != nil && !lookup.Hidden(err) {
		return nil, false, lookupError("vaults", "inspect vaults", place.CompartmentID, err)
	}
	for _, vault := range found.Vaults {
		if vault.State == "ACTIVE" {
			all = append(all, vault.ManagementEndpoint)
		}
	}
	ok = true
	for i, id := range spec.VaultIDs {
		vault, err := lookup.Usable(ctx, list, lookup.Ask{
			Setting: fmt.Sprintf("vaultIds[%d]", i), What: "vault", ID: id, States: []string{"ACTIVE"},
			Function: "oci:Kms/getVault:getVault", Argument: "vaultId",
		})
		if err != nil {
			return nil, false, err
		}
		if ok = ok && vault != nil; vault != nil && !slices.Contains(all, vault.ManagementEndpoint) {
			all = append(all, vault.ManagementEndpoint)
		}
	}
	return all, ok, nil
}

func findKey(ctx *pulumi.Context, key cluster.Key, endpoints []string) (*lookup.Resource, error) {
	for _, endpoint := range endpoints {
		found, err := lookup.Find(ctx, lookup.Ask{
			Setting: key.Setting, What: "key", ID: key.ID, Function: "oci:Kms/getKey:getKey", Argument: "keyId",
			More: map[string]string{"managementEndpoint": endpoint},
		})
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}
