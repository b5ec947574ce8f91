package ociplugin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/ociclient"
)

// step is one resource during one step of its life cycle.
type step struct {
	*mapping
	client  *ociclient.Client
	retry   bool           // repeat requests that were throttled, conflict or failed for now
	inputs  map[string]any // hides the mapping's
	old     map[string]any // the state before an update
	changed map[string]any // the inputs that an update changes, by name; nil if removed
	id      string         // the Pulumi id
	ocid    string         // the id in REST; empty where the program chooses the whole id
	doc     map[string]any // the present state, as REST returns it
	first   map[string]any // that of a resource whose creation has begun, where the official plugin keeps it
	failed  bool           // the creation has failed, and not its wait
	report  func(format string, args ...any)
}

// For how long requests that failed are repeated. The first two are the official plugin's limits.
const (
	retryLimit         = 2 * time.Minute
	throttledLimit     = 10 * time.Minute
	deleteRetriesLimit = 10 * time.Minute
)

// vars are the values of the variables in paths and ids.
func (r *step) vars() map[string]any {
	vars := maps.Clone(r.old)
	if vars == nil {
		vars = map[string]any{}
	}
	maps.Copy(vars, r.inputs)
	vars["id"] = r.ocid
	return vars
}

func (r *step) itemPath() string { return r.Item().Expand(r.vars()) }

// call sends a request. It repeats one that was throttled, that failed for now or that the resource's state forbids for
// now, and reports that after some seconds.
func (r *step) call(
	ctx context.Context, method, path string, query url.Values, in, out any, headers ...ociclient.Header,
) (header http.Header, err error) {
	start := time.Now()
	request := ctx
	if method != http.MethodGet {
		request = context.WithoutCancel(ctx) // the outcome of a change must be known
	}
	interrupted := until(ctx, 100*time.Millisecond, func() (bool, error) {
		header, err = r.client.Do(request, method, path, query, in, out, headers...)
		elapsed := time.Since(start)
		if err == nil || !r.retry || ctx.Err() != nil || elapsed > r.retryFor(method, err) {
			return true, nil
		}
		if elapsed > 2*time.Second {
			r.report("tries again, %s so far: %v", elapsed.Round(time.Second), err)
		}
		return false, nil
	})
	if interrupted != nil {
		err = interrupted
	}
	return header, err
}

// retryFor is for how long a request that failed with err is repeated.
func (r *step) retryFor(method string, err error) time.Duration {
	var e *ociclient.Error
	if !errors.As(err, &e) {
		return 0
	}
	switch {
	case e.Status == http.StatusConflict && r.doc["lifecycleState"] == "FAILED" && method != http.MethodDelete:
		return 0 // as it stays; the official plugin repeats the request for two minutes
	case e.Status == http.StatusTooManyRequests:
		return throttledLimit
	case e.Status == http.StatusConflict && method == http.MethodDelete && r.deleteRetries == e.Code:
		return deleteRetriesLimit
	case e.Status == http.StatusConflict && (e.Code == "IncorrectState" || e.Code == "Conflict"):
		return retryLimit
	case e.Status >= 500 && e.Status != http.StatusNotImplemented && !strings.Contains(e.Message, "Out of host capacity"):
		// A lack of capacity has the code InternalError too; only its message tells it apart.
		return retryLimit
	}
	return 0
}

// list reads all pages of a list. Some services wrap it: {"items": [...]}.
func (r *step) list(ctx context.Context, path string, query url.Values) ([]map[string]any, error) {
	var all []map[string]any
	query = maps.Clone(query)
	for {
		var raw []byte
		header, err := r.call(ctx, http.MethodGet, path, query, nil, &raw)
		if err != nil {
			return nil, err
		}
		var page []map[string]any
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			var wrapped struct{ Items json.RawMessage }
			if err := json.Unmarshal(raw, &wrapped); err != nil {
				return nil, fmt.Errorf("list %s: %w", path, err)
			}
			raw = wrapped.Items
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		all = append(all, page...)
		next := header.Get("opc-next-page")
		if next == "" {
			return all, nil
		}
		if query == nil {
			query = url.Values{}
		}
		query.Set("page", next)
	}
}

// createGeneric posts the resource and keeps its id as soon as it is known, so that nothing is lost if the wait fails.
func (r *step) createGeneric(ctx context.Context) error {
	if r.Adopts != "" {
		r.ocid, _ = r.inputs[r.Adopts].(string)
		r.id = r.ocid
		_, err := r.call(ctx, http.MethodPut, r.itemPath(), nil, r.emptied(r.body(r.inputs, true)), nil)
		return err
	}
	var doc map[string]any
	// One token for all attempts at this creation, and for no other: a replacement may create an equal resource beside the
	// old one.
	token := ociclient.Header{Name: "opc-retry-token", Value: rand.Text()}
	body := r.emptied(r.body(r.inputs, false))
	for name, f := range r.mapping.inputs {
		if v, ok := r.inputs[name]; ok && f.inCreation != "" {
			body[f.inCreation] = v
		}
	}
	header, err := r.call(ctx, http.MethodPost, r.Collection.Expand(r.vars()), nil, body, &doc, token)
	if err != nil {
		return err
	}
	if id, ok := doc[cmp.Or(r.idField, "id")].(string); ok {
		r.ocid = id
	}
	request := header.Get("opc-work-request-id")
	if r.ocid == "" && request != "" && !r.ChosenID() {
		// Also if cancelled now: the id of what is being created must be known.
		if r.ocid, err = r.identifier(context.WithoutCancel(ctx), request); err != nil {
			return err
		}
	}
	r.id = r.ID.Expand(r.vars())
	if r.readsFirst {
		if err := r.readOne(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		r.first = r.doc
	}
	return r.waitFor(ctx, request)
}

// discard deletes a resource whose creation failed with err, which it returns in any case. The state keeps it: the
// official plugin sets its id before it waits for the end of the creation, and only a refresh removes it
// (terraform-provider-oci v7.32.0, containerengine_node_pool_resource.go, Create; v3.16.0 on the emulator, 2026-11-29).
func (r *step) discard(ctx context.Context, err error) error {
	if deletion := r.removeGeneric(ctx); deletion != nil && !ociclient.IsNotFound(deletion) {
		return errors.Join(err, fmt.Errorf("delete what is left of it: %w", deletion))
	}
	return err
}

// emptied adds empty lists for those that the inputs leave out, where that empties them.
func (r *step) emptied(body map[string]any) map[string]any {
	for name, f := range r.mapping.inputs {
		if _, ok := r.inputs[name]; !ok && f.clears && f.set {
			body[f.restName(name)] = []any{}
		}
	}
	return body
}

// query holds the properties that go by query parameters, which parameter names.
func (r *step) query(parameter func(field) string) url.Values {
	q := url.Values{}
	vars := r.vars()
	for name, f := range r.mapping.inputs {
		if v, ok := vars[name]; ok && parameter(f) != "" {
			q.Set(parameter(f), fmt.Sprint(v))
		}
	}
	return q
}

func (r *step) readGeneric(ctx context.Context) error {
	r.doc = nil
	_, err := r.call(ctx, http.MethodGet, r.itemPath(), nil, nil, &r.doc)
	return err
}

// readOne reads the resource once.
func (r *step) readOne(ctx context.Context) error {
	if r.mapping.read != nil {
		return r.mapping.read(ctx, r)
	}
	return r.readGeneric(ctx)
}

// act posts one of the resource's actions and waits for its end.
func (r *step) act(ctx context.Context, action string, body map[string]any) error {
	header, err := r.call(ctx, http.MethodPost, r.itemPath()+"/actions/"+action, nil, body, nil)
	if err != nil {
		return err
	}
	return r.waitFor(ctx, header.Get("opc-work-request-id"))
}

func (r *step) updateGeneric(ctx context.Context) error {
	if to, ok := r.changed["compartmentId"]; ok && r.Adopts == "" {
		delete(r.changed, "compartmentId")
		if err := r.act(ctx, "changeCompartment", map[string]any{"compartmentId": to}); err != nil {
			return err
		}
	}
	wanted := map[string]any{}
	for name := range r.changed {
		if v, ok := r.inputs[name]; ok {
			wanted[name] = v
		}
	}
	body := r.body(wanted, true)
	for name, v := range r.changed {
		if f := r.mapping.inputs[name]; v == nil && !f.notInBody {
			body[f.restName(name)] = emptyLike(r.old[name])
		}
	}
	if len(body) == 0 {
		switch fine, err := r.isFine(ctx); {
		case err != nil:
			return err
		case fine:
			return r.waitFor(ctx, "") // the creation may have been cancelled while it was under way
		}
		body = r.body(r.updatable(), true)
	}
	method := http.MethodPut
	if r.updateByPost {
		method = http.MethodPost
	}
	header, err := r.call(ctx, method, r.itemPath(), nil, body, nil)
	if err != nil {
		return err
	}
	return r.waitFor(ctx, header.Get("opc-work-request-id"))
}

// isFine reads the resource and reports whether its last change may have ended well, or may do so yet.
func (r *step) isFine(ctx context.Context) (bool, error) {
	if err := r.readOne(ctx); err != nil {
		return false, err
	}
	state, ok := r.doc["lifecycleState"].(string)
	return !ok || slices.Contains(readyStates, state) || slices.Contains(pendingStates, state), nil
}

// updatable are the inputs that an update sends after one that has failed: all that a change of does not replace.
func (r *step) updatable() map[string]any {
	inputs := maps.Clone(r.inputs)
	maps.DeleteFunc(inputs, func(name string, _ any) bool {
		return name == "compartmentId" || r.ForceNew.Contains(name)
	})
	return inputs
}

// emptyLike is what REST takes to empty a property with the given value.
func emptyLike(old any) any {
	switch old.(type) {
	case []any:
		return []any{}
	case map[string]any:
		return map[string]any{}
	}
	return nil
}

// removeGeneric deletes the resource and waits until it is gone. A VCN's default resource is emptied instead: the VCN
// creates and deletes it.
func (r *step) removeGeneric(ctx context.Context) error {
	if r.Adopts != "" {
		body := map[string]any{}
		for name, f := range r.mapping.inputs {
			if f.clears {
				body[f.restName(name)] = []any{}
			}
		}
		_, err := r.call(ctx, http.MethodPut, r.itemPath(), nil, body, nil)
		return err
	}
	query := r.query(func(f field) string { return f.deleteQuery })
	header, err := r.call(ctx, http.MethodDelete, r.itemPath(), query, nil, nil)
	if err != nil {
		return err
	}
	return r.waitUntilGone(ctx, header.Get("opc-work-request-id"))
}
