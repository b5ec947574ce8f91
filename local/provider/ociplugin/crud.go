package ociplugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"oke-guestbook/local/ociclient"
	"oke-guestbook/local/provider/value"
)

// defaultsKey holds, as in the official plugin's state, the names of the inputs that Check chose.
const defaultsKey = "__defaults"

func mappingOf(u urn.URN) (*mapping, error) {
	if m, ok := mappings[string(u.Type())]; ok {
		return m, nil
	}
	return nil, unsupported(string(u.Type()))
}

func unsupported(token string) error {
	return fmt.Errorf("the local cloud's stand-in for the oci plugin has no %s; the official plugin may have", token)
}

// step prepares a step of the life cycle of a resource. Id, inputs and state may be empty.
func (g *plugin) step(ctx context.Context, u urn.URN, id string, inputs, state property.Map) (*step, error) {
	m, err := mappingOf(u)
	if err != nil {
		return nil, err
	}
	client, err := g.client(m.Client)
	if err != nil {
		return nil, err
	}
	r := &step{
		mapping: m, client: client, retry: g.retry, id: id,
		inputs: value.PlainMap(inputs), old: value.PlainMap(state),
		report: p.GetLogger(ctx).InfoStatusf,
	}
	if id == "" {
		return r, nil
	}
	importID := cmp.Or(m.ImportID, m.ID)
	vars, ok := importID.Parse(id)
	if !ok {
		vars, ok = m.ID.Parse(id)
	}
	if !ok {
		return nil, fmt.Errorf("the id %q of a %s is not of the form %q", id, m.Token, importID)
	}
	r.ocid, _ = vars["id"].(string)
	delete(vars, "id")
	if m.Adopts != "" {
		vars[m.Adopts] = r.ocid
	}
	maps.Copy(r.old, vars)
	r.id = m.ID.Expand(r.vars())
	return r, nil
}

func (g *plugin) check(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	m, err := mappingOf(req.Urn)
	if err != nil {
		return p.CheckResponse{}, err
	}
	out := p.CheckResponse{Inputs: req.Inputs}
	for name := range req.Inputs.All {
		if _, ok := m.inputs[name]; !ok && !strings.HasPrefix(name, "__") {
			failure := p.CheckFailure{Property: name, Reason: m.Token + " has no input of this name"}
			out.Failures = append(out.Failures, failure)
		}
	}
	for name, in := range m.inputs {
		if in.byDefault != nil && req.Inputs.Get(name).IsNull() {
			out.Inputs = out.Inputs.Set(name, value.Of(in.byDefault))
		}
	}
	if _, named := m.inputs["name"]; named && req.Inputs.Get("name").IsNull() {
		name := req.State.Get("name")
		if !strings.Contains(fmt.Sprint(value.Plain(req.State.Get(defaultsKey))), "name") {
			name = property.New(fmt.Sprintf("%s-%07x", req.Urn.Name(), rand.N(1<<28)))
		}
		out.Inputs = out.Inputs.Set("name", name).Set(defaultsKey, property.New([]property.Value{property.New("name")}))
	}
	return out, nil
}

func (g *plugin) diff(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	m, err := mappingOf(req.Urn)
	if err != nil {
		return p.DiffResponse{}, err
	}
	inputs, state := value.PlainMap(req.Inputs), value.PlainMap(req.State)
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}}
	replaced := false
	for _, c := range m.diff(inputs, state) {
		d := p.PropertyDiff{Kind: p.Update, InputDiff: true}
		switch {
		case c.removed:
			d.Kind = p.Delete
		case c.added:
			d.Kind = p.Add
		}
		if c.replaces {
			d.Kind += "&replace"
			replaced = true
		}
		out.DetailedDiff[c.path] = d
		out.HasChanges = true
	}
	// Two resources cannot have one name at the same time. A name that Check chose is chosen anew.
	_, chosen := inputs[defaultsKey]
	name, named := inputs["name"]
	out.DeleteBeforeReplace = replaced && named && !chosen && name == state["name"]
	return out, nil
}

func (g *plugin) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	r, err := g.step(ctx, req.Urn, "", req.Properties, property.Map{})
	if err != nil {
		return p.CreateResponse{}, err
	}
	if req.DryRun {
		state := value.OfMap(r.previewed(r.inputs, nil))
		return p.CreateResponse{Properties: value.KeepSecrets(state, req.Properties)}, nil
	}
	if r.mapping.create != nil {
		err = r.mapping.create(ctx, r)
	} else {
		err = r.createGeneric(ctx)
	}
	var failed *failure
	if r.failed = errors.As(err, &failed); r.failed && r.deletesFailed {
		err = r.discard(ctx, err)
	}
	if r.id == "" {
		return p.CreateResponse{}, err
	}
	state, err := r.result(ctx, req.Properties, err)
	out := p.CreateResponse{ID: r.id, Properties: state}
	if err != nil {
		out.PartialState = &p.InitializationFailed{Reasons: []string{err.Error()}}
	}
	return out, err
}

// result is the resource's state after a step that ended with err, or what the inputs say if that cannot be read.
func (r *step) result(ctx context.Context, inputs property.Map, err error) (property.Map, error) {
	ctx = context.WithoutCancel(ctx) // also a cancelled step must leave what it did in the state
	r.doc = r.first
	if !r.failed {
		if readErr := r.readOne(ctx); readErr != nil {
			err = errors.Join(err, readErr)
		}
	}
	state := r.state()
	if r.doc == nil {
		state = r.previewed(r.inputs, r.old)
	}
	return value.KeepSecrets(value.OfMap(state), inputs), err
}

// state is the present state by the names of the schema, with the inputs that REST does not return.
func (r *step) state() map[string]any {
	state := r.properties(r.doc)
	vars, inID := r.vars(), r.ID.Variables()
	for name, in := range r.mapping.inputs {
		if v, ok := vars[name]; ok && (in.notInBody || slices.Contains(inID, name)) {
			state[name] = v
		}
	}
	return state
}

func (g *plugin) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	r, err := g.step(ctx, req.Urn, req.ID, req.Inputs, req.Properties)
	if err != nil {
		return p.ReadResponse{}, err
	}
	err = r.readOne(ctx)
	if missing(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	if state, _ := r.doc["lifecycleState"].(string); slices.Contains(goneStates, state) {
		return p.ReadResponse{}, nil
	}
	state := r.state()
	return p.ReadResponse{
		ID:         r.id,
		Properties: value.KeepSecrets(value.OfMap(state), req.Properties),
		Inputs:     value.KeepSecrets(value.OfMap(r.liveInputs(state)), req.Inputs),
	}, nil
}

// missing reports whether the official plugin takes the error of a read for the answer that there is no such thing. A
// data source answers nothing then, without an error, and a resource leaves the state (terraform-provider-oci v7.32.0,
// internal/tfresource/errors.go, handleMissingResourceError; read 2026-11-29).
func missing(err error) bool {
	var e *ociclient.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Status == http.StatusNotFound ||
		strings.Contains(e.Message, "does not exist") || strings.Contains(e.Message, " not present in ") ||
		strings.Contains(e.Message, "not found") ||
		strings.Contains(e.Message, "Load balancer") && strings.Contains(e.Message, " has no ")
}

// liveInputs are the inputs that would create the present state: the old ones where they still match. An import has no
// old ones: then they are all that have a value. As in the official plugin, a set in another order is another input.
func (r *step) liveInputs(state map[string]any) map[string]any {
	out := map[string]any{}
	for name, in := range r.mapping.inputs {
		old, had := r.inputs[name]
		now, is := state[name]
		ordered := in
		ordered.set = false
		switch {
		case had && is && ordered.same(name, old, now):
			out[name] = old
		case is && (had || len(r.inputs) == 0 || in.clears) && !isEmpty(now):
			out[name] = now
		}
	}
	if v, ok := r.inputs[defaultsKey]; ok {
		out[defaultsKey] = v
	}
	return out
}

func (g *plugin) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	r, err := g.step(ctx, req.Urn, req.ID, req.Inputs, req.State)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	if req.DryRun {
		state := value.OfMap(r.previewed(r.inputs, r.old))
		return p.UpdateResponse{Properties: value.KeepSecrets(state, req.Inputs)}, nil
	}
	r.changed = map[string]any{}
	for _, c := range r.diff(r.inputs, r.old) {
		r.changed[c.input()] = r.inputs[c.input()]
	}
	if r.mapping.update != nil {
		err = r.mapping.update(ctx, r)
	} else {
		err = r.updateGeneric(ctx)
	}
	state, err := r.result(ctx, req.Inputs, err)
	out := p.UpdateResponse{Properties: state}
	if err != nil {
		out.PartialState = &p.InitializationFailed{Reasons: []string{err.Error()}}
	}
	return out, err
}

func (g *plugin) delete(ctx context.Context, req p.DeleteRequest) error {
	r, err := g.step(ctx, req.Urn, req.ID, req.OldInputs, req.Properties)
	if err != nil {
		return err
	}
	if r.mapping.remove != nil {
		err = r.mapping.remove(ctx, r)
	} else {
		err = r.removeGeneric(ctx)
	}
	if ociclient.IsNotFound(err) {
		return nil
	}
	return err
}
