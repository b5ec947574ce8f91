package recovery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oke-guestbook/catalog"
)

// creation is a resource whose creation was requested, and not yet recorded.
type creation struct {
	resource object // as the pending operation has it
	id       string // its Pulumi id; "" if there is none, so that the next up creates it
	state    string // of its life cycle, in OCI
	search   *search
	found    candidate
}

// creations looks for what the pending creations have created. The state has the ids of resources that were being
// changed or deleted.
func (r Recovery) creations(ctx context.Context, d deployment) (all []*creation, err error) {
	for _, op := range d.pending() {
		resource := child(op, "resource")
		if text(op["type"]) != "creating" || child(resource, "inputs") == nil {
			continue
		}
		c := &creation{resource: resource}
		if err := r.locate(ctx, d, c); err != nil {
			return nil, fmt.Errorf("%s: %w", text(resource["urn"]), err)
		}
		all = append(all, c)
	}
	return all, nil
}

// locate finds the resource, unless the state has it or the catalogue lacks its type.
func (r Recovery) locate(ctx context.Context, d deployment, c *creation) error {
	typ, inputs := text(c.resource["type"]), child(c.resource, "inputs")
	known := d.idsOf(typ)
	if strings.HasPrefix(typ, "kubernetes:") {
		if id := objectID(inputs); !known[id] {
			c.id = id // the program chooses it; the refresh drops an object that does not exist
		}
		return nil
	}
	k, ok := catalog.Lookup(typ)
	if !ok || k.Adopts != "" { // a VCN's default resource comes with the VCN: its creation is an update
		return nil
	}
	cloud, err := r.Cloud(ctx, d.regionOf(c.resource))
	if err != nil {
		return err
	}
	c.search = &search{kind: k, cloud: cloud, inputs: inputs}
	found, ok, err := c.search.find(ctx, known)
	if err != nil || !ok {
		return err
	}
	c.found, c.id, c.state = found, c.search.id(found), found.LifecycleState
	return nil
}

// pending reports whether the resource is still being created.
func (c *creation) pending() bool { return slices.Contains(pendingStates, c.state) }

// complete waits for the end of the creation, and fills in the resource as the state would have it. A resource that is
// gone by then has no id.
func (c *creation) complete(ctx context.Context) error {
	if c.search != nil && c.pending() {
		now, err := c.search.await(ctx, c.found)
		if err != nil {
			return err
		}
		if c.state = now.LifecycleState; !c.search.matches(now) {
			c.id = ""
		}
	}
	if c.id == "" {
		return nil
	}
	// With outputs, a refresh reads the resource as one that the stack has, and keeps the program's inputs.
	outputs := maps.Clone(child(c.resource, "inputs"))
	delete(outputs, "__defaults")
	outputs["id"] = c.id
	c.resource["id"], c.resource["outputs"] = c.id, outputs
	return nil
}

// insert puts a resource where the engine would have put it at the end of its creation. A replacement comes before the
// resource that it replaces, and so before its dependents. If the old one was deleted first, it takes its place;
// otherwise the next up deletes the old one.
func insert(resources []any, created object) []any {
	for i, r := range resources {
		old, _ := r.(object)
		switch {
		case old["urn"] != created["urn"]:
		case old["pendingReplacement"] == true:
			resources[i] = created
			return resources
		default:
			old["delete"] = true
			return slices.Insert(resources, i, any(created))
		}
	}
	return append(resources, created)
}

// objectID returns the id of a Kubernetes object, which the program chooses: "namespace/name", or "name" alone.
func objectID(inputs object) string {
	metadata := child(inputs, "metadata")
	name, namespace := text(metadata["name"]), text(metadata["namespace"])
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}
