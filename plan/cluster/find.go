package cluster

import (
	"cmp"
	"fmt"
	"slices"
)

// Listed is a cluster as OKE lists it.
type Listed struct {
	ID, Name, State string
	Version         string            // of Kubernetes, such as "v1.36.4"
	Upgrades        []string          // see Running.Upgrades
	Tags            map[string]string // freeform
}

// Find returns the clusters of a stack, which all have one version, among those of its compartment. Name is what the
// program calls the cluster, and tags are the stack's freeform ones. A name can be changed outside of Pulumi, and other
// clusters may have it: clusters with the stack's tags come before those that only have the name. Of these, Find
// prefers those that have not failed, and then those that also have the name.
func Find(all []Listed, name string, tags map[string]string) ([]Listed, error) {
	owned := func(c Listed) bool { return Owned(c.Tags, tags) }
	named := func(c Listed) bool { return c.Name == name }
	found := slices.DeleteFunc(slices.Clone(all), func(c Listed) bool {
		return Gone(c.State) || !owned(c) && !named(c)
	})
	for _, good := range []func(c Listed) bool{
		owned, func(c Listed) bool { return c.State != "FAILED" }, named,
	} {
		if slices.ContainsFunc(found, good) {
			found = slices.DeleteFunc(found, func(c Listed) bool { return !good(c) })
		}
	}
	for _, c := range found {
		if first := found[0]; c.Version != first.Version {
			return nil, fmt.Errorf("two clusters can be this stack's: %s, named %s, of version %s, and %s, named %s, of "+
				"version %s: delete the other cluster, or rename it, and name this stack's %s",
				first.ID, first.Name, first.Version, c.ID, c.Name, c.Version, name)
		}
	}
	return found, nil
}

// Owned reports whether freeform tags are those of what a stack has made. Stack are the stack's own.
func Owned(tags, stack map[string]string) bool {
	return tags["project"] == stack["project"] && tags["stack"] == stack["stack"]
}

// Gone reports whether a cluster, node pool, node or volume in that state is deleted. The service lists them for some
// time.
func Gone(state string) bool {
	return slices.Contains([]string{"DELETING", "DELETED", "TERMINATING", "TERMINATED"}, state)
}

// PoolTag is the freeform tag with which the program makes a node pool. It has the pool's name in the settings, which
// have no tag of this name.
const PoolTag = "nodePoolSetting"

// MaxTags is how many freeform tags a resource takes (Oracle documentation, "Tagging Overview", section "Limits on
// Tags").
const MaxTags = 10

// TagsPool reports whether a node pool takes PoolTag besides the stack's tags.
func TagsPool(stack map[string]string) bool { return len(stack) < MaxTags }

// Add adds a node pool as OKE lists it. PoolTag has its name in the settings. Without the tag it is taken to be the
// pool's own name, unless a pool with the tag has it.
func (r *Running) Add(name string, tags map[string]string, pool RunningPool) {
	tagged := tags[PoolTag] != ""
	name = cmp.Or(tags[PoolTag], name)
	if _, taken := r.Pools[name]; tagged || !taken {
		r.Pools[name] = pool
	}
}
