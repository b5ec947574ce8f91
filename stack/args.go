package stack

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/alarms"
	"oke-guestbook/components/budget"
	"oke-guestbook/components/containerlogs"
	"oke-guestbook/components/guestbook"
	"oke-guestbook/components/logs"
	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/components/rights"
	"oke-guestbook/plan/alarm"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
	"oke-guestbook/plan/workload"
	"oke-guestbook/settings"
)

// composition is what the components' arguments are derived from.
type composition struct {
	settings *settings.Settings
	plan     layout.Layout
	name     string            // of the stack's network and cluster
	tags     map[string]string // freeform, of everything in OCI
	policy   *iam.Policy       // of the cluster; nil: the stack makes none
	ask      Ask               // nil: registries are not asked
}

func (c *composition) networkArgs() *network.Args {
	spec := c.settings.Network
	gateways := map[layout.Gateway]string{}
	for _, gateway := range spec.ExistingGateways() {
		gateways[gateway.Kind] = gateway.ID
	}
	if spec.DrgID != "" {
		gateways[layout.DRG] = spec.DrgID
	}
	return &network.Args{
		CompartmentID:       c.settings.CompartmentID,
		Tags:                c.tags,
		Protect:             c.settings.Protect,
		Plan:                c.plan,
		Rules:               rules.Expand(rules.Table(spec), c.plan),
		SecurityBy:          spec.SecurityBy,
		Gateways:            gateways,
		BastionAllowedCIDRs: spec.BastionAllowedCIDRs,
		FlowLogs:            spec.FlowLogs,
	}
}

func (c *composition) rightsArgs() *rights.Args {
	return &rights.Args{
		Policy:     c.policy,
		Wait:       time.Duration(c.settings.Cluster.PolicyWaitSeconds) * time.Second,
		Region:     c.settings.Region,
		HomeRegion: c.settings.HomeRegion,
		Tags:       c.tags,
	}
}

func (c *composition) clusterArgs(offer *oke.Offer, net *network.Network, may *rights.Rights) *oke.Args {
	spec := c.settings.Network
	return &oke.Args{
		Rights:         may.InForce,
		Name:           c.name,
		CompartmentID:  c.settings.CompartmentID,
		Spec:           c.settings.Cluster,
		Offer:          offer,
		Login:          c.settings.Login,
		Tags:           c.tags,
		DefinedTags:    c.settings.DefinedTags,
		Region:         c.settings.Region,
		HomeRegion:     c.settings.HomeRegion,
		Protect:        c.settings.Protect,
		VcnID:          net.VcnID,
		SubnetIDs:      net.SubnetIDs,
		NSGIDs:         net.NSGIDs,
		PublicEndpoint: spec.APIEndpoint == layout.Public,
		VCNNativePods:  spec.PodNetwork == layout.VCNNative,
		PodsCIDR:       spec.PodsCIDR,
		ServicesCIDR:   spec.ServicesCIDR,
	}
}

func (c *composition) guestbookArgs(
	g workload.Guestbook, net *network.Network, cluster *oke.Cluster, enforcer []pulumi.Resource,
) *guestbook.Args {
	args := &guestbook.Args{
		Guestbook: g,
		Protect:   c.settings.Protect,
		Networks:  c.networksAround(g),
		Registry:  c.settings.Registry,
		Store: guestbook.Store{
			CompartmentID: c.settings.CompartmentID,
			ClusterID:     cluster.Cluster.ID(),
			Region:        c.settings.Region,
			HomeRegion:    c.settings.HomeRegion,
			Tags:          c.tags,
		},
		Enforcer: enforcer,
		Nodes:    cluster.Nodes(),
	}
	if g.Balanced() {
		role := loadBalancerRole(g)
		args.LoadBalancerSubnetID = net.SubnetIDs[role]
		if ids, ok := net.NSGIDs[role]; ok {
			args.LoadBalancerNSGIDs = ids
		}
	}
	return args
}

// networksAround returns the networks that a guestbook's policies and proxies depend on.
func (c *composition) networksAround(g workload.Guestbook) guestbook.Networks {
	cidr := func(role layout.Role) string {
		subnet, _ := c.plan.Subnet(role)
		return subnet.CIDR.String()
	}
	spec := c.settings.Network
	networks := guestbook.Networks{
		APIEndpoint: cidr(layout.API),
		Inside:      []string{c.plan.VCN.String(), spec.ServicesCIDR, "169.254.0.0/16"},
	}
	if spec.PodNetwork == layout.Flannel {
		networks.Inside = append(networks.Inside, spec.PodsCIDR)
	}
	switch g.Exposure {
	case workload.Public:
		networks.Visitors = spec.LoadBalancerAllowedCIDRs
	case workload.Internal:
		networks.Visitors = spec.InternalLoadBalancerAllowedCIDRs
	case workload.NodePort: // any host of the VCN may connect to the nodes' port
		networks.Proxies = []string{c.plan.VCN.String()}
	}
	if g.Balanced() {
		networks.Balancer = cidr(loadBalancerRole(g))
		networks.Proxies = []string{networks.Balancer, cidr(layout.Workers)}
	}
	return networks
}

// loadBalancerRole returns the role of the subnet of a guestbook's load balancer.
func loadBalancerRole(g workload.Guestbook) layout.Role {
	if g.Exposure == workload.Internal {
		return layout.InternalLoadBalancers
	}
	return layout.PublicLoadBalancers
}

func (c *composition) budgetArgs() *budget.Args {
	return &budget.Args{
		TenancyID:     c.settings.TenancyID,
		CompartmentID: c.settings.CompartmentID,
		Monthly:       c.settings.BudgetMonthly,
		Emails:        c.settings.BudgetEmails,
		Region:        c.settings.Region,
		HomeRegion:    c.settings.HomeRegion,
		Tags:          c.tags,
	}
}

func (c *composition) alarmsArgs(cluster *oke.Cluster) *alarms.Args {
	pools := map[string]pulumi.StringInput{}
	for name, pool := range cluster.NodePools {
		pools[name] = pool.ID()
	}
	return &alarms.Args{
		CompartmentID: c.settings.CompartmentID,
		Definitions:   alarm.Definitions(c.alarmed()),
		NodePools:     pools,
		Emails:        c.settings.AlarmEmails,
		TopicID:       c.settings.AlarmTopicID,
		Tags:          c.tags,
	}
}

// alarmed returns what the alarms depend on.
func (c *composition) alarmed() alarm.Stack {
	watched := alarm.Stack{Name: c.name}
	for _, g := range c.settings.Guestbooks {
		if g.Measured {
			watched.Backups = watched.Backups || g.BackupSchedule != ""
			watched.Certificates = watched.Certificates || g.HTTPS()
		}
	}
	for _, p := range c.settings.Cluster.NodePools {
		watched.Pools = append(watched.Pools, alarm.Pool{Name: p.Name, Least: p.Least()})
	}
	return watched
}

func (c *composition) containerLogsArgs() *containerlogs.Args {
	return &containerlogs.Args{
		CompartmentID: c.settings.CompartmentID,
		Namespaces:    c.settings.Namespaces(),
		GroupID:       c.settings.LogsGroup,
		TenancyID:     c.settings.TenancyID,
		Region:        c.settings.Region,
		HomeRegion:    c.settings.HomeRegion,
		Tags:          c.tags,
	}
}

func (c *composition) logsArgs() *logs.Args {
	return &logs.Args{
		Image:       c.settings.LogAgentImage,
		Destination: c.settings.LogDestination,
		Namespaces:  c.settings.Namespaces(),
		Registry:    c.settings.Registry,
	}
}
