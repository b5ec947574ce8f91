package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/guestbook"
	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/plan/workload"
	"oke-guestbook/settings"
)

// outputs are those of the guestbooks, by name. Backups are the times of the last ones.
type outputs struct{ urls, addresses, records, backups pulumi.StringMap }

func (o outputs) add(g workload.Guestbook, made *guestbook.Guestbook) {
	o.urls[g.Name], o.addresses[g.Name] = made.URL, made.Address
	if g.TLSHostname != "" {
		o.records[g.Name] = made.Record
	}
	if g.BackupSchedule != "" {
		o.backups[g.Name] = made.LastBackup
	}
}

// export makes the stack's outputs: what a person or a pipeline needs next.
func export(
	ctx *pulumi.Context, s *settings.Settings, net *network.Network, cluster *oke.Cluster, made outputs,
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
		"url":               made.urls[s.Guestbooks[0].Name],
		"urls":              made.urls,
		"addresses":         made.addresses,
		"dnsRecords":        made.records,
		"lastBackups":       made.backups,
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
