package doctor

import (
	"context"
	"fmt"
	"slices"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// named is what a setting names by OCID.
type named struct {
	setting, what, id string
	service           service
	path              string // ends with a slash
	state             string // in which it can be used; empty: it has none
}

// resource is what is wanted of an answer. A property that its kind lacks is empty.
type resource struct {
	LifecycleState, VcnID, AvailabilityDomain, ManagementEndpoint string

	KeyShape     struct{ Algorithm string }
	Reserved     []reserved `json:"instanceReservationConfigs"`
	FreeformTags map[string]string
}

type reserved struct {
	InstanceShape string
	Size          struct {
		OCPUs    float64 `json:"ocpus"`
		MemoryGB float64 `json:"memoryInGBs"`
	} `json:"instanceShapeConfig"`
}

// named looks up what the settings name by OCID, by the rules of the program (components/lookup, components/oke). Other
// checks look at compartment, VCN, images and certificates.
func (v *visit) named(ctx context.Context) []Result {
	var checks []check
	add := func(run func(context.Context) []Result) { checks = append(checks, check{"", run}) }
	for _, n := range v.plainlyNamed() {
		add(func(ctx context.Context) []Result { _, wrong := v.lookUp(ctx, n); return wrong })
	}
	asked := len(checks)
	for i, p := range v.settings.Cluster.NodePools {
		key := fmt.Sprintf("nodePools[%d]", i)
		if p.CapacityReservationID != "" {
			asked++
			add(func(ctx context.Context) []Result { return v.reservation(ctx, key+".capacityReservationId", p) })
		}
		for j, id := range p.NSGIDs {
			asked++
			add(func(ctx context.Context) []Result { return v.group(ctx, fmt.Sprintf("%s.nsgIds[%d]", key, j), id) })
		}
	}
	if keys := v.settings.Cluster.Keys(); len(keys)+len(v.settings.Cluster.VaultIDs) > 0 {
		asked += len(keys) + len(v.settings.Cluster.VaultIDs)
		add(v.keys)
	}
	results := all(ctx, checks...)
	if asked > 0 && len(results) == 0 {
		results = []Result{ok("%d resources that the settings name", asked)}
	}
	return results
}

// plainlyNamed are the resources of which nothing but the state matters.
func (v *visit) plainlyNamed() (list []named) {
	s := v.settings
	if s.BudgetMonthly > 0 {
		list = append(list, named{"tenancyId", "tenancy", s.TenancyID, identity, "/tenancies/", ""})
	}
	if s.AlarmTopicID != "" {
		list = append(list, named{"alarmTopicId", "topic", s.AlarmTopicID, topics, "/topics/", "ACTIVE"})
	}
	if id := s.Network.DrgID; id != "" {
		list = append(list, named{"drgId", "dynamic routing gateway", id, network, "/drgs/", "AVAILABLE"})
	}
	return list
}

// lookUp asks for a resource. It returns what is wrong with it, or nothing.
func (v *visit) lookUp(ctx context.Context, n named) (found resource, wrong []Result) {
	switch err := v.cloud.get(ctx, n.service, n.path+n.id, nil, &found); {
	case ocirest.IsNotFound(err):
		return found, []Result{v.unseen(n.setting, n.what, n.id)}
	case err != nil:
		return found, []Result{unavailable(n.setting, err)}
	case n.state != "" && found.LifecycleState != n.state:
		return found, []Result{unusable(n.setting, n.what, n.id, found.LifecycleState, n.state)}
	}
	return found, nil
}

// unseen is the finding about a resource that does not exist, or that the user may not see.
func (v *visit) unseen(setting, what, id string) Result {
	return failed("%s: this user sees no %s %s", setting, what, id).do(
		"check the setting, that what it names is of the stack's region and tenancy, and the user's rights: "+
			"make policies STACK=%s", v.Name)
}

// unusable is the finding about a resource that is in the wrong state.
func unusable(setting, what, id, is, must string) Result {
	return failed("%s: the %s %s is %s, and must be %s", setting, what, id, is, must).
		do("wait until it is, or set %s to another one", setting)
}

// judged returns the problems as findings.
func judged(problems *problem.List) (results []Result) {
	for _, p := range problems.Problems() {
		results = append(results, badSetting(p.Key, p))
	}
	return results
}

// badSetting is the finding about a setting, by the rules of the program.
func badSetting(setting string, what any) Result {
	return failed("%v", what).do("change %s in the stack's configuration: docs/settings.md", setting)
}

func (v *visit) reservation(ctx context.Context, setting string, p cluster.NodePool) []Result {
	found, wrong := v.lookUp(ctx, named{
		setting, "capacity reservation", p.CapacityReservationID, compute, "/computeCapacityReservations/", "ACTIVE",
	})
	if len(wrong) > 0 {
		return wrong
	}
	domains, err := v.poolDomains(p.AvailabilityDomains)
	if err != nil {
		return nil // offer says so
	}
	is := cluster.FoundReservation{AvailabilityDomain: found.AvailabilityDomain}
	for _, r := range found.Reserved {
		is.Machines = append(is.Machines, cluster.Machine{
			Shape: r.InstanceShape, OCPUs: r.Size.OCPUs, MemoryGB: r.Size.MemoryGB,
		})
	}
	var problems problem.List
	p.CheckReservation(&problems, setting, is, domains)
	return judged(&problems)
}

// group checks a network security group of nodes. That of a VCN which the stack has made is known by the VCN's tags.
func (v *visit) group(ctx context.Context, setting, id string) []Result {
	found, wrong := v.lookUp(ctx, named{
		setting, "network security group", id, network, "/networkSecurityGroups/", "AVAILABLE",
	})
	if len(wrong) > 0 || found.VcnID == v.settings.Network.VcnID {
		return wrong
	}
	if v.settings.Network.VcnID == "" {
		var vcn resource
		err := v.cloud.get(ctx, network, "/vcns/"+found.VcnID, nil, &vcn)
		if err != nil && !ocirest.IsNotFound(err) {
			return []Result{unavailable(setting, err)}
		}
		if v.owns(vcn.FreeformTags) {
			return nil
		}
	}
	var problems problem.List
	cluster.CheckGroup(&problems, setting, found.VcnID)
	return judged(&problems)
}

// keys looks for the keys in the vaults of the compartment and of vaultIds: a key's OCID does not tell its vault.
func (v *visit) keys(ctx context.Context) (results []Result) {
	all, err := list[resource](ctx, v.cloud, vaults, "/vaults", ocirest.In(v.compartmentID))
	if err != nil && !ocirest.IsNotFound(err) {
		return []Result{unavailable("vaults", err)}
	}
	var endpoints []string
	for _, vault := range all {
		if vault.LifecycleState == "ACTIVE" {
			endpoints = append(endpoints, vault.ManagementEndpoint)
		}
	}
	for i, id := range v.settings.Cluster.VaultIDs {
		vault, wrong := v.lookUp(ctx, named{fmt.Sprintf("vaultIds[%d]", i), "vault", id, vaults, "/vaults/", "ACTIVE"})
		if len(wrong) > 0 {
			results = append(results, wrong...)
		} else if !slices.Contains(endpoints, vault.ManagementEndpoint) {
			endpoints = append(endpoints, vault.ManagementEndpoint)
		}
	}
	complete := len(results) == 0
	for _, key := range v.settings.Cluster.Keys() {
		results = append(results, v.key(ctx, key, endpoints, complete)...)
	}
	return results
}

// key looks for a key in vaults, which are all that the settings name if they are complete.
func (v *visit) key(ctx context.Context, key cluster.Key, endpoints []string, complete bool) []Result {
	for _, endpoint := range endpoints {
		var found resource
		err := v.cloud.get(ctx, service{catalog.KeyClient, vaults.base, endpoint}, "/keys/"+key.ID, nil, &found)
		if ocirest.IsNotFound(err) {
			continue
		} else if err != nil {
			return []Result{unavailable(key.Setting, err)}
		}
		var problems problem.List
		key.CheckFound(&problems, cluster.FoundKey{State: found.LifecycleState, Algorithm: found.KeyShape.Algorithm})
		return judged(&problems)
	}
	if !complete { // a vault has a problem already
		return nil
	}
	result := v.unseen(key.Setting, "key", key.ID)
	result.Do += "\nit was looked for in the vaults of the compartment and in those of vaultIds"
	return []Result{result}
}
