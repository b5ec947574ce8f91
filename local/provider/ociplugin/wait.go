package ociplugin

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/ociclient"
)

// failure is the service's final answer: waiting longer does not help.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

var (
	pendingStates = []string{"PROVISIONING", "CREATING", "UPDATING", "STARTING", "RESTORING", "MOVING", "ATTACHING"}
	readyStates   = []string{"AVAILABLE", "ACTIVE", "RESERVED", "ASSIGNED", "UNASSIGNED"}
	goneStates    = []string{"TERMINATED", "DELETED", "DETACHED"}
)

// until calls check at once and then after pauses that double from first to a second, until it reports true or fails.
// It returns the check's error, or the cause of the end of ctx.
func until(ctx context.Context, first time.Duration, check func() (bool, error)) error {
	pauses := wait.Backoff{Duration: first, Factor: 2, Cap: time.Second, Steps: math.MaxInt}.DelayFunc()
	err := pauses.Until(ctx, true, true, func(context.Context) (bool, error) { return check() })
	if ctx.Err() != nil && wait.Interrupted(err) {
		return context.Cause(ctx)
	}
	return err
}

// poll calls check, at growing intervals, until it is done. It reports what it waits for.
func (r *step) poll(ctx context.Context, check func() (state string, done bool, err error)) error {
	minutes := cmp.Or(r.waitMinutes, 20)
	limit := time.Duration(minutes) * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not finished after %d minutes", minutes))
	defer cancel()
	start, reported := time.Now(), time.Now()
	state := ""
	err := until(ctx, 50*time.Millisecond, func() (bool, error) {
		now, done, err := check()
		if done || err != nil {
			return done, err
		}
		state = now
		if time.Since(reported) >= 2*time.Second {
			reported = time.Now()
			r.report("%s, %s so far", state, time.Since(start).Round(time.Second))
		}
		return false, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("waiting for %s, last state %s: %w", r.id, state, err)
	}
	return err
}

// waitFor waits for the work request, if there is one, and then for the resource to be ready.
func (r *step) waitFor(ctx context.Context, request string) error {
	if err := r.waitForRequest(ctx, request); err != nil {
		return err
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
		text := fmt.Sprintf("%s is %s%s; `pulumi up --replace URN` creates it again", r.id, state, details(r.doc))
		return state, false, &failure{text}
	})
}

func details(doc map[string]any) string {
	if text, _ := doc["lifecycleDetails"].(string); text != "" {
		return ": " + text
	}
	return ""
}

func (r *step) waitUntilGone(ctx context.Context, request string) error {
	if err := r.waitForRequest(ctx, request); err != nil {
		return err
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

type workRequest struct {
	Status        string
	OperationType string // such as CLUSTER_CREATE
	Resources     []struct{ EntityType, ActionType, Identifier string }
}

func (w workRequest) failed() bool { return w.Status == "FAILED" || w.Status == "CANCELED" }

// requestPath is the path of a work request of the kind's service and version.
func (r *step) requestPath(id string) string {
	return "/" + strings.Split(string(r.Collection), "/")[1] + "/workRequests/" + id
}

// pollRequest polls a work request until done says so. It fails when the request has failed.
func (r *step) pollRequest(ctx context.Context, request string, done func(workRequest) bool) error {
	return r.poll(ctx, func() (string, bool, error) {
		var wr workRequest
		if _, err := r.call(ctx, http.MethodGet, r.requestPath(request), nil, nil, &wr); err != nil {
			return "", false, err
		}
		if done(wr) {
			return wr.Status, true, nil
		}
		if wr.failed() {
			return wr.Status, false, r.requestError(ctx, request, wr)
		}
		return wr.Status, false, nil
	})
}

// identifier is the id of the resource that the work request creates.
func (r *step) identifier(ctx context.Context, request string) (id string, err error) {
	err = r.pollRequest(ctx, request, func(wr workRequest) bool {
		for _, res := range wr.Resources {
			if strings.Contains(strings.ToLower(res.EntityType), r.Name) && res.ActionType != "RELATED" {
				id = res.Identifier
			}
		}
		return id != ""
	})
	return id, err
}

// waitForRequest waits until the work request, if there is one, has succeeded.
func (r *step) waitForRequest(ctx context.Context, request string) error {
	if request == "" {
		return nil
	}
	return r.pollRequest(ctx, request, func(wr workRequest) bool { return wr.Status == "SUCCEEDED" })
}

func (r *step) requestError(ctx context.Context, request string, wr workRequest) error {
	list, err := r.list(ctx, r.requestPath(request)+"/errors", nil)
	if err != nil {
		return fmt.Errorf("work request %s: %s; its errors: %w", request, wr.Status, err)
	}
	var texts []string
	for _, e := range list {
		texts = append(texts, fmt.Sprintf("%v: %v", e["code"], e["message"]))
	}
	return &failure{fmt.Sprintf("work request %s %s: %s: %s", wr.OperationType, request, wr.Status,
		strings.Join(texts, "; "))}
}
