package oke

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/containerengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/problem"
)

// addons enables add-ons one after the other: they run on the nodes, and some need the one before. The autoscaler of
// the bounded node pools is the last one.
func (c *Cluster) addons(ctx *pulumi.Context, name string, args *Args) error {
	dependsOn := c.Nodes()
	enable := func(addon string, configuration pulumi.StringMap) error {
		essential := slices.Contains(cluster.EssentialAddons, addon)
		full := &containerengine.AddonArgs{
			AddonName: pulumi.String(addon), ClusterId: c.Cluster.ID(), RemoveAddonResourcesOnDelete: pulumi.Bool(!essential),
			Version: optional(args.Spec.AddonOptions[addon].Version), Configurations: arguments(configuration),
		}
		if essential {
			full.OverrideExisting = pulumi.Bool(true)
		}
		made, err := containerengine.NewAddon(ctx, name+"-"+addon, full, pulumi.Parent(c), pulumi.DependsOn(dependsOn))
		if err != nil {
			return fmt.Errorf("add-on %s: %w", addon, err)
		}
		dependsOn = []pulumi.Resource{made}
		return nil
	}
	for _, addon := range args.Spec.Addons {
		if err := enable(addon, pulumi.ToStringMap(args.Spec.AddonOptions[addon].Configuration)); err != nil {
			return err
		}
	}
	bounds := args.Spec.Bounded()
	if len(bounds) == 0 {
		return nil
	}
	if args.Spec.AutoscalerPolicy {
		policy, err := c.autoscalerPolicy(ctx, name, args)
		if err != nil {
			return err
		}
		// Nothing waits for it to be in force: the autoscaler tries every ten seconds until it may read its node pools
		// (kubernetes/autoscaler, cloudprovider/oci/nodepools/oci_manager.go at 0130ff3, read 2026-11-29), and OKE has the
		// add-on ACTIVE when its Pods run.
		dependsOn = append(dependsOn, policy)
	}
	configuration := pulumi.ToStringMap(args.Spec.AutoscalerConfiguration())
	configuration["nodes"] = c.autoscalerNodes(bounds)
	return enable(cluster.Autoscaler, configuration)
}

// getAddonOptions and getAddon are called by their tokens, as getClusters is.
const (
	getAddonOptions = "oci:ContainerEngine/getAddonOptions:getAddonOptions"
	getAddon        = "oci:ContainerEngine/getAddon:getAddon"
)

// checkAddons asks which versions the region has of the add-ons that settings name one of. A version that the cluster
// has stays, whether it is still offered or not.
func (o *Offer) checkAddons(ctx *pulumi.Context, list *problem.List, spec cluster.Spec) error {
	for _, name := range slices.Sorted(maps.Keys(spec.AddonOptions)) {
		want := spec.AddonOptions[name].Version
		if want == "" || o.ControlPlane == "" {
			continue
		}
		offer, err := addonOffer(ctx, name, o.ControlPlane)
		if err != nil {
			return fmt.Errorf("options of add-on %s: %w", name, err)
		}
		var refused problem.List
		spec.CheckAddon(&refused, offer, o.ControlPlane)
		if refused.Err() == nil {
			continue
		}
		if now, err := installedVersion(ctx, o.running.ClusterID, name); err != nil || now != want {
			list.Append(refused)
		}
	}
	return nil
}

// addonOffer returns all versions of an add-on for a Kubernetes version; none if the user may not see them.
func addonOffer(ctx *pulumi.Context, name, kubernetesVersion string) (cluster.AddonOffer, error) {
	args := struct {
		Name              string `pulumi:"addonName"`
		KubernetesVersion string `pulumi:"kubernetesVersion"`
		All               bool   `pulumi:"shouldShowAllVersions"`
	}{name, kubernetesVersion, true}
	var found struct {
		Options []struct {
			Name     string `pulumi:"name"`
			Versions []struct {
				Number string `pulumi:"versionNumber"`
			} `pulumi:"versions"`
		} `pulumi:"addonOptions"`
	}
	offer := cluster.AddonOffer{Name: name}
	if _, err := ctx.InvokePackageRaw(getAddonOptions, &args, &found, ""); err != nil && !lookup.Hidden(err) {
		return offer, err
	}
	for _, option := range found.Options {
		if option.Name != name {
			continue
		}
		for _, version := range option.Versions {
			offer.Versions = append(offer.Versions, version.Number)
		}
	}
	return offer, nil
}

// installedVersion returns the version that an add-on of the cluster was asked to have; "" if there is none.
func installedVersion(ctx *pulumi.Context, clusterID, name string) (string, error) {
	if clusterID == "" {
		return "", nil
	}
	args := struct {
		ClusterID string `pulumi:"clusterId"`
		Name      string `pulumi:"addonName"`
	}{clusterID, name}
	var found struct {
		Version string `pulumi:"version"`
	}
	_, err := ctx.InvokePackageRaw(getAddon, &args, &found, "")
	return found.Version, err
}

// optional returns nil for an empty text.
func optional(text string) pulumi.StringPtrInput {
	if text == "" {
		return nil
	}
	return pulumi.String(text)
}

// arguments returns an add-on's, in the order of their keys.
func arguments(configuration pulumi.StringMap) containerengine.AddonConfigurationArray {
	var list containerengine.AddonConfigurationArray
	for _, key := range slices.Sorted(maps.Keys(configuration)) {
		list = append(list, containerengine.AddonConfigurationArgs{
			Key: pulumi.String(key), Value: configuration[key].ToStringOutput().ToStringPtrOutput(),
		})
	}
	return list
}

// autoscalerNodes returns the argument that tells the autoscaler which pools to change.
func (c *Cluster) autoscalerNodes(bounds []cluster.Bounds) pulumi.StringOutput {
	var ids []any
	for _, b := range bounds {
		ids = append(ids, c.NodePools[b.Pool].ID())
	}
	return pulumi.All(ids...).ApplyT(func(values []any) string {
		byName := map[string]string{}
		for i, b := range bounds {
			byName[b.Pool] = string(values[i].(pulumi.ID))
		}
		return cluster.AutoscalerNodes(bounds, byName)
	}).(pulumi.StringOutput)
}

// autoscalerPolicy lets the autoscaler, by its workload identity, change the cluster's node pools.
func (c *Cluster) autoscalerPolicy(ctx *pulumi.Context, name string, args *Args) (pulumi.Resource, error) {
	opts, err := home.Options(ctx, name+"-autoscaler", args.Region, args.HomeRegion, c)
	if err != nil {
		return nil, err
	}
	statements := c.Cluster.ID().ToStringOutput().ApplyT(func(id string) []string {
		return iam.AutoscalerStatements(args.CompartmentID, id)
	}).(pulumi.StringArrayOutput)
	return home.Policy{
		Name: name + iam.AutoscalerPolicySuffix, CompartmentID: args.CompartmentID,
		Description: "Autoscaler of the node pools of cluster " + args.Name, Statements: statements, Tags: args.Tags,
	}.Create(ctx, name+"-autoscaler", opts...)
}
