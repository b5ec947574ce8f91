package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/internal/okeapi"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// offer checks versions, shapes and images, and whether there are machines.
func (v *visit) offer(ctx context.Context) []Result {
	offered, err := okeapi.Client{Client: v.cloud.Client}.Offer(ctx, v.compartmentID)
	running, errRunning := v.running(ctx)
	if err := errors.Join(err, errRunning); err != nil {
		return []Result{v.unasked("versions and images", err)}
	}
	var problems problem.List
	choice := v.settings.Cluster.Choose(&problems, offered, running)
	results := judged(&problems)
	if len(results) == 0 {
		results = append(results, ok("Kubernetes %s, and images for its nodes", choice.ControlPlane))
	}
	for i, p := range v.settings.Cluster.NodePools {
		if p.ImageID != "" && !slices.ContainsFunc(offered.Images, func(m cluster.Image) bool { return m.ID == p.ImageID }) {
			key := fmt.Sprintf("nodePools[%d].imageId", i)
			_, wrong := v.lookUp(ctx, named{key, "image", p.ImageID, compute, "/images/", "AVAILABLE"})
			results = append(results, wrong...)
		}
		if !slices.Contains(offered.Shapes, p.Shape) {
			continue // Choose says so
		}
		results = append(results, v.pool(ctx, fmt.Sprintf("nodePools[%d]", i), p)...)
	}
	return append(results, v.podShapes(ctx)...)
}

// podShapes checks the shapes of Pods on virtual nodes in each availability domain of their pool.
func (v *visit) podShapes(ctx context.Context) (results []Result) {
	type shape struct{ Name string }
	for i, p := range v.settings.Cluster.VirtualNodePools {
		key := fmt.Sprintf("virtualNodePools[%d]", i)
		domains, err := v.poolDomains(p.AvailabilityDomains)
		if err != nil {
			results = append(results, noDomain(key, err))
		}
		for _, domain := range domains {
			shapes, err := list[shape](ctx, v.cloud, oke, "/podShapes",
				ocirest.In(v.compartmentID, "availabilityDomain", domain))
			switch {
			case err != nil:
				results = append(results, v.unasked("shapes of Pods in "+domain, err))
			case slices.Contains(shapes, shape{p.PodShape}):
				results = append(results, ok("%s for Pods in %s", p.PodShape, domain))
			default:
				results = append(results, failed("%s.podShape: %s has no %s", key, domain, p.PodShape).
					do("set %s.availabilityDomains to others, or another podShape", key))
			}
		}
	}
	return results
}

// noDomain is the finding about numbers of availability domains that the region does not have.
func noDomain(key string, err error) Result {
	return failed("%s.availabilityDomains: %v", key, err).
		do("set %s.availabilityDomains, or the stack's, to those of the region", key)
}

// running looks for the stack's cluster and its node pools.
func (v *visit) running(ctx context.Context) (cluster.Running, error) {
	return okeapi.Client{Client: v.cloud.Client}.Running(ctx, v.compartmentID, v.Project, v.Name)
}

// pool checks a node pool's shape in each of its availability domains.
func (v *visit) pool(ctx context.Context, key string, p cluster.NodePool) []Result {
	domains, err := v.poolDomains(p.AvailabilityDomains)
	if err != nil {
		return []Result{noDomain(key, err)}
	}
	checks := make([]check, len(domains))
	for i, domain := range domains {
		checks[i].run = func(ctx context.Context) []Result { return []Result{v.shape(ctx, key, p, domain)} }
	}
	results := all(ctx, checks...)
	rest := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Status == OK })
	if met := len(results) - len(rest); met > 0 {
		rest = append(rest, ok("%s in %d of %d availability domains, and no shortage known", p.Shape, met, len(domains)))
	}
	return rest
}

// poolDomains returns the names of a pool's availability domains, by their numbers.
func (v *visit) poolDomains(numbers []int) ([]string, error) {
	if len(numbers) == 0 {
		numbers = v.settings.Cluster.AvailabilityDomains
	}
	return cluster.PickDomains(v.domains, numbers)
}

// shape asks whether an availability domain has the shape, and whether it has machines of that size now.
func (v *visit) shape(ctx context.Context, key string, p cluster.NodePool, domain string) Result {
	type shape struct{ Shape string }
	shapes, err := list[shape](ctx, v.cloud, compute, "/shapes", ocirest.In(v.compartmentID, "availabilityDomain", domain))
	if err != nil {
		return v.unasked("shapes in "+domain, err)
	}
	if !slices.Contains(shapes, shape{p.Shape}) {
		return failed("%s.shape: %s has no %s", key, domain, p.Shape).
			do("set %s.availabilityDomains to others, or another shape", key)
	}
	type config struct {
		OCPUs    float64 `json:"ocpus,omitempty"`
		MemoryGB float64 `json:"memoryInGBs,omitempty"`
	}
	type availability struct {
		Shape  string  `json:"instanceShape"`
		Config *config `json:"instanceShapeConfig,omitempty"`
		Status string  `json:"availabilityStatus,omitempty"`
	}
	ask := struct {
		CompartmentID string         `json:"compartmentId"` // always the root (API, CreateComputeCapacityReportDetails)
		Domain        string         `json:"availabilityDomain"`
		Shapes        []availability `json:"shapeAvailabilities"`
	}{v.login.Tenancy, domain, []availability{{Shape: p.Shape}}}
	if p.OCPUs > 0 {
		ask.Shapes[0].Config = &config{p.OCPUs, p.MemoryGB}
	}
	var report struct {
		Shapes []availability `json:"shapeAvailabilities"`
	}
	err = v.cloud.ask(ctx, compute, "/computeCapacityReports", ask, &report)
	if err != nil { // the report is for the root compartment, where few may ask
		return skipped("%s in %s: there is no report on its capacity: %s", p.Shape, domain, answer(err))
	}
	for _, s := range report.Shapes {
		switch s.Status {
		case "OUT_OF_HOST_CAPACITY":
			return failed("%s: %s is out of capacity for %s of that size now", key, domain, p.Shape).do("try again later, "+
				"or set %s.availabilityDomains to others, another shape or fewer ocpus", key)
		case "HARDWARE_NOT_SUPPORTED":
			return failed("%s: %s does not support %s of that size", key, domain, p.Shape).
				do("set %s.availabilityDomains to others, or another shape", key)
		}
	}
	return ok("%s", domain)
}

// unasked explains a look-up that failed. Rights has what to do about a missing grant.
func (v *visit) unasked(what string, err error) Result {
	if ocirest.IsNotFound(err) {
		return skipped("%s: this user may not ask for them (see Rights)", what)
	}
	return unavailable(what, err)
}
