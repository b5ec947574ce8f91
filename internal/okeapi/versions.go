package okeapi

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/cluster"
)

// summary is a cluster or a node pool as lists have it.
type summary struct {
	ID, Name, LifecycleState, KubernetesVersion, NodeShape string
	AvailableKubernetesUpgrades                            []string
	NodeSourceDetails                                      struct{ ImageID string }
	FreeformTags                                           map[string]string
}

// Offer returns what the region offers to a compartment for new clusters and node pools, with every patch version.
func (c Client) Offer(ctx context.Context, compartment string) (cluster.Offered, error) {
	var clusters struct{ KubernetesVersions []string }
	var pools struct {
		KubernetesVersions, Shapes []string
		Sources                    []struct{ ImageID, SourceName string }
	}
	query := ocirest.In(compartment, "shouldListAllPatchVersions", "true")
	_, err := c.Get(ctx, catalog.ContainerEngineClient, base+"/clusterOptions/all", query, &clusters)
	if err == nil {
		_, err = c.Get(ctx, catalog.ContainerEngineClient, base+"/nodePoolOptions/all", query, &pools)
	}
	offered := cluster.Offered{
		ControlPlane: clusters.KubernetesVersions, Nodes: pools.KubernetesVersions, Shapes: pools.Shapes,
	}
	for _, s := range pools.Sources {
		offered.Images = append(offered.Images, cluster.Image{ID: s.ImageID, Name: s.SourceName})
	}
	return offered, err
}

// Running returns what the cluster of a stack in a compartment runs, as the program finds it: see cluster.Find.
func (c Client) Running(ctx context.Context, compartment, project, stack string) (running cluster.Running, err error) {
	running.Pools = map[string]cluster.RunningPool{}
	listed, err := c.list(ctx, "/clusters", ocirest.In(compartment))
	if err != nil {
		return running, err
	}
	var all []cluster.Listed
	for _, is := range listed {
		all = append(all, cluster.Listed{
			ID: is.ID, Name: is.Name, State: is.LifecycleState, Version: is.KubernetesVersion,
			Upgrades: is.AvailableKubernetesUpgrades, Tags: is.FreeformTags,
		})
	}
	found, err := cluster.Find(all, project+"-"+stack, map[string]string{"project": project, "stack": stack})
	if err != nil {
		return running, fmt.Errorf("compartment %s: %w", compartment, err)
	}
	for _, is := range found {
		running.ClusterID, running.ControlPlane, running.Upgrades = is.ID, is.Version, is.Upgrades
		pools, err := c.list(ctx, "/nodePools", ocirest.In(compartment, "clusterId", is.ID))
		if err != nil {
			return running, err
		}
		for _, p := range pools {
			running.Add(p.Name, p.FreeformTags, cluster.RunningPool{
				Version: p.KubernetesVersion, Shape: p.NodeShape, ImageID: p.NodeSourceDetails.ImageID,
			})
		}
	}
	return running, nil
}

// list returns all that a list has, except what is deleted: the service lists that for some time.
func (c Client) list(ctx context.Context, path string, query url.Values) ([]summary, error) {
	all, err := ocirest.List[summary](ctx, c, catalog.ContainerEngineClient, base+path, query)
	return slices.DeleteFunc(all, func(s summary) bool { return cluster.Gone(s.LifecycleState) }), err
}

// ExplainOffer says in one line why Offer or Running has failed, and what to do.
func ExplainOffer(err error, compartment string) error {
	return explain(err, fmt.Sprintf("compartmentId: there is no compartment %s for these credentials: look at the "+
		"OCID, --region and --profile, and that a policy lets their user inspect clusters in it", compartment))
}
