package oke

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// faultDomainsKey returns fault domains as one text. All three are as good as none.
func faultDomainsKey(domains []string) string {
	if len(domains) == 3 {
		return ""
	}
	return strings.Join(slices.Sorted(slices.Values(domains)), " ")
}

// moves reports whether the update changes the placement of a pool's nodes.
func (o *Offer) moves(p cluster.NodePool, subnetID string) bool {
	pool, exists := o.running.Pools[p.Name]
	var wanted []cluster.Placement
	for _, domain := range o.Domains[p.Name] {
		wanted = append(wanted, cluster.Placement{
			AvailabilityDomain: domain, FaultDomains: faultDomainsKey(cluster.FaultDomains(p.FaultDomains)),
			SubnetID: subnetID, ReservationID: p.CapacityReservationID, Preemptible: p.Preemptible,
		})
	}
	same := len(pool.Placements) == len(wanted) && !slices.ContainsFunc(wanted, func(w cluster.Placement) bool {
		return !slices.Contains(pool.Placements, w)
	})
	return exists && !same
}

// checkVolumes adds the availability domains that would lose nodes although volumes of the stack are there.
func (o *Offer) checkVolumes(ctx *pulumi.Context, list *problem.List, place Place, spec cluster.Spec) error {
	for _, s := range spec.Stranding(o.running, o.Choice, o.Domains) {
		n, err := o.countVolumes(ctx, place, s.Domain)
		if err != nil {
			return err
		}
		if n > 0 {
			list.Add(s.Setting, "%s, and the stack has volumes there: %d. They cannot be attached elsewhere, so that the "+
				"Pods which use them, such as the database's, could not start. Either %s, or set allowStrandedVolumes",
				s.Why, n, s.Instead)
		}
	}
	return nil
}

// checkNewImages does the same for pools that would get another image, which only the state knows: see checkNewImage.
func (o *Offer) checkNewImages(ctx *pulumi.Context, place Place, spec cluster.Spec) error {
	for i, p := range spec.NodePools {
		if p.ImageID != "" {
			continue
		}
		renewed := spec
		renewed.NodePools = slices.Clone(spec.NodePools)
		renewed.NodePools[i].ImageID = "another"
		var list problem.List
		if err := o.checkVolumes(ctx, &list, place, renewed); err != nil {
			return err
		}
		o.imageStrands[p.Name] = list.Err()
	}
	return nil
}

// checkNewImage returns an error if an image is not that of a running pool, and volumes depend on the pool's nodes.
func (o *Offer) checkNewImage(pool, image string) error {
	err := o.imageStrands[pool]
	if now, exists := o.running.Pools[pool]; err == nil || !exists || now.ImageID == image {
		return nil
	}
	return fmt.Errorf("nodeImageRelease: pool %q has another image than the one of this release: %w", pool, err)
}

// countVolumes returns how many volumes of the stack an availability domain has. It asks once for all domains. Other
// tags of the volumes may change.
func (o *Offer) countVolumes(ctx *pulumi.Context, place Place, domain string) (int, error) {
	if o.volumes != nil {
		return o.volumes[domain], nil
	}
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{place.CompartmentID}
	var found struct {
		ID      string `pulumi:"id"`
		Volumes []struct {
			State  string            `pulumi:"state"`
			Domain string            `pulumi:"availabilityDomain"`
			Tags   map[string]string `pulumi:"freeformTags"`
		} `pulumi:"volumes"`
	}
	_, err := ctx.InvokePackageRaw(getVolumes, &args, &found, "")
	if err = lookup.Listed(found.ID, err); err != nil {
		return 0, lookupError("volumes", "inspect volumes", place.CompartmentID, err)
	}
	o.volumes = map[string]int{}
	for _, v := range found.Volumes {
		if place.owns(v.Tags) && v.State != "FAULTY" && !cluster.Gone(v.State) {
			o.volumes[v.Domain]++
		}
	}
	return o.volumes[domain], nil
}
