package ociplugin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/ociclient"
)

// failure is the service's final word: what was asked for will not come by waiting.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

var (
	pendingStates = []string{"PROVISIONING", "CREATING", "UPDATING", "STARTING", "RESTORING", "MOVING", "ATTACHING"}
	readyStates   = []string{"AVAILABLE", "ACTIVE", "RESERVED", "ASSIGNED", "UNASSIGNED"}
	goneStates    = []string{"TERMINATED", "DELETED", "DETACHED"}
)

// poll calls check, at growing intervals, until it says done. It reports what it waits for.
func (r *step) poll(ctx context.Context, check func() (state string, done bool, err error)) error {
	minutes := r.waitMinutes
	if minutes == 0 {
		minutes = defaultMinutes
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(minutes)*time.Minute, fmt.Errorf("not finished after %d minutes", minutes))
	defer cancel()
	began, reported := time.Now(), time.Now()
	for pause := shortestPause / 2; ; pause = min(2*pause, longestPause) {
		state, done, err := check()
		if done || err != nil {
			return err
		}
		if time.Since(reported) >= 2*time.Second {
			reported = time.Now()
			r.report("%s, %s so far", state, time.Since(began).Round(time.Second))
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("waiting for %s, last state %s: %w", r.id, state, err)
		}
	}
}

// waitFor waits for the work request, if there is one, and then for the resource to be ready.
func (r *step) waitFor(ctx context.Context, request string) error {
	if request != "" {
		if err := r.waitForRequest(ctx, request); err != nil {
			return err
		}
	}
	return r.poll(ctx, func() (string, bool, error) {
		if err := r.readOne(ctx); err != nil {
			return "", false, err
		}
		state, ok := r.doc["lifecycleState"].(string)
		switch {
		case !ok, slices.Contains(readyStates, state), slices.Contains(r.ready, state):
			return state, true, nil
		case slices.Contains(pendingStates, state):
			return state, false, nil
		}
		return state, false, &failure{fmt.Sprintf("%s is %s%s; `pulumi up --replace URN` makes it anew", r.id, state, details(r.doc))}
	})
}

func details(doc map[string]any) string {
	if text, _ := doc["lifecycleDetails"].(string); text != "" {
		return ": " + text
	}
	return ""
}

func (r *step) waitUntilGone(ctx context.Context, request string) error {
	if request != "" {
		if err := r.waitForRequest(ctx, request); err != nil {
			return err
		}
	}
	return r.poll(ctx, func() (string, bool, error) {
		err := r.readOne(ctx)
		if ociclient.IsNotFound(err) {
			return "", true, nil
		}
		if err != nil {
			return "", false, err
		}
		state, _ := r.doc["lifecycleState"].(string)
		if state == "FAILED" {
			return state, false, fmt.Errorf("%s could not be deleted%s", r.id, details(r.doc))
		}
		return state, slices.Contains(goneStates, state), nil
	})
}

// readOne reads the resource once, by the kind's own way if it has one.
func (r *step) readOne(ctx context.Context) error {
	if r.kind.read != nil {
		return r.kind.read(ctx, r)
	}
	return r.readGeneric(ctx)
}

func (r *step) requestPath(id string) string {
	return "/" + strings.Split(r.path, "/")[1] + "/workRequests/" + id
}

// identifier is the id of what the work request makes.
func (r *step) identifier(ctx context.Context, request string) (string, error) {
	var id string
	err := r.poll(ctx, func() (string, bool, error) {
		var wr workRequest
		if _, err := r.call(ctx, http.MethodGet, r.requestPath(request), nil, nil, &wr); err != nil {
			return "", false, err
		}
		for _, res := range wr.Resources {
			if strings.Contains(strings.ToLower(res.EntityType), r.entity) && res.ActionType != "RELATED" {
				id = res.Identifier
			}
		}
		if id == "" && wr.failed() {
			return "", false, r.requestError(ctx, request, wr.Status)
		}
		return wr.Status, id != "", nil
	})
	return id, err
}

type workRequest struct {
	Status    string
	Resources []struct{ EntityType, ActionType, Identifier string }
}

func (w workRequest) failed() bool { return w.Status == "FAILED" || w.Status == "CANCELED" }

func (r *step) waitForRequest(ctx context.Context, request string) error {
	return r.poll(ctx, func() (string, bool, error) {
		var wr workRequest
		if _, err := r.call(ctx, http.MethodGet, r.requestPath(request), nil, nil, &wr); err != nil {
			return "", false, err
		}
		if wr.failed() {
			return wr.Status, false, r.requestError(ctx, request, wr.Status)
		}
		return wr.Status, wr.Status == "SUCCEEDED", nil
	})
}

func (r *step) requestError(ctx context.Context, request, status string) error {
	type entry struct{ Code, Message string }
	var list []entry
	var raw []byte
	if _, err := r.call(ctx, http.MethodGet, r.requestPath(request)+"/errors", nil, nil, &raw); err != nil {
		return fmt.Errorf("work request %s: %s; its errors: %w", request, status, err)
	}
	if err := decodeItems(raw, &list); err != nil {
		return fmt.Errorf("work request %s: %s; its errors: %w", request, status, err)
	}
	var texts []string
	for _, e := range list {
		texts = append(texts, e.Code+": "+e.Message)
	}
	return &failure{fmt.Sprintf("work request %s: %s: %s", request, status, strings.Join(texts, "; "))}
}
