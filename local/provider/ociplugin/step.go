package ociplugin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/ociclient"
)

// step is one resource during one step of its life cycle.
type step struct {
	*kind
	client  *ociclient.Client
	retry   bool // whether to wait out conflicts
	inputs  map[string]any
	old     map[string]any // the state before an update
	changed map[string]any // the inputs that an update changes, by name; nil when gone
	id      string         // as the engine knows it
	ocid    string         // REST's own id; a name where it has none
	doc     map[string]any // the present state, as REST tells it
	report  func(format string, args ...any)
}

const (
	conflictWait   = 2 * time.Minute // the official plugin's
	deleteWait     = 10 * time.Minute
	throttledWait  = 10 * time.Minute
	shortestPause  = 100 * time.Millisecond
	longestPause   = time.Second
	defaultMinutes = 20
)

// vars are the values for the {properties} of a path.
func (r *step) vars() map[string]any {
	vars := clone(r.old)
	for k, v := range r.inputs {
		vars[k] = v
	}
	vars["id"] = r.ocid
	return vars
}

func (r *step) itemPath() string { return expand(r.kind.item, r.vars()) }

// call sends a request; it waits out throttling, passing failures and, where the resource's state forbids the request for now, conflicts.
func (r *step) call(ctx context.Context, method, path string, query url.Values, in, out any, headers ...ociclient.Header) (http.Header, error) {
	began := time.Now()
	request := ctx
	if method != http.MethodGet {
		request = context.WithoutCancel(ctx) // what a change did must be known
	}
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		header, err := r.client.Do(request, method, path, query, in, out, headers...)
		if err == nil || !r.retry || ctx.Err() != nil || time.Since(began)+pause > r.patience(method, err) {
			return header, err
		}
		if pause == longestPause {
			r.report("tries again, %s so far: %v", time.Since(began).Round(time.Second), err)
		}
		if err := sleep(ctx, pause); err != nil {
			return header, err
		}
	}
}

// patience is for how long a request that fails so is repeated.
func (r *step) patience(method string, err error) time.Duration {
	var e *ociclient.Error
	if !errors.As(err, &e) {
		return 0
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		return throttledWait
	case e.Status == http.StatusConflict && method == http.MethodDelete && r.deleteRetries == e.Code:
		return deleteWait
	case e.Status == http.StatusConflict && (e.Code == "IncorrectState" || e.Code == "Conflict"):
		return conflictWait
	case e.Status >= 500 && e.Status != http.StatusNotImplemented && !strings.Contains(e.Message, "Out of host capacity"):
		return conflictWait
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// createGeneric posts the resource and notes its id as soon as it is known, so that nothing is lost when the wait fails.
func (r *step) createGeneric(ctx context.Context) error {
	if r.adopts != "" {
		r.ocid, _ = r.inputs[r.adopts].(string)
		r.id = r.ocid
		_, err := r.call(ctx, http.MethodPut, r.itemPath(), nil, r.emptied(r.body(r.inputs, true)), nil)
		return errors.Join(err)
	}
	var doc map[string]any
	// One token for all tries of this creation, and for no other: a replacement may want the very same thing beside the old one.
	token := ociclient.Header{Name: "opc-retry-token", Value: rand.Text()}
	header, err := r.call(ctx, http.MethodPost, expand(r.path, r.vars()), r.query(r.createQuery), r.emptied(r.body(r.inputs, false)), &doc, token)
	if err != nil {
		return err
	}
	if id, ok := doc["id"].(string); ok {
		r.ocid = id
	}
	request := header.Get("opc-work-request-id")
	if r.ocid == "" && request != "" && strings.Contains(r.kind.id, "{id}") {
		// Also when cancelled now: what is being made must be known.
		if r.ocid, err = r.identifier(context.WithoutCancel(ctx), request); err != nil {
			return err
		}
	}
	r.id = expand(r.kind.id, r.vars())
	return r.waitFor(ctx, request)
}

// discard deletes what the service failed to make, for kinds of which nothing good can come any more; err says how it failed.
func (r *step) discard(ctx context.Context, err error) error {
	var failed *failure
	if !r.discards || !errors.As(err, &failed) {
		return err
	}
	if gone := r.removeGeneric(ctx); gone != nil && !ociclient.IsNotFound(gone) {
		return errors.Join(err, fmt.Errorf("delete what is left of it: %w", gone))
	}
	r.id = ""
	return err
}

// emptied adds the lists that the inputs leave out, and which leaving out empties.
func (r *step) emptied(body map[string]any) map[string]any {
	for name, f := range r.fields {
		if _, ok := r.inputs[name]; !ok && f.clears && slices.Contains(r.sets, name) {
			body[f.rest] = []any{}
		}
	}
	return body
}

func (r *step) query(names map[string]string) url.Values {
	q := url.Values{}
	for name, rest := range names {
		if v, ok := r.vars()[name]; ok {
			q.Set(rest, fmt.Sprint(v))
		}
	}
	return q
}

func (r *step) readGeneric(ctx context.Context) error {
	r.doc = nil
	_, err := r.call(ctx, http.MethodGet, r.itemPath(), nil, nil, &r.doc)
	return err
}

func (r *step) updateGeneric(ctx context.Context) error {
	if to, ok := r.changed["compartmentId"]; ok && r.adopts == "" {
		delete(r.changed, "compartmentId")
		header, err := r.call(ctx, http.MethodPost, r.itemPath()+"/actions/changeCompartment", nil, map[string]any{"compartmentId": to}, nil)
		if err != nil {
			return err
		}
		if err := r.waitFor(ctx, header.Get("opc-work-request-id")); err != nil {
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
		if f := r.fields[name]; v == nil && !f.local {
			body[f.rest] = zero(r.old[name])
		}
	}
	if len(body) == 0 {
		return r.waitFor(ctx, "") // the creation may have been cancelled while it was under way
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

func zero(old any) any {
	switch old.(type) {
	case []any:
		return []any{}
	case map[string]any:
		return map[string]any{}
	default:
		return nil
	}
}

// removeGeneric deletes the resource and waits until it is gone. A VCN's default resource is emptied instead: it lives and dies with its VCN.
func (r *step) removeGeneric(ctx context.Context) error {
	if r.adopts != "" {
		body := map[string]any{}
		for name, f := range r.fields {
			if f.clears {
				body[r.fields[name].rest] = []any{}
			}
		}
		_, err := r.call(ctx, http.MethodPut, r.itemPath(), nil, body, nil)
		return err
	}
	header, err := r.call(ctx, http.MethodDelete, r.itemPath(), r.query(r.deleteQuery), nil, nil)
	if err != nil {
		return err
	}
	return r.waitUntilGone(ctx, header.Get("opc-work-request-id"))
}
