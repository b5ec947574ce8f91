package oke

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// Offer is what the region has for the node pools of a cluster.
type Offer struct {
	// Domains are the names of each pool's availability domains, in order, by the pool's name.
	Domains map[string][]string
	// Images are the OCIDs of the newest suitable images by the pool's name; none for a pool that names its image.
	Images map[string]string
}

// Look asks the region what it has for a cluster. It registers nothing. The error names every setting that the region
// cannot satisfy.
func Look(ctx *pulumi.Context, compartmentID string, spec cluster.Spec) (*Offer, error) {
	all, err := availabilityDomains(ctx, compartmentID)
	if err != nil {
		return nil, lookupError("availability domains", compartmentID, err)
	}
	options, err := containerengine.GetNodePoolOption(ctx, &containerengine.GetNodePoolOptionArgs{
		CompartmentId: &compartmentID, NodePoolOptionId: "all",
	})
	if err != nil {
		return nil, lookupError("node pool options", compartmentID, err)
	}
	sources := make([]cluster.Image, 0, len(options.Sources))
	for _, s := range options.Sources {
		sources = append(sources, cluster.Image{ID: s.ImageId, Name: s.SourceName})
	}

	var list problem.List
	offer := &Offer{Domains: map[string][]string{}, Images: map[string]string{}}
	if err := cluster.CheckOffered(spec.KubernetesVersion, options.KubernetesVersions); err != nil {
		list.Add("kubernetesVersion", "%v", err)
	}
	refused := map[string]bool{}
	for i, p := range spec.NodePools {
		key := fmt.Sprintf("nodePools[%d]", i)
		numbers, numbersKey := p.AvailabilityDomains, key+".availabilityDomains"
		if len(numbers) == 0 {
			numbers, numbersKey = spec.AvailabilityDomains, "availabilityDomains"
		}
		offer.Domains[p.Name], err = pick(all, numbers)
		if err != nil && !refused[numbersKey] { // several pools may have the stack's
			list.Add(numbersKey, "%v", err)
			refused[numbersKey] = true
		}
		if p.ImageID != "" {
			continue
		}
		newest, err := cluster.NewestImage(sources, spec.VersionOf(p), cluster.ImageVariant(p.Shape))
		if err != nil {
			list.Add(key+".kubernetesVersion", "%v", err)
		}
		offer.Images[p.Name] = newest.ID
	}
	return offer, list.Err()
}

// lookupError explains a failed look-up. The service does not say whether a compartment does not exist or the user may
// not see it.
func lookupError(what, compartmentID string, err error) error {
	if strings.Contains(err.Error(), "NotAuthorizedOrNotFound") {
		return fmt.Errorf("compartmentId: there is no compartment %s for this user; check the OCID, "+
			"that the credentials are of its tenancy, and that a policy lets their user inspect it: %w", compartmentID, err)
	}
	return fmt.Errorf("%s of compartment %s: %w", what, compartmentID, err)
}

// getAvailabilityDomains is called by its token: pulumi-oci's package identity, which has a typed function for it,
// takes two minutes to compile.
const getAvailabilityDomains = "oci:Identity/getAvailabilityDomains:getAvailabilityDomains"

func availabilityDomains(ctx *pulumi.Context, compartmentID string) ([]string, error) {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{compartmentID}
	var result struct {
		AvailabilityDomains []struct {
			Name string `pulumi:"name"` // such as "Uocm:PHX-AD-1"
		} `pulumi:"availabilityDomains"`
	}
	if err := ctx.Invoke(getAvailabilityDomains, &args, &result); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(result.AvailabilityDomains))
	for _, d := range result.AvailabilityDomains {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names, nil
}

// domainNumber matches the end of an availability domain's name.
var domainNumber = regexp.MustCompile(`-AD-(\d)$`)

// pick returns the availability domains with the given numbers, or all of them if there are no numbers.
func pick(domains []string, numbers []int) ([]string, error) {
	if len(numbers) == 0 {
		return domains, nil
	}
	var picked []string
	for _, n := range numbers {
		i := slices.IndexFunc(domains, func(d string) bool {
			m := domainNumber.FindStringSubmatch(d)
			return m != nil && m[1] == strconv.Itoa(n)
		})
		if i < 0 {
			return nil, fmt.Errorf("the region has no availability domain %d; it has %v", n, domains)
		}
		picked = append(picked, domains[i])
	}
	return picked, nil
}
