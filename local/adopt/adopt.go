// Package adopt finds the resources that a killed `pulumi up` had requested before it could write down their ids.
// Without it the next `up` would create them a second time, and no stack would own the first ones.
package adopt

import (
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

	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/catalog"
	"oke-guestbook/local/ociclient"
)

// Main reads an exported stack from in and writes it to out without its pending operations, and with the resources that
// the pending creations are found to have created. A refresh then reads each of these, and drops those that are gone.
// Main waits for resources that are still being created. It reports what it finds on progress.
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
			continue // the state has the id of a resource that was being changed or deleted
		}
		urn, typ := text(resource["urn"]), text(resource["type"])
		id, err := locate(ctx, creds, typ, inputs, idsOf(resources, typ))
		if err != nil {
			return fmt.Errorf("%s: %w", urn, err)
		}
		if id == "" {
			continue
		}
		fmt.Fprintf(progress, "  %s: %s\n", urn, id)
		// With outputs, a refresh reads the resource as one that the stack has, and keeps the program's inputs.
		outputs := maps.Clone(inputs)
		delete(outputs, "__defaults")
		outputs["id"] = id
		resource["id"], resource["outputs"] = id, outputs
		resources = insert(resources, resource)
	}
	if deployment != nil {
		deployment["resources"] = resources
		delete(deployment, "pending_operations")
	}
	return json.NewEncoder(out).Encode(stack)
}

// idsOf returns the Pulumi ids of the state's resources of a type. A resource that was deleted in order to be replaced
// is not among them: its successor may have the same id.
func idsOf(resources []any, typ string) map[string]bool {
	ids := map[string]bool{}
	for _, r := range resources {
		if resource, _ := r.(map[string]any); text(resource["type"]) == typ && resource["pendingReplacement"] != true {
			ids[text(resource["id"])] = true
		}
	}
	return ids
}

// insert puts a resource where the engine would have put it at the end of its creation. A replacement comes before the
// resource that it replaces, and so before its dependents. If the old one was deleted first, it takes its place;
// otherwise the next up deletes the old one.
func insert(resources []any, created map[string]any) []any {
	for i, r := range resources {
		old, _ := r.(map[string]any)
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

// locate returns the Pulumi id of the resource that the inputs describe. It returns "" if there is none, if the id is
// among the known ones, or if the catalogue lacks the type.
func locate(
	ctx context.Context, creds ociclient.Credentials, typ string, inputs map[string]any, known map[string]bool,
) (string, error) {
	if strings.HasPrefix(typ, "kubernetes:") {
		if id := objectID(inputs); !known[id] {
			return id, nil
		}
		return "", nil
	}
	k, ok := catalog.Lookup(typ)
	if !ok || k.Adopts != "" { // a VCN's default resource comes with the VCN: its creation is an update
		return "", nil
	}
	endpoint, ok := ociclient.EndpointFromEnv(string(k.Client))
	if !ok {
		return "", fmt.Errorf("CLIENT_HOST_OVERRIDES has no entry for %s", k.Client)
	}
	client, err := ociclient.New(endpoint, creds)
	if err != nil {
		return "", err
	}
	s := &search{kind: k, client: client, inputs: inputs}
	return s.find(ctx, known)
}

// objectID returns the id of a Kubernetes object, which the program chooses: "namespace/name", or "name" alone.
func objectID(inputs map[string]any) string {
	metadata, _ := inputs["metadata"].(map[string]any)
	name, namespace := text(metadata["name"]), text(metadata["namespace"])
	if name == "" || namespace == "" {
		return name
	}
	return namespace + "/" + name
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// search looks for the one resource of a kind that the inputs describe.
type search struct {
	kind   catalog.Kind
	client *ociclient.Client
	inputs map[string]any
}

// candidate holds what identifies a resource: the fields that the services' answers have of these.
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

// rule is a security rule of a network security group, in inputs and in answers.
type rule struct {
	Direction, Protocol, Source, Destination, Description string
	TCPOptions, UDPOptions                                ports
	ICMPOptions                                           struct{ Type, Code json.Number }
}

type ports struct{ SourcePortRange, DestinationPortRange struct{ Min, Max int } }

func ruleOf(inputs map[string]any) (r rule, err error) {
	raw, err := json.Marshal(inputs)
	if err != nil {
		return r, err
	}
	err = json.Unmarshal(raw, &r)
	if r.ICMPOptions.Code == "-1" {
		r.ICMPOptions.Code = "" // the official provider's notation for every code
	}
	return r, err
}

// find returns the Pulumi id of the matching resource, or "".
func (s *search) find(ctx context.Context, known map[string]bool) (string, error) {
	all, err := s.list(ctx)
	if err != nil {
		return "", err
	}
	found := slices.DeleteFunc(all, func(c candidate) bool { return !s.matches(c) || known[s.id(c)] })
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		c, err := s.await(ctx, found[0])
		if err != nil || !s.matches(c) {
			return "", err
		}
		return s.id(c), nil
	}
	first, second := found[0].ID, found[1].ID
	return "", fmt.Errorf("%d resources match, %s and %s among them; delete all but one", len(found), first, second)
}

// id is the candidate's Pulumi id.
func (s *search) id(c candidate) string { return s.kind.ID.Expand(s.vars(c)) }

// vars are the variables of the kind's paths and ids.
func (s *search) vars(c candidate) map[string]any {
	vars := maps.Clone(s.inputs)
	vars["id"] = c.ID
	return vars
}

// list reads the resources of the kind that are where the inputs say.
func (s *search) list(ctx context.Context) (all []candidate, err error) {
	if s.kind.ChosenID() {
		var c candidate
		_, err := s.client.Do(ctx, http.MethodGet, s.kind.Item().Expand(s.inputs), nil, nil, &c)
		if ociclient.IsNotFound(err) {
			return nil, nil
		}
		return []candidate{c}, err
	}
	query := url.Values{}
	for _, name := range []string{"compartmentId", s.kind.NameQuery} {
		if v := text(s.inputs[name]); v != "" {
			query.Set(name, v)
		}
	}
	for {
		var page []candidate
		header, err := s.client.Do(ctx, http.MethodGet, s.kind.Collection.Expand(s.inputs), query, nil, &page)
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

func (s *search) matches(c candidate) bool {
	switch c.LifecycleState {
	case "DELETING", "DELETED", "TERMINATING", "TERMINATED", "DETACHING", "DETACHED":
		return false
	case "FAILED":
		// OKE keeps a failed cluster until it is deleted: the next up replaces it.
		if s.kind.Token != catalog.Cluster {
			return false
		}
	}
	if !s.kind.Taggable { // the stack owns it if it owns what it is part of, which the path names
		want, err := ruleOf(s.inputs)
		return s.kind.ChosenID() || err == nil && c.rule == want
	}
	for input, got := range map[string]string{
		"name": c.Name, "displayName": c.DisplayName, "vcnId": c.VcnID, "clusterId": c.ClusterID,
	} {
		if want := s.inputs[input]; want != nil && got != text(want) {
			return false
		}
	}
	// The tags name the stack: without them another stack's resource could match.
	tags, _ := s.inputs["freeformTags"].(map[string]any)
	for key, value := range tags {
		if c.FreeformTags[key] != text(value) {
			return false
		}
	}
	return len(tags) > 0
}

var pendingStates = []string{"CREATING", "PROVISIONING", "UPDATING", "ATTACHING"}

// await waits until the resource is neither being created nor updated, and returns its last state.
func (s *search) await(ctx context.Context, c candidate) (candidate, error) {
	if !slices.Contains(pendingStates, c.LifecycleState) {
		return c, nil
	}
	path := s.kind.Item().Expand(s.vars(c))
	ended := func(ctx context.Context) (bool, error) {
		var now candidate
		if _, err := s.client.Do(ctx, http.MethodGet, path, nil, nil, &now); err != nil {
			return false, err
		}
		c = now
		return !slices.Contains(pendingStates, c.LifecycleState), nil
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 30*time.Minute, false, ended)
	if err != nil {
		return c, fmt.Errorf("wait for %s, last state %s: %w", path, c.LifecycleState, err)
	}
	return c, nil
}
