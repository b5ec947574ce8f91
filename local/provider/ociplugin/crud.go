package ociplugin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
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

func kindOf(u urn.URN) (*kind, error) {
	if k, ok := kinds[string(u.Type())]; ok {
		return k, nil
	}
	return nil, fmt.Errorf("the local cloud's stand-in for the oci plugin has no %s; the official plugin may have", u.Type())
}

// step prepares a step of the life cycle of the resource with the given id, inputs and state, any of which may be empty.
func (g *plugin) step(ctx context.Context, u urn.URN, id string, inputs, state property.Map) (*step, error) {
	k, err := kindOf(u)
	if err != nil {
		return nil, err
	}
	client, err := g.client(k.client)
	if err != nil {
		return nil, err
	}
	logger := p.GetLogger(ctx)
	r := &step{
		kind: k, client: client, retry: g.retry, id: id,
		inputs: value.PlainMap(inputs), old: value.PlainMap(state),
		report: logger.InfoStatusf,
	}
	if id == "" {
		return r, nil
	}
	vars, ok := parse(k.importID, id)
	if !ok {
		vars, ok = parse(k.id, id)
	}
	if !ok {
		return nil, fmt.Errorf("the id %q of a %s is not of the form %q", id, k.token, k.importID)
	}
	r.ocid, _ = vars["id"].(string)
	delete(vars, "id")
	if k.adopts != "" {
		vars[k.adopts] = r.ocid
	}
	maps.Copy(r.old, vars)
	r.id = expand(k.id, r.vars())
	return r, nil
}

func (g *plugin) check(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	k, err := kindOf(req.Urn)
	if err != nil {
		return p.CheckResponse{}, err
	}
	out := p.CheckResponse{Inputs: req.Inputs}
	for name := range req.Inputs.All {
		if f := k.fields[name]; !f.input && !strings.HasPrefix(name, "__") {
			out.Failures = append(out.Failures, p.CheckFailure{Property: name, Reason: k.token + " has no input of this name"})
		}
	}
	chosen := []property.Value{}
	if k.fields["name"].input && req.Inputs.Get("name").IsNull() {
		name := req.State.Get("name")
		if !strings.Contains(fmt.Sprint(value.Plain(req.State.Get(defaultsKey))), "name") {
			name = property.New(req.Urn.Name() + "-" + randomHex(7))
		}
		out.Inputs = out.Inputs.Set("name", name)
		chosen = append(chosen, property.New("name"))
	}
	for name, v := range k.defaults {
		if req.Inputs.Get(name).IsNull() {
			out.Inputs = out.Inputs.Set(name, value.Of(v))
		}
	}
	if len(chosen) > 0 {
		out.Inputs = out.Inputs.Set(defaultsKey, property.New(chosen))
	}
	return out, nil
}

func randomHex(digits int) string {
	b := make([]byte, (digits+1)/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)[:digits]
}

func (g *plugin) diff(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	k, err := kindOf(req.Urn)
	if err != nil {
		return p.DiffResponse{}, err
	}
	inputs, state := value.PlainMap(req.Inputs), value.PlainMap(req.State)
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}}
	replaced := false
	for _, c := range k.diff(inputs, state) {
		d := p.PropertyDiff{Kind: p.Update, InputDiff: true}
		switch {
		case c.gone:
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
	// Two things of one name cannot stand side by side; a name that Check chose is chosen anew.
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
	if r.kind.create != nil {
		err = r.kind.create(ctx, r)
	} else {
		err = r.discard(ctx, r.createGeneric(ctx))
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

// result is the resource's state after a step that ended with err. If that cannot be read, it is what the inputs say.
func (r *step) result(ctx context.Context, inputs property.Map, err error) (property.Map, error) {
	ctx = context.WithoutCancel(ctx) // what was made must be known, also when the step was cancelled
	r.doc = nil
	if readErr := r.readOne(ctx); readErr != nil {
		err = errors.Join(err, readErr)
	}
	state := r.state()
	if r.doc == nil {
		state = r.previewed(r.inputs, r.old)
	}
	return value.KeepSecrets(value.OfMap(state), inputs), err
}

// state is the resource's state by the names of the schema.
func (r *step) state() map[string]any {
	state := r.properties(r.doc)
	vars := r.vars()
	for name, f := range r.fields {
		if v, ok := vars[name]; ok && (f.local || strings.Contains(r.kind.id, "{"+name+"}")) {
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
	if lifecycle, _ := r.doc["lifecycleState"].(string); ociclient.IsNotFound(err) || slices.Contains(goneStates, lifecycle) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	state := r.state()
	return p.ReadResponse{
		ID:         r.id,
		Properties: value.KeepSecrets(value.OfMap(state), req.Properties),
		Inputs:     value.KeepSecrets(value.OfMap(r.liveInputs(state)), req.Inputs),
	}, nil
}

// liveInputs are the inputs that would make the present state: the old ones where they still hold. For an import, which has none,
// they are all that is set.
func (r *step) liveInputs(state map[string]any) map[string]any {
	out := map[string]any{}
	for name, f := range r.fields {
		old, had := r.inputs[name]
		now, is := state[name]
		switch {
		case !f.input:
		case had && is && r.same(name, old, now):
			out[name] = old
		case is && (had || len(r.inputs) == 0 || f.clears) && !isEmpty(now):
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
		r.changed[c.top()] = r.inputs[c.top()]
	}
	if r.kind.update != nil {
		err = r.kind.update(ctx, r)
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
	if r.kind.remove != nil {
		err = r.kind.remove(ctx, r)
	} else {
		err = r.removeGeneric(ctx)
	}
	if ociclient.IsNotFound(err) {
		return nil
	}
	return err
}
