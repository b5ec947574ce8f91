package stack

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/guestbook"
	"oke-guestbook/components/lookup"
	"oke-guestbook/components/network"
	"oke-guestbook/components/oke"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/problem"
)

// look asks the cloud whether the settings can be met: what the region offers, the stack's node pools and volumes, what
// settings name by OCID, the guestbooks' addresses, certificates and images, an existing VCN, the home region, limits
// and defined tags. It decides on the cluster's policy, which depends on the compartments of those.
func (c *composition) look(ctx *pulumi.Context) (*oke.Offer, error) {
	var places iam.Places
	place := oke.Place{
		CompartmentID: c.settings.CompartmentID, VcnID: c.settings.Network.VcnID, Tags: c.tags, Found: &places,
		Immutable: c.settings.Immutable(),
	}
	if err := c.lookAtCompartment(ctx); err != nil {
		return nil, err
	}
	offer, err := oke.Look(ctx, c.name, place, c.settings.Cluster)
	if err != nil {
		return nil, err
	}
	if err := c.lookAtNetwork(ctx, &places); err != nil {
		return nil, err
	}
	if err := offer.CheckNamed(ctx, c.settings.Cluster, place); err != nil {
		return nil, err
	}
	if err := c.lookAtOthers(ctx); err != nil {
		return nil, err
	}
	if err := c.lookAtTenancy(ctx, offer); err != nil {
		return nil, err
	}
	if err := c.lookAtTags(ctx, offer.New()); err != nil {
		return nil, err
	}
	balancers := guestbook.Place{
		CompartmentID: c.settings.CompartmentID, Tags: c.tags, Found: &places,
		ClusterPolicy: c.settings.Cluster.ClusterPolicy,
	}
	for _, g := range c.settings.Guestbooks {
		if err := guestbook.CheckAddress(ctx, g, balancers); err != nil {
			return nil, err
		}
		if err := guestbook.CheckCertificate(ctx, g, balancers); err != nil {
			return nil, err
		}
		if err := guestbook.CheckZone(ctx, g); err != nil {
			return nil, err
		}
		if err := guestbook.CheckBackup(ctx, g, balancers); err != nil {
			return nil, err
		}
		if err := guestbook.CheckImages(ctx, g, c.settings.Registry, balancers); err != nil {
			return nil, err
		}
	}
	if err := c.decidePolicy(ctx, &places); err != nil {
		return nil, err
	}
	return offer, c.askRegistries(ctx)
}

// decidePolicy decides on the policy of the cluster, if the settings ask for one.
func (c *composition) decidePolicy(ctx *pulumi.Context, places *iam.Places) error {
	if !c.settings.Cluster.ClusterPolicy {
		return nil
	}
	in := c.settings.Rights(ctx.Project(), ctx.Stack())
	places.Locate(&in)
	var list problem.List
	places.Check(&list)
	policy, err := iam.ClusterPolicy(in)
	if err != nil {
		list.Add("tenancyId", "%v", err)
	}
	c.policy = policy
	return list.Err()
}

// lookAtNetwork looks at an existing VCN with what the settings name of it, at a dynamic routing gateway, and at what
// earlier updates have made.
func (c *composition) lookAtNetwork(ctx *pulumi.Context, places *iam.Places) error {
	err := network.CheckDRG(ctx, c.settings.Network.DrgID)
	if err == nil && c.plan.ExistingVCN != "" {
		found, lookErr := network.Look(ctx, c.networkArgs())
		if err = lookErr; err == nil {
			places.Note(iam.Network, found.CompartmentID)
			var problems problem.List
			c.settings.Network.ValidateFound(&problems, found)
			err = problems.Err()
		}
	}
	if err == nil {
		made, lookErr := network.LookMade(ctx, c.name, c.networkArgs())
		if err = lookErr; err == nil {
			var problems problem.List
			c.settings.Network.ValidateMade(&problems, made)
			err = problems.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("network %q: %w", c.name, err)
	}
	return nil
}

// lookAtCompartment refuses a compartment that is being deleted, or is already. Of one that does not exist, or that the
// user may not read, it says nothing: what is asked about it next tells whether the user may use it.
func (c *composition) lookAtCompartment(ctx *pulumi.Context) error {
	found, err := lookup.Find(ctx, lookup.Ask{
		Setting: "compartmentId", What: "compartment", ID: c.settings.CompartmentID,
		Function: getCompartment, Argument: "id",
	})
	if err != nil || found == nil || found.State == "" {
		return err
	}
	var list problem.List
	if found.State != "ACTIVE" {
		list.Add("compartmentId", "the compartment %s is %s, and must be ACTIVE", c.settings.CompartmentID, found.State)
	}
	return list.Err()
}

// lookAtOthers looks up the tenancy of a budget and the topic of alarms.
func (c *composition) lookAtOthers(ctx *pulumi.Context) error {
	var list problem.List
	if c.settings.BudgetMonthly > 0 {
		_, err := lookup.Usable(ctx, &list, lookup.Ask{
			Setting: "tenancyId", What: "tenancy", ID: c.settings.TenancyID,
			Function: "oci:Identity/getTenancy:getTenancy", Argument: "tenancyId",
		})
		if err != nil {
			return err
		}
	}
	if c.settings.AlarmTopicID != "" {
		_, err := lookup.Usable(ctx, &list, lookup.Ask{
			Setting: "alarmTopicId", What: "topic", ID: c.settings.AlarmTopicID, States: []string{"ACTIVE"},
			Function: "oci:Ons/getNotificationTopic:getNotificationTopic", Argument: "topicId",
		})
		if err != nil {
			return err
		}
	}
	return list.Err()
}
