package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/settings"
)

// export makes the stack's outputs: what a person or a pipeline needs next. urls, addresses and backups, the times of
// the last ones, are those of the guestbooks by name.
func export(ctx *pulumi.Context, s *settings.Settings, net *network.Network, cluster *oke.Cluster,
	urls, addresses, backups pulumi.StringMap,
) {
	pools := pulumi.StringMap{}
	for name, pool := range cluster.NodePools {
		pools[name] = pool.ID().ToStringOutput()
	}
	// Subnets and groups are for Services that are not this program's.
	subnets, groups := pulumi.StringMap{}, pulumi.StringArrayMap{}
	for role, id := range net.SubnetIDs {
		subnets[string(role)] = id
	}
	for role, ids := range net.NSGIDs {
		groups[string(role)] = ids
	}
	if s.Cluster.OIDCDiscovery {
		ctx.Export("oidcIssuer", cluster.Cluster.OpenIdConnectDiscoveryEndpoint)
	}
	for key, value := range map[string]pulumi.Input{
		"url":               urls[s.Guestbooks[0].Name],
		"urls":              urls,
		"addresses":         addresses,
		"lastBackups":       backups,
		"kubeconfig":        cluster.Kubeconfig,
		"clusterId":         cluster.Cluster.ID(),
		"clusterName":       cluster.Cluster.Name,
		"endpoints":         cluster.Cluster.Endpoints,
		"kubernetesVersion": cluster.Cluster.KubernetesVersion,
		"nodePoolIds":       pools,
		"vcnId":             net.VcnID,
		"subnetIds":         subnets,
		"nsgIds":            groups,
		"bastionId":         net.BastionID,
		"networkPolicies":   pulumi.String(s.Policies), // whether they hold
		"namespace":         pulumi.String(s.Guestbooks[0].Namespace),
	} {
		ctx.Export(key, value)
	}
}
