package okeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Offer is what a region offers for new clusters and node pools.
type Offer struct {
	ControlPlane, Nodes []string // Kubernetes versions
	Images              []Image
}

// Image is an image for node pools.
type Image struct {
	ID   string `json:"imageId"`
	Name string `json:"sourceName"`
}

// Cluster is a cluster as lists have it.
type Cluster struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	State    string   `json:"lifecycleState"`
	Version  string   `json:"kubernetesVersion"`
	Upgrades []string `json:"availableKubernetesUpgrades"`
}

// NodePool is a node pool as lists have it.
type NodePool struct {
	Name    string `json:"name"`
	State   string `json:"lifecycleState"`
	Version string `json:"kubernetesVersion"`
	Shape   string `json:"nodeShape"`
	Source  struct {
		ImageID string `json:"imageId"`
	} `json:"nodeSourceDetails"`
}

// Offer returns what the region offers to a compartment, with every patch version.
func (c Client) Offer(ctx context.Context, compartment string) (offer Offer, err error) {
	var versions struct {
		Versions []string `json:"kubernetesVersions"`
	}
	query := in(compartment, "shouldListAllPatchVersions", "true")
	if err := c.get(ctx, "/clusterOptions/all", query, &versions); err != nil {
		return offer, err
	}
	offer.ControlPlane = versions.Versions
	var nodes struct {
		Versions []string `json:"kubernetesVersions"`
		Sources  []Image  `json:"sources"`
	}
	err = c.get(ctx, "/nodePoolOptions/all", query, &nodes)
	offer.Nodes, offer.Images = nodes.Versions, nodes.Sources
	return offer, err
}

// Clusters returns the clusters of a name in a compartment, except those that are deleted.
func (c Client) Clusters(ctx context.Context, compartment, name string) ([]Cluster, error) {
	clusters, err := list[Cluster](ctx, c, "/clusters", in(compartment, "name", name))
	return slices.DeleteFunc(clusters, func(cluster Cluster) bool { return gone(cluster.State) }), err
}

// NodePools returns the node pools of a cluster, except those that are deleted.
func (c Client) NodePools(ctx context.Context, compartment, cluster string) ([]NodePool, error) {
	pools, err := list[NodePool](ctx, c, "/nodePools", in(compartment, "clusterId", cluster))
	return slices.DeleteFunc(pools, func(pool NodePool) bool { return gone(pool.State) }), err
}

// gone reports whether a state is that of something deleted. The service lists such things for some time.
func gone(state string) bool { return state == "DELETING" || state == "DELETED" }

// in is the query of what a compartment has.
func in(compartment, key, value string) url.Values {
	return url.Values{"compartmentId": {compartment}, key: {value}}
}

func hiddenCompartment(query url.Values) string {
	return fmt.Sprintf("compartmentId: there is no compartment %s for these credentials: look at the OCID, --region and "+
		"--profile, and that a policy lets their user inspect clusters in it", query.Get("compartmentId"))
}

func (c Client) get(ctx context.Context, path string, query url.Values, into any) error {
	data, _, err := c.call(ctx, request{
		method: http.MethodGet, path: path, query: query, hidden: hiddenCompartment(query),
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// list returns all pages of a list.
func list[T any](ctx context.Context, c Client, path string, query url.Values) (items []T, err error) {
	for {
		data, next, err := c.call(ctx, request{
			method: http.MethodGet, path: path, query: query, hidden: hiddenCompartment(query),
		})
		if err != nil {
			return nil, err
		}
		var page []T
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, err
		}
		items = append(items, page...)
		if next == "" {
			return items, nil
		}
		query.Set("page", next)
	}
}
