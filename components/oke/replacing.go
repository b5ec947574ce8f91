package oke

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// getCluster is called by its token, as the lists are. They do not have the key.
const getCluster = "oci:ContainerEngine/getCluster:getCluster"

// foundCluster is what the data source has of a cluster that OKE fixes at its creation. Each list has one item.
type foundCluster struct {
	KMSKeyID  string `pulumi:"kmsKeyId"`
	VcnID     string `pulumi:"vcnId"`
	Endpoints []struct {
		SubnetID string `pulumi:"subnetId"`
		Public   bool   `pulumi:"isPublicIpEnabled"`
	} `pulumi:"endpointConfigs"`
	PodNetworks []struct {
		Type string `pulumi:"cniType"`
	} `pulumi:"clusterPodNetworkOptions"`
	Options []struct {
		Networks []struct {
			PodsCIDR     string `pulumi:"podsCidr"`
			ServicesCIDR string `pulumi:"servicesCidr"`
		} `pulumi:"kubernetesNetworkConfigs"`
	} `pulumi:"options"`
}

// replacing returns the setting by which the update replaces the cluster, or "".
func replacing(ctx *pulumi.Context, id string, place Place) (string, error) {
	var found foundCluster
	if err := ctx.Invoke(getCluster, map[string]string{"clusterId": id}, &found); err != nil {
		return "", fmt.Errorf("cluster %s: %w", id, err)
	}
	if found.VcnID == "" { // the answer to a 404
		return "", nil
	}
	is := cluster.Immutable{KMSKeyID: found.KMSKeyID}
	for _, network := range found.PodNetworks {
		is.VCNNativePods = network.Type == vcnNative
	}
	for _, options := range found.Options {
		for _, network := range options.Networks {
			is.PodsCIDR, is.ServicesCIDR = network.PodsCIDR, network.ServicesCIDR
		}
	}
	var err error
	is.VcnID, err = place.foreign(ctx, place.Immutable.VcnID, found.VcnID, lookup.Ask{
		Setting: "vcnId", What: "VCN", Function: "oci:Core/getVcn:getVcn", Argument: "vcnId",
	})
	for _, endpoint := range found.Endpoints {
		if err != nil {
			break
		}
		is.PublicEndpoint = endpoint.Public
		is.SubnetID, err = place.foreign(ctx, place.Immutable.SubnetID, endpoint.SubnetID, lookup.Ask{
			Setting: "subnets.api.id", What: "subnet", Function: "oci:Core/getSubnet:getSubnet", Argument: "subnetId",
		})
	}
	return place.Immutable.Changed(is), err
}

// checkReplacement refuses to replace the cluster of volumes, which would be deleted with it. Pulumi's engine cannot
// even do so while the cluster has objects of the stack: it has closed the plugin that is to delete them
// (pulumi/pulumi#14650, seen with v3.260.0).
func (o *Offer) checkReplacement(ctx *pulumi.Context, list *problem.List, place Place) error {
	if o.running.Replacing == "" {
		return nil
	}
	volumes := 0
	for _, domain := range o.AllDomains {
		n, err := o.countVolumes(ctx, place, domain)
		if err != nil {
			return err
		}
		volumes += n
	}
	if volumes > 0 {
		list.Add(o.running.Replacing, "a change replaces the cluster, and deletes the stack's volumes with it: %d. Set it "+
			"back; or make a backup, destroy the stack (pulumi destroy), make it again (pulumi up), and restore the backup",
			volumes)
	}
	return nil
}

// foreign returns the OCID of a resource that the cluster is in, or "" if the stack has made it. It asks for that only
// where the settings name none.
func (p Place) foreign(ctx *pulumi.Context, named, id string, ask lookup.Ask) (string, error) {
	if named != "" {
		return id, nil
	}
	ask.ID = id
	found, err := lookup.Find(ctx, ask)
	if err != nil || found == nil || p.made(found) {
		return "", err
	}
	return id, nil
}
