// Package adopt finds the resources that a killed `pulumi up` had asked for and whose ids it had not yet written
// down. Without it the next `up` would create them a second time, and the first ones would be nobody's.
package adopt

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/ociclient"
)

// kind tells where resources of a type are listed and by which query parameter their name goes. A word in braces
// stands for the input of that name.
type kind struct {
	client, path, name string
	item               string // in place of the others, for what the program names: its own path
	id                 string // the provider's id where it is not the OCID, {id}
	untagged           bool   // the service gives it no tags: what it is in is the stack's
	stays              bool   // also where it has FAILED, until it is deleted: the next up replaces it
}

const (
	network   = "oci_core.VirtualNetworkClient"
	container = "oci_containerengine.ContainerEngineClient"
	identity  = "oci_identity.IdentityClient"
	logging   = "oci_logging.LoggingManagementClient"
)

var kinds = map[string]kind{
	"oci:Core/vcn:Vcn":                                   {client: network, path: "/20160918/vcns", name: "displayName"},
	"oci:Core/internetGateway:InternetGateway":           {client: network, path: "/20160918/internetGateways", name: "displayName"},
	"oci:Core/natGateway:NatGateway":                     {client: network, path: "/20160918/natGateways"},
	"oci:Core/serviceGateway:ServiceGateway":             {client: network, path: "/20160918/serviceGateways"},
	"oci:Core/drgAttachment:DrgAttachment":               {client: network, path: "/20160918/drgAttachments", name: "displayName"},
	"oci:Core/routeTable:RouteTable":                     {client: network, path: "/20160918/routeTables", name: "displayName"},
	"oci:Core/securityList:SecurityList":                 {client: network, path: "/20160918/securityLists", name: "displayName"},
	"oci:Core/subnet:Subnet":                             {client: network, path: "/20160918/subnets", name: "displayName"},
	"oci:Core/networkSecurityGroup:NetworkSecurityGroup": {client: network, path: "/20160918/networkSecurityGroups", name: "displayName"},
	"oci:ContainerEngine/cluster:Cluster":                {client: container, path: "/20180222/clusters", name: "name", stays: true},
	"oci:ContainerEngine/nodePool:NodePool":              {client: container, path: "/20180222/nodePools", name: "name"},
	"oci:Identity/policy:Policy":                         {client: identity, path: "/20160918/policies", name: "name"},
	"oci:Bastion/bastion:Bastion":                        {client: "oci_bastion.BastionClient", path: "/20210331/bastions", name: "name"},
	"oci:Logging/logGroup:LogGroup":                      {client: logging, path: "/20200531/logGroups", name: "displayName"},
	"oci:Logging/log:Log":                                {client: logging, path: "/20200531/logGroups/{logGroupId}/logs", name: "displayName", id: "logGroupId/{logGroupId}/logId/{id}"},
	"oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule": {
		client: network, path: "/20160918/networkSecurityGroups/{networkSecurityGroupId}/securityRules", untagged: true,
	},
	"oci:ContainerEngine/addon:Addon": {
		client: container, item: "/20180222/clusters/{clusterId}/addons/{addonName}", id: "clusters/{clusterId}/addons/{addonName}", untagged: true,
	},
	"oci:ObjectStorage/bucket:Bucket": {
		client: "oci_object_storage.ObjectStorageClient", item: "/n/{namespace}/b/{name}", id: "n/{namespace}/b/{name}",
	},
}

// candidate is what every listed resource tells of itself.
type candidate struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	DisplayName    string            `json:"displayName"`
	LifecycleState string            `json:"lifecycleState"`
	VcnID          string            `json:"vcnId"`
	ClusterID      string            `json:"clusterId"`
	FreeformTags   map[string]string `json:"freeformTags"`
	rule
}

// rule is what a security rule lets through, as the inputs and the service tell it.
type rule struct {
	Direction, Protocol, Source, Destination, Description string
	TCPOptions, UDPOptions                                struct{ SourcePortRange, DestinationPortRange struct{ Min, Max int } }
	ICMPOptions                                           struct{ Type, Code json.Number }
}

func ruleOf(inputs map[string]any) (r rule, err error) {
	raw, err := json.Marshal(inputs)
	if err != nil {
		return r, err
	}
	err = json.Unmarshal(raw, &r)
	if r.ICMPOptions.Code == "-1" {
		r.ICMPOptions.Code = "" // the official provider's word for every code
	}
	return r, err
}

// Main reads an exported stack and writes it without its pending operations, and with what the pending creations are
// found to have made among its resources. A refresh then reads each of those, and drops those that are not there.
// Resources that are still in the making are waited for. What it finds is told on progress.
func Main(ctx context.Context, in io.Reader, out, progress io.Writer) error {
	creds, err := ociclient.CredentialsFromEnv()
	if err != nil {
		return err
	}
	var stack map[string]any
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	if err := decoder.Decode(&stack); err != nil {
		return fmt.Errorf("exported stack: %w", err)
	}
	deployment, _ := stack["deployment"].(map[string]any)
	resources, _ := deployment["resources"].([]any)
	pending, _ := deployment["pending_operations"].([]any)
	for _, p := range pending {
		op, _ := p.(map[string]any)
		resource, _ := op["resource"].(map[string]any)
		inputs, _ := resource["inputs"].(map[string]any)
		if text(op["type"]) != "creating" || inputs == nil {
			continue // what was being changed or deleted has its id in the state
		}
		held := ids(resources, text(resource["type"]))
		id, err := locate(ctx, creds, text(resource["type"]), inputs, held)
		if err != nil {
			return fmt.Errorf("%s: %w", text(resource["urn"]), err)
		}
		if id == "" {
			continue
		}
		fmt.Fprintf(progress, "  %s: %s\n", text(resource["urn"]), id)
		// With outputs, a refresh reads the resource as one that the stack has, and keeps the program's inputs.
		outputs := maps.Clone(inputs)
		delete(outputs, "__defaults")
		outputs["id"] = id
		resource["id"], resource["outputs"] = id, outputs
		resources = adopt(resources, resource)
	}
	if deployment != nil {
		deployment["resources"] = resources
		delete(deployment, "pending_operations")
	}
	return json.NewEncoder(out).Encode(stack)
}

// ids are the provider's ids of the resources of a type that the state has. What was deleted to be replaced has none: its
// successor may be of the same name.
func ids(resources []any, typ string) map[string]bool {
	held := map[string]bool{}
	for _, r := range resources {
		if resource, _ := r.(map[string]any); text(resource["type"]) == typ && resource["pendingReplacement"] != true {
			held[text(resource["id"])] = true
		}
	}
	return held
}

// adopt puts a resource where the engine would have, had it seen the creation end. If it replaces another, it comes in that
// one's place, before what depends on it; that one goes if it was deleted first, and is otherwise left for the next up to delete.
func adopt(resources []any, made map[string]any) []any {
	for i, r := range resources {
		old, _ := r.(map[string]any)
		switch {
		case old["urn"] != made["urn"]:
		case old["pendingReplacement"] == true:
			resources[i] = made
			return resources
		default:
			old["delete"] = true
			return slices.Insert(resources, i, any(made))
		}
	}
	return append(resources, made)
}

// locate returns the provider's id of what the inputs describe, or "" if that does not exist, is held or its type is unknown.
func locate(ctx context.Context, creds ociclient.Credentials, typ string, inputs map[string]any, held map[string]bool) (string, error) {
	if strings.HasPrefix(typ, "kubernetes:") {
		if id := objectID(inputs); !held[id] {
			return id, nil
		}
		return "", nil
	}
	k, known := kinds[typ]
	if !known {
		return "", nil
	}
	endpoint, ok := ociclient.EndpointFromEnv(k.client)
	if !ok {
		return "", fmt.Errorf("CLIENT_HOST_OVERRIDES has no entry for %s", k.client)
	}
	client, err := ociclient.New(endpoint, creds)
	if err != nil {
		return "", err
	}
	return find(ctx, client, k, inputs, held)
}

// objectID returns the id of a Kubernetes object, which its creator chose: "namespace/name", or "name" alone.
func objectID(inputs map[string]any) string {
	metadata, _ := inputs["metadata"].(map[string]any)
	name, namespace := text(metadata["name"]), text(metadata["namespace"])
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// find returns the id of the live resource that the inputs describe and that is not held, or "".
func find(ctx context.Context, client *ociclient.Client, k kind, inputs map[string]any, held map[string]bool) (string, error) {
	all, err := k.list(ctx, client, inputs)
	if err != nil {
		return "", err
	}
	found := slices.DeleteFunc(all, func(c candidate) bool { return !k.matches(c, inputs) || held[k.fullID(c.ID, inputs)] })
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		item := fill(cmp.Or(k.item, k.path+"/"+found[0].ID), inputs)
		c, err := settled(ctx, client, item, found[0])
		if err != nil || !k.matches(c, inputs) {
			return "", err
		}
		return k.fullID(c.ID, inputs), nil
	}
	return "", fmt.Errorf("%d resources could be it, %s and %s among them; delete all but one", len(found), found[0].ID, found[1].ID)
}

// list returns what there is of a kind where the inputs say.
func (k kind) list(ctx context.Context, client *ociclient.Client, inputs map[string]any) (all []candidate, err error) {
	if k.item != "" {
		var c candidate
		if _, err := client.Do(ctx, http.MethodGet, fill(k.item, inputs), nil, nil, &c); ociclient.IsNotFound(err) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return []candidate{c}, nil
	}
	query := url.Values{}
	if compartment := text(inputs["compartmentId"]); compartment != "" {
		query.Set("compartmentId", compartment)
	}
	if k.name != "" {
		query.Set(k.name, text(inputs[k.name]))
	}
	for {
		var page []candidate
		header, err := client.Do(ctx, http.MethodGet, fill(k.path, inputs), query, nil, &page)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		next := header.Get("opc-next-page")
		if next == "" {
			return all, nil
		}
		query.Set("page", next)
	}
}

// fullID is the provider's id of the resource with this OCID.
func (k kind) fullID(id string, inputs map[string]any) string {
	if k.id == "" {
		return id
	}
	return strings.ReplaceAll(fill(k.id, inputs), "{id}", id)
}

func (k kind) matches(c candidate, inputs map[string]any) bool {
	switch c.LifecycleState {
	case "DELETING", "DELETED", "TERMINATING", "TERMINATED", "DETACHING", "DETACHED":
		return false
	case "FAILED":
		if !k.stays {
			return false
		}
	}
	if k.untagged {
		want, err := ruleOf(inputs)
		return k.item != "" || err == nil && c.rule == want
	}
	for _, same := range []struct {
		got  string
		want any
	}{
		{c.Name, inputs["name"]}, {c.DisplayName, inputs["displayName"]}, {c.VcnID, inputs["vcnId"]}, {c.ClusterID, inputs["clusterId"]},
	} {
		if same.want != nil && same.got != text(same.want) {
			return false
		}
	}
	// The tags name the stack: without them another stack's resource could be taken for this one's.
	tags, _ := inputs["freeformTags"].(map[string]any)
	for key, value := range tags {
		if c.FreeformTags[key] != text(value) {
			return false
		}
	}
	return len(tags) > 0
}

// settled waits until the resource is neither being created nor updated, and returns what it has become.
func settled(ctx context.Context, client *ociclient.Client, path string, c candidate) (candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for slices.Contains([]string{"CREATING", "PROVISIONING", "UPDATING", "ATTACHING"}, c.LifecycleState) {
		select {
		case <-ctx.Done():
			return c, fmt.Errorf("waited for %s, which is still %s: %w", path, c.LifecycleState, ctx.Err())
		case <-tick.C:
		}
		c = candidate{}
		if _, err := client.Do(ctx, http.MethodGet, path, nil, nil, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// fill puts the inputs into the places in braces that are named after them.
func fill(pattern string, inputs map[string]any) string {
	for key, value := range inputs {
		pattern = strings.ReplaceAll(pattern, "{"+key+"}", text(value))
	}
	return pattern
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
