package okeapi

import (
	"context"
	"fmt"
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

// Running returns what the cluster of a name in a compartment runs, and its OCID, "" if there is none.
func (c Client) Running(ctx context.Context, compartment, name string) (running cluster.Running, id string, err error) {
	running.Pools = map[string]cluster.RunningPool{}
	clusters, err := c.list(ctx, "/clusters", compartment, "name", name)
	if err == nil && len(clusters) > 1 {
		err = fmt.Errorf("compartment %s has %d clusters named %s: rename or delete those that are not this stack's",
			compartment, len(clusters), name)
	}
	if err != nil || len(clusters) == 0 {
		return running, "", err
	}
	is := clusters[0]
	running.ControlPlane, running.Upgrades = is.KubernetesVersion, is.AvailableKubernetesUpgrades
	pools, err := c.list(ctx, "/nodePools", compartment, "clusterId", is.ID)
	for _, p := range pools {
		running.Pools[p.Name] = cluster.RunningPool{
			Version: p.KubernetesVersion, Shape: p.NodeShape, ImageID: p.NodeSourceDetails.ImageID,
		}
	}
	return running, is.ID, err
}

// list returns all that a list has, except what is deleted: the service lists that for some time.
func (c Client) list(ctx context.Context, path, compartment, key, value string) ([]summary, error) {
	all, err := ocirest.List[summary](ctx, c, catalog.ContainerEngineClient, base+path,
		ocirest.In(compartment, key, value))
	return slices.DeleteFunc(all, func(s summary) bool {
		return s.LifecycleState == "DELETING" || s.LifecycleState == "DELETED"
	}), err
}

// ExplainOffer says in one line why Offer or Running has failed, and what to do.
func ExplainOffer(err error, compartment string) error {
	return explain(err, fmt.Sprintf("compartmentId: there is no compartment %s for these credentials: look at the "+
		"OCID, --region and --profile, and that a policy lets their user inspect clusters in it", compartment))
}
