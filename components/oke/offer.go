package oke

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// Offer is what the region has for a cluster and its node pools.
type Offer struct {
	// Choice has the versions and images.
	cluster.Choice
	// Domains are the names of each pool's availability domains, in order, by the pool's name.
	Domains map[string][]string
	// AllDomains are the names of the region's availability domains.
	AllDomains []string

	running      cluster.Running // before the update
	offered      []cluster.Image
	imageStrands map[string]error // by the pool's name: see checkNewImage
	volumes      map[string]int   // of the stack, by the availability domain; nil until asked for: see countVolumes
}

// New reports whether the stack has no cluster yet.
func (o *Offer) New() bool { return o.running.ControlPlane == "" }

// makes reports whether the update makes a node pool.
func (o *Offer) makes(pool string) bool {
	_, exists := o.running.Pools[pool]
	return !exists || o.running.Replacing != ""
}

// Look asks the region what it has for a cluster of a name, and what runs of it already: see cluster.Spec.Choose. It
// registers nothing. The error names every setting that the region cannot satisfy, or that would take the nodes or the
// cluster away from volumes with these freeform tags.
func Look(ctx *pulumi.Context, name string, place Place, spec cluster.Spec) (*Offer, error) {
	compartmentID := place.CompartmentID
	all, err := availabilityDomains(ctx, compartmentID)
	if err != nil && !lookup.Hidden(err) {
		return nil, fmt.Errorf("availability domains of compartment %s: %w", compartmentID, err)
	}
	if len(all) == 0 { // every region has one
		return nil, fmt.Errorf("compartmentId: %s", lookup.Unseen("compartment", compartmentID))
	}
	offered, err := offers(ctx, compartmentID)
	if err != nil {
		return nil, err
	}
	running, err := existing(ctx, name, place)
	if err == nil && running.ClusterID != "" {
		running.Replacing, err = replacing(ctx, running.ClusterID, place)
	}
	if err != nil {
		return nil, err
	}

	var list problem.List
	offer := &Offer{
		Choice: spec.Choose(&list, offered, running), Domains: map[string][]string{}, running: running,
		offered: offered.Images, AllDomains: slices.Sorted(slices.Values(all)), imageStrands: map[string]error{},
	}
	offer.pickDomains(&list, spec, all)
	if err := offer.checkAddons(ctx, &list, spec); err != nil {
		return nil, err
	}
	if err := offer.checkReplacement(ctx, &list, place); err != nil {
		return nil, err
	}
	if err := list.Err(); err != nil || spec.AllowStrandedVolumes {
		return offer, err
	}
	if err := offer.checkVolumes(ctx, &list, place, spec); err != nil {
		return nil, err
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	return offer, offer.checkNewImages(ctx, place, spec)
}

// pickDomains chooses the availability domains of the pools among those of the region.
func (o *Offer) pickDomains(list *problem.List, spec cluster.Spec, all []string) {
	refused := map[string]bool{}
	pick := func(pool, setting string, numbers []int) {
		key := setting + ".availabilityDomains"
		if len(numbers) == 0 {
			numbers, key = spec.AvailabilityDomains, "availabilityDomains"
		}
		var err error
		o.Domains[pool], err = cluster.PickDomains(all, numbers)
		if err != nil && !refused[key] { // several pools may have the stack's
			list.Add(key, "%v", err)
			refused[key] = true
		}
	}
	for i, p := range spec.NodePools {
		pick(p.Name, fmt.Sprintf("nodePools[%d]", i), p.AvailabilityDomains)
	}
	for i, p := range spec.VirtualNodePools {
		pick(p.Name, fmt.Sprintf("virtualNodePools[%d]", i), p.AvailabilityDomains)
	}
}

// offers asks for every patch version: the service lists only minor versions where it is told not to
// (Oracle documentation, "Kubernetes Versions and Kubernetes Engine", section "Note about Kubernetes Version
// Selection", 2026-09-05).
func offers(ctx *pulumi.Context, compartmentID string) (cluster.Offered, error) {
	var offered cluster.Offered
	clusters, err := containerengine.LookupClusterOption(ctx, &containerengine.LookupClusterOptionArgs{
		CompartmentId: &compartmentID, ClusterOptionId: "all", ShouldListAllPatchVersions: pulumi.BoolRef(true),
	})
	if err == nil {
		err = lookup.Listed(clusters.Id, nil)
	}
	if err != nil {
		return offered, lookupError("cluster options", "manage clusters", compartmentID, err)
	}
	pools, err := containerengine.GetNodePoolOption(ctx, &containerengine.GetNodePoolOptionArgs{
		CompartmentId: &compartmentID, NodePoolOptionId: "all", ShouldListAllPatchVersions: pulumi.BoolRef(true),
	})
	if err == nil {
		err = lookup.Listed(pools.Id, nil)
	}
	if err != nil {
		return offered, lookupError("node pool options", "manage clusters", compartmentID, err)
	}
	offered.ControlPlane, offered.Nodes = clusters.KubernetesVersions, pools.KubernetesVersions
	offered.Shapes = pools.Shapes
	for _, s := range pools.Sources {
		offered.Images = append(offered.Images, cluster.Image{ID: s.ImageId, Name: s.SourceName})
	}
	return offered, nil
}

// The lists are asked for by their tokens. The typed functions drop the error of an answer that they cannot decode, and
// return an empty list, which would be an answer here: the cluster is new.
const (
	getClusters  = "oci:ContainerEngine/getClusters:getClusters"
	getNodePools = "oci:ContainerEngine/getNodePools:getNodePools"
	getNodePool  = "oci:ContainerEngine/getNodePool:getNodePool"
	getVolumes   = "oci:Core/getVolumes:getVolumes"
)

// existing looks for the stack's cluster, as the program cannot read the state: see cluster.Find. All clusters of the
// compartment are listed: somebody may have changed the name. A replaced cluster that an interrupted update has left is
// no different.
func existing(ctx *pulumi.Context, name string, place Place) (cluster.Running, error) {
	compartmentID := place.CompartmentID
	running := cluster.Running{Pools: map[string]cluster.RunningPool{}}
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
	}{compartmentID}
	var listed struct {
		ID       string `pulumi:"id"`
		Clusters []struct {
			ID       string            `pulumi:"id"`
			Name     string            `pulumi:"name"`
			State    string            `pulumi:"state"`
			Version  string            `pulumi:"kubernetesVersion"`
			Upgrades []string          `pulumi:"availableKubernetesUpgrades"`
			Tags     map[string]string `pulumi:"freeformTags"`
		} `pulumi:"clusters"`
	}
	_, err := ctx.InvokePackageRaw(getClusters, &args, &listed, "")
	if err = lookup.Listed(listed.ID, err); err != nil {
		return running, lookupError("clusters", "manage clusters", compartmentID, err)
	}
	var all []cluster.Listed
	for _, c := range listed.Clusters {
		all = append(all, cluster.Listed(c))
	}
	found, err := cluster.Find(all, name, place.Tags)
	if err != nil {
		return running, fmt.Errorf("compartment %s: %w", compartmentID, err)
	}
	for _, c := range found {
		running.ClusterID, running.ControlPlane, running.Upgrades = c.ID, c.Version, c.Upgrades
		if err := existingPools(ctx, compartmentID, &running); err != nil {
			return running, lookupError("node pools", "manage cluster-node-pools", compartmentID, err)
		}
	}
	return running, nil
}

// foundPool is a node pool as the data source lists it.
type foundPool struct {
	ID      string            `pulumi:"id"`
	Name    string            `pulumi:"name"`
	State   string            `pulumi:"state"`
	Version string            `pulumi:"kubernetesVersion"`
	Tags    map[string]string `pulumi:"freeformTags"`
	Shape   string            `pulumi:"nodeShape"`
	Sources []struct {
		ImageID      string `pulumi:"imageId"`
		BootVolumeGB string `pulumi:"bootVolumeSizeInGbs"`
	} `pulumi:"nodeSourceDetails"`
	Sizes []struct {
		OCPUs    float64 `pulumi:"ocpus"`
		MemoryGB float64 `pulumi:"memoryInGbs"`
	} `pulumi:"nodeShapeConfigs"`
	Labels []struct {
		Key   string `pulumi:"key"`
		Value string `pulumi:"value"`
	} `pulumi:"initialNodeLabels"`
	SSHKey  string `pulumi:"sshPublicKey"`
	Configs []struct {
		Size       int    `pulumi:"size"`
		KMSKeyID   string `pulumi:"kmsKeyId"`
		Placements []struct {
			AvailabilityDomain string   `pulumi:"availabilityDomain"`
			FaultDomains       []string `pulumi:"faultDomains"`
			SubnetID           string   `pulumi:"subnetId"`
			ReservationID      string   `pulumi:"capacityReservationId"`
			Preemptible        []any    `pulumi:"preemptibleNodeConfigs"`
		} `pulumi:"placementConfigs"`
	} `pulumi:"nodeConfigDetails"`
}

// existingPools adds the node pools of the running cluster.
func existingPools(ctx *pulumi.Context, compartmentID string, running *cluster.Running) error {
	args := struct {
		CompartmentID string `pulumi:"compartmentId"`
		ClusterID     string `pulumi:"clusterId"`
	}{compartmentID, running.ClusterID}
	var found struct {
		ID        string      `pulumi:"id"`
		NodePools []foundPool `pulumi:"nodePools"`
	}
	_, err := ctx.InvokePackageRaw(getNodePools, &args, &found, "")
	if err = lookup.Listed(found.ID, err); err != nil {
		return err
	}
	for _, p := range found.NodePools {
		if cluster.Gone(p.State) {
			continue
		}
		pool := cluster.RunningPool{
			Version: p.Version, Shape: p.Shape, Labels: map[string]string{}, SSHPublicKey: p.SSHKey,
		}
		if err := readPool(ctx, p.ID, &pool); err != nil {
			return err
		}
		pool.Repels = pool.Repels || cluster.GPUShape(p.Shape)
		for _, label := range p.Labels {
			pool.Labels[label.Key] = label.Value
		}
		for _, size := range p.Sizes {
			pool.OCPUs, pool.MemoryGB = size.OCPUs, size.MemoryGB
		}
		for _, source := range p.Sources {
			pool.ImageID = source.ImageID
			pool.BootVolumeGB, _ = strconv.Atoi(source.BootVolumeGB) // 0: not known
		}
		for _, config := range p.Configs {
			pool.Size, pool.BootVolumeKMSKeyID = config.Size, config.KMSKeyID
			for _, c := range config.Placements {
				pool.Repels = pool.Repels || len(c.Preemptible) > 0
				pool.Placements = append(pool.Placements, cluster.Placement{
					AvailabilityDomain: c.AvailabilityDomain, FaultDomains: faultDomainsKey(c.FaultDomains), SubnetID: c.SubnetID,
					ReservationID: c.ReservationID, Preemptible: len(c.Preemptible) > 0,
				})
			}
		}
		running.Add(p.Name, p.Tags, pool)
	}
	return nil
}

// readPool adds what the list of pools lacks (SDK 65.129, NodePoolSummary).
func readPool(ctx *pulumi.Context, id string, pool *cluster.RunningPool) error {
	args := struct {
		ID string `pulumi:"nodePoolId"`
	}{id}
	var found struct {
		ID       string            `pulumi:"id"`
		Metadata map[string]string `pulumi:"nodeMetadata"`
		Nodes    []struct {
			State   string `pulumi:"state"`
			Version string `pulumi:"kubernetesVersion"` // empty while the node is created
		} `pulumi:"nodes"`
		Cycling []struct {
			Surge       string `pulumi:"maximumSurge"`
			Unavailable string `pulumi:"maximumUnavailable"`
		} `pulumi:"nodePoolCyclingDetails"`
	}
	_, err := ctx.InvokePackageRaw(getNodePool, &args, &found, "")
	if err = lookup.Listed(found.ID, err); err != nil {
		return err
	}
	pool.UserData = found.Metadata["user_data"]
	pool.Repels = cluster.Repelling(pool.UserData)
	for _, steps := range found.Cycling {
		pool.MaxSurge, pool.MaxUnavailable = steps.Surge, steps.Unavailable
	}
	for _, node := range found.Nodes {
		if node.Version != "" && node.State != "FAILING" && !cluster.Gone(node.State) {
			pool.NodeVersions = append(pool.NodeVersions, node.Version)
		}
	}
	return nil
}

// lookupError explains a failed look-up, which needs a right in the compartment. The user sees the compartment itself:
// the availability domains were listed before.
func lookupError(what, right, compartmentID string, err error) error {
	if lookup.Hidden(err) {
		return fmt.Errorf("compartmentId: this user may not list the %s of compartment %s: a policy must let the user %s "+
			"there (make policies prints the statements) (NotAuthorizedOrNotFound)", what, compartmentID, right)
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
