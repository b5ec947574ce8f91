package recovery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
)

// search looks for the one resource of a kind that the inputs describe.
type search struct {
	kind   catalog.Kind
	cloud  ocirest.Getter
	inputs object
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

func ruleOf(inputs object) (r rule, err error) {
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

// find returns the matching resource whose Pulumi id is not among the known ones, or none.
func (s *search) find(ctx context.Context, known map[string]bool) (candidate, bool, error) {
	all, err := s.list(ctx)
	if err != nil {
		return candidate{}, false, err
	}
	found := slices.DeleteFunc(all, func(c candidate) bool { return !s.matches(c) || known[s.id(c)] })
	switch len(found) {
	case 0:
		return candidate{}, false, nil
	case 1:
		return found[0], true, nil
	}
	first, second := found[0].ID, found[1].ID
	return candidate{}, false,
		fmt.Errorf("%d resources match, %s and %s among them; delete all but one", len(found), first, second)
}

// id is the candidate's Pulumi id.
func (s *search) id(c candidate) string { return s.kind.ID.Expand(s.vars(c)) }

// vars are the variables of the kind's paths and ids.
func (s *search) vars(c candidate) object {
	vars := maps.Clone(s.inputs)
	vars["id"] = c.ID
	return vars
}

// list reads the resources of the kind that are where the inputs say.
func (s *search) list(ctx context.Context) (all []candidate, err error) {
	if s.kind.ChosenID() {
		var c candidate
		_, err := s.cloud.Get(ctx, s.kind.Client, s.kind.Item().Expand(s.inputs), nil, &c)
		if ocirest.IsNotFound(err) {
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
	return ocirest.List[candidate](ctx, s.cloud, s.kind.Client, s.kind.Collection.Expand(s.inputs), query)
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
	tags, _ := s.inputs["freeformTags"].(object)
	for key, value := range tags {
		if c.FreeformTags[key] != text(value) {
			return false
		}
	}
	return len(tags) > 0
}

var pendingStates = []string{"CREATING", "PROVISIONING", "UPDATING", "ATTACHING"}

// Limits of the wait for one resource that is being created. OKE says 10 to 15 minutes for a cluster.
const (
	pollInterval = time.Second
	waitLimit    = 30 * time.Minute
)

// await waits until the resource is neither being created nor updated, and returns its last state.
func (s *search) await(ctx context.Context, c candidate) (candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	path := s.kind.Item().Expand(s.vars(c))
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for slices.Contains(pendingStates, c.LifecycleState) {
		select {
		case <-ctx.Done():
			return c, fmt.Errorf("wait for %s, last state %s: %w", path, c.LifecycleState, context.Cause(ctx))
		case <-tick.C:
		}
		var now candidate
		if _, err := s.cloud.Get(ctx, s.kind.Client, path, nil, &now); err != nil {
			return c, fmt.Errorf("wait for %s: %w", path, err)
		}
		c = now
	}
	return c, nil
}
