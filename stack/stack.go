// Package stack composes a stack: settings, plan, components and outputs.
package stack

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/guestbook"
	"oke-guestbook/components/logs"
	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/plan/workload"
	"oke-guestbook/settings"
)

// Program returns the program and the option with which it gets the whole configuration, so that a key which is no setting
// is found. Both go to pulumi.Run.
func Program() (pulumi.RunFunc, pulumi.RunOption) {
	var config map[string]string
	return func(ctx *pulumi.Context) error { return Deploy(ctx, config) },
		func(info *pulumi.RunInfo) { config = info.Config }
}

// Deploy makes the stack that config describes. Bad settings, and what the region does not offer, are reported before any
// resource is registered.
func Deploy(ctx *pulumi.Context, config map[string]string) error {
	s, err := settings.Load(ctx.Project(), ctx.Stack(), config, ctx.IsConfigSecret)
	if err != nil {
		return err
	}
	offer, err := oke.Look(ctx, s.CompartmentID, s.Cluster)
	if err != nil {
		return err
	}
	for _, g := range s.Guestbooks {
		if err := guestbook.CheckAddress(ctx, g); err != nil {
			return err
		}
	}
	name := ctx.Project() + "-" + ctx.Stack()
	tags := s.FreeformTags(ctx.Project(), ctx.Stack())

	net, err := network.New(ctx, name, &network.Args{
		Spec: s.Network, CompartmentID: pulumi.String(s.CompartmentID), Tags: tags, Protect: s.Protect,
	})
	if err != nil {
		return err
	}
	cluster, err := oke.New(ctx, name, &oke.Args{
		Name: name, CompartmentID: s.CompartmentID, Fleet: s.Cluster, Network: s.Network, Offer: offer, Tags: tags, Protect: s.Protect,
		VcnID: net.VcnID, SubnetIDs: net.SubnetIDs, NsgIDs: net.NSGIDs,
	})
	if err != nil {
		return err
	}
	urls := pulumi.StringMap{}
	for _, g := range s.Guestbooks {
		internal := g.Exposure == workload.Internal
		subnet, _ := net.LoadBalancerSubnet(internal)
		args := &guestbook.Args{
			Guestbook: g, Protect: s.Protect, Network: s.Network, LoadBalancerSubnetID: subnet, Nodes: cluster.Nodes(),
			Store: guestbook.Store{CompartmentID: s.CompartmentID, ClusterID: cluster.Cluster.ID(), Region: s.Region, HomeRegion: s.HomeRegion, Tags: tags},
		}
		if groups, ok := net.LoadBalancerNSGs(internal); ok {
			args.LoadBalancerNsgIDs = groups
		}
		book, err := guestbook.New(ctx, g.Name, args, pulumi.Provider(cluster.Provider))
		if err != nil {
			return fmt.Errorf("guestbook %s: %w", g.Name, err)
		}
		urls[g.Name] = book.URL
	}
	if s.LogDestination != "" {
		args := &logs.Args{Image: s.LogAgentImage, Destination: s.LogDestination, Namespaces: s.Namespaces()}
		if _, err := logs.New(ctx, "guestbook-logs", args, pulumi.Provider(cluster.Provider)); err != nil {
			return fmt.Errorf("log agents: %w", err)
		}
	}
	export(ctx, s, net, cluster, urls)
	return nil
}
