package recovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/urn"
)

type object = map[string]any

func text(v any) string {
	s, _ := v.(string)
	return s
}

// child returns the object in a field, or nil.
func child(o object, field string) object {
	c, _ := o[field].(object)
	return c
}

// deployment is what `pulumi stack export` prints. It is kept as it is, so that an import changes nothing but what is
// meant: secrets stay encrypted, numbers keep their digits.
type deployment struct{ stack object }

func parse(exported []byte) (deployment, error) {
	var stack object
	decoder := json.NewDecoder(bytes.NewReader(exported))
	decoder.UseNumber()
	if err := decoder.Decode(&stack); err != nil {
		return deployment{}, fmt.Errorf("exported state: %w", err)
	}
	return deployment{stack}, nil
}

func (d deployment) list(field string) (objects []object) {
	values, _ := child(d.stack, "deployment")[field].([]any)
	for _, v := range values {
		if o, is := v.(object); is {
			objects = append(objects, o)
		}
	}
	return objects
}

func (d deployment) resources() []object { return d.list("resources") }

// pending returns the operations whose end was not recorded.
func (d deployment) pending() []object { return d.list("pending_operations") }

// completed returns the state without pending operations, and with the resources that they have created.
func (d deployment) completed(created []*creation) ([]byte, error) {
	inner := child(d.stack, "deployment")
	resources, _ := inner["resources"].([]any)
	for _, c := range created {
		if c.id != "" {
			resources = insert(resources, c.resource)
		}
	}
	inner["resources"] = resources
	delete(inner, "pending_operations")
	return json.Marshal(d.stack)
}

// idsOf returns the Pulumi ids of the state's resources of a type. A resource that was deleted in order to be replaced
// is not among them: its successor may have the same id.
func (d deployment) idsOf(typ string) map[string]bool {
	ids := map[string]bool{}
	for _, r := range d.resources() {
		if text(r["type"]) == typ && r["pendingReplacement"] != true {
			ids[text(r["id"])] = true
		}
	}
	return ids
}

// regionOf returns the region of a resource's provider, or "" if that has no region of its own.
func (d deployment) regionOf(resource object) string {
	provider := text(resource["provider"]) // its URN, "::" and its id
	for _, r := range d.resources() {
		if strings.HasPrefix(provider, text(r["urn"])+"::") {
			return text(child(r, "inputs")["region"])
		}
	}
	return ""
}

// unfinished returns the resources whose last operation failed half-way.
func (d deployment) unfinished() (found []object) {
	for _, r := range d.resources() {
		if errors, _ := r["initErrors"].([]any); len(errors) > 0 {
			found = append(found, r)
		}
	}
	return found
}

// reasons returns why the last operation on a resource failed.
func reasons(r object) string {
	var all []string
	list, _ := r["initErrors"].([]any)
	for _, one := range list {
		all = append(all, text(one))
	}
	return strings.TrimSpace(strings.Join(all, "\n"))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// failedClusters returns the clusters in state FAILED that are not marked for replacement yet.
func (d deployment) failedClusters() (found []object) {
	for _, r := range d.resources() {
		if r["type"] == catalog.Cluster && child(r, "outputs")["state"] == "FAILED" && r["taint"] != true &&
			r["delete"] != true {
			found = append(found, r)
		}
	}
	return found
}

// title names a resource for people.
func title(r object) string { return urn.Title(text(r["urn"])) }
