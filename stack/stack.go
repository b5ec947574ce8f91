// Package stack composes a stack: settings, plan, components and outputs.
package stack

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/alarms"
	"oke-guestbook/components/budget"
	"oke-guestbook/components/containerlogs"
	"oke-guestbook/components/guestbook"
	"oke-guestbook/components/logs"
	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/components/policies"
	"oke-guestbook/components/rights"
	"oke-guestbook/internal/registry"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// Program returns the arguments of pulumi.Run: the program, and an option that hands it the whole configuration, so
// that unknown keys are found.
func Program() (pulumi.RunFunc, pulumi.RunOption) {
	var config map[string]string
	program := func(ctx *pulumi.Context) error {
		// The stack's Kubernetes provider needs it in the middle of the update.
		if _, err := oke.FindCommand(kubeconfig.Command(config[ctx.Project()+":tokenCommand"])); err != nil {
			return err
		}
		return Deploy(ctx, config, registry.Ask)
	}
	return program, func(info *pulumi.RunInfo) { config = info.Config }
}

// Deploy makes the stack that config describes. Problems of the settings, and those that only the cloud and registries
// know, are reported before any resource is registered. Without ask no registry is asked.
func Deploy(ctx *pulumi.Context, config map[string]string, ask Ask) error {
	s, err := settings.Load(ctx.Project(), ctx.Stack(), config, encrypted(ctx, "."))
	if err != nil {
		return err
	}
	plan, err := layout.Plan(s.Network)
	if err != nil {
		return err
	}
	c := composition{
		settings: s, plan: plan, name: ctx.Project() + "-" + ctx.Stack(), tags: s.FreeformTags(ctx.Project(), ctx.Stack()),
		ask: ask,
	}
	offer, err := c.look(ctx)
	if err != nil {
		return err
	}

	if err := tagAll(ctx, s.DefinedTags); err != nil {
		return err
	}
	if err := c.keepCompartment(ctx); err != nil {
		return err
	}
	may, err := rights.New(ctx, c.name+"-rights", c.rightsArgs()) // first: it takes effect while the network is made
	if err != nil {
		return err
	}
	net, err := network.New(ctx, c.name, c.networkArgs())
	if err != nil {
		return err
	}
	cluster, err := oke.New(ctx, c.name, c.clusterArgs(offer, net, may))
	if err != nil {
		return err
	}
	enforcer, err := c.enforcePolicies(ctx, cluster)
	if err != nil {
		return err
	}
	made := outputs{pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}, pulumi.StringMap{}}
	for _, g := range s.Guestbooks {
		book, err := guestbook.New(ctx, g.Name, c.guestbookArgs(g, net, cluster, enforcer), pulumi.Provider(cluster.Provider))
		if err != nil {
			return err
		}
		made.add(g, book)
	}
	if s.LogDestination != "" {
		if _, err := logs.New(ctx, "guestbook-logs", c.logsArgs(), pulumi.Provider(cluster.Provider)); err != nil {
			return err
		}
	}
	if err := c.observe(ctx, cluster); err != nil {
		return err
	}
	export(ctx, s, net, cluster, made)
	return nil
}

// encrypted returns whether the stack has a setting, or a field of an object in one, encrypted. Pulumi says so of whole
// settings only: one encrypted field makes all others pass for encrypted. So the stack's file in dir, the project's
// directory, decides about fields, if it is there: pulumi can be given another.
func encrypted(ctx *pulumi.Context, dir string) func(path string) bool {
	_, file, err := stackfile.Read(dir, ctx.Stack())
	return func(path string) bool {
		setting, _, _ := strings.Cut(path, "[")
		return ctx.IsConfigSecret(setting) && (err != nil || !stackfile.Clear(file, path))
	}
}

// enforcePolicies makes what enforces network policies, and returns it. Without it, the update says that they do
// nothing.
func (c *composition) enforcePolicies(ctx *pulumi.Context, cluster *oke.Cluster) ([]pulumi.Resource, error) {
	if c.settings.Policies != workload.Enforced {
		if notice := c.settings.InertPolicies(); notice != "" {
			return nil, ctx.Log.Warn(notice, nil)
		}
		return nil, nil
	}
	made, err := policies.New(ctx, "network-policies", &policies.Args{
		Image: c.settings.EnforcerImage, Registry: c.settings.Registry, Nodes: cluster.Nodes(),
	}, pulumi.Provider(cluster.Provider))
	if err != nil {
		return nil, err
	}
	return []pulumi.Resource{made.DaemonSet}, nil
}

// observe makes what tells people how the stack is: logs in Logging, a budget and alarms.
func (c *composition) observe(ctx *pulumi.Context, cluster *oke.Cluster) error {
	s := c.settings
	if s.ContainerLogs {
		if _, err := containerlogs.New(ctx, c.name, c.containerLogsArgs()); err != nil {
			return err
		}
	}
	if s.BudgetMonthly > 0 {
		if _, err := budget.New(ctx, c.name, c.budgetArgs()); err != nil {
			return err
		}
	}
	if s.Alarms() {
		if _, err := alarms.New(ctx, c.name, c.alarmsArgs(cluster)); err != nil {
			return err
		}
	}
	return nil
}
