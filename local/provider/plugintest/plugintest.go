// Package plugintest drives a provider plugin as the Pulumi engine does. It is for the tests of plugins.
package plugintest

import (
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"oke-guestbook/local/provider/value"
)

// NewURN returns the URN of a resource of the tests' stack.
func NewURN(token, name string) urn.URN {
	return urn.New("test", "oke-guestbook", "", tokens.Type(token), name)
}

// Plugin is a configured plugin. Errors fail its test.
type Plugin struct {
	*testing.T
	p.Provider
}

// Resource is a resource as the engine's state has it.
type Resource struct {
	Plugin        Plugin
	URN           urn.URN
	ID            string
	Inputs, State property.Map
}

// CheckInputs calls Check and returns the checked inputs.
func (g Plugin) CheckInputs(u urn.URN, old property.Map, inputs map[string]any) property.Map {
	g.Helper()
	checked, err := g.Check(g.Context(), p.CheckRequest{Urn: u, State: old, Inputs: value.OfMap(inputs)})
	if err != nil {
		g.Fatal(err)
	}
	for _, f := range checked.Failures {
		g.Fatalf("%s: %s", f.Property, f.Reason)
	}
	return checked.Inputs
}

// NewResource creates a resource. The result is not nil even if there is an error.
func (g Plugin) NewResource(token, name string, inputs map[string]any) (*Resource, error) {
	g.Helper()
	u := NewURN(token, name)
	checked := g.CheckInputs(u, property.Map{}, inputs)
	created, err := g.Create(g.Context(), p.CreateRequest{Urn: u, Properties: checked})
	return &Resource{Plugin: g, URN: u, ID: created.ID, Inputs: checked, State: created.Properties}, err
}

// Preview returns the state that the preview of a creation shows.
func (g Plugin) Preview(token, name string, inputs map[string]any) (property.Map, error) {
	g.Helper()
	u := NewURN(token, name)
	checked := g.CheckInputs(u, property.Map{}, inputs)
	created, err := g.Create(g.Context(), p.CreateRequest{Urn: u, Properties: checked, DryRun: true})
	return created.Properties, err
}

// Diff compares the resource with new inputs.
func (r *Resource) Diff(inputs map[string]any) p.DiffResponse {
	r.Plugin.Helper()
	checked := r.Plugin.CheckInputs(r.URN, r.Inputs, inputs)
	diff, err := r.Plugin.Diff(r.Plugin.Context(), p.DiffRequest{
		ID: r.ID, Urn: r.URN, State: r.State, OldInputs: r.Inputs, Inputs: checked,
	})
	if err != nil {
		r.Plugin.Fatal(err)
	}
	return diff
}

// Unchanged fails the test if the inputs differ from those of the resource.
func (r *Resource) Unchanged(when string, inputs map[string]any) {
	r.Plugin.Helper()
	if d := r.Diff(inputs); d.HasChanges {
		r.Plugin.Fatalf("%s: a diff: %v\ninputs: %v\nstate: %v",
			when, d.DetailedDiff, value.PlainMap(r.Inputs), value.PlainMap(r.State))
	}
}

// Update previews and makes an update. It leaves r as it is if there is an error.
func (r *Resource) Update(inputs map[string]any, ignoreChanges ...string) error {
	r.Plugin.Helper()
	checked := r.Plugin.CheckInputs(r.URN, r.Inputs, inputs)
	req := p.UpdateRequest{
		ID: r.ID, Urn: r.URN, State: r.State, OldInputs: r.Inputs, Inputs: checked, IgnoreChanges: ignoreChanges,
		DryRun: true,
	}
	if _, err := r.Plugin.Update(r.Plugin.Context(), req); err != nil {
		return err
	}
	req.DryRun = false
	updated, err := r.Plugin.Update(r.Plugin.Context(), req)
	if err == nil {
		r.Inputs, r.State = checked, updated.Properties
	}
	return err
}

// Refresh reads the resource, as `pulumi refresh` does, and reports whether it exists.
func (r *Resource) Refresh() bool {
	r.Plugin.Helper()
	read, err := r.Plugin.Read(r.Plugin.Context(), p.ReadRequest{
		ID: r.ID, Urn: r.URN, Properties: r.State, Inputs: r.Inputs,
	})
	if err != nil {
		r.Plugin.Fatalf("refresh: %v", err)
	}
	if read.ID != "" {
		r.Inputs, r.State = read.Inputs, read.Properties
	}
	return read.ID != ""
}

// Delete deletes the resource.
func (r *Resource) Delete() {
	r.Plugin.Helper()
	req := p.DeleteRequest{ID: r.ID, Urn: r.URN, Properties: r.State, OldInputs: r.Inputs}
	if err := r.Plugin.Delete(r.Plugin.Context(), req); err != nil {
		r.Plugin.Fatalf("delete: %v", err)
	}
}
