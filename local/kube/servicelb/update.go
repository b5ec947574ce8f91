package servicelb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
)

// request is an API call that the service answers with a work request.
type request struct {
	method, path string
	body         any
}

// update changes what differs from the spec, with one work request after the other.
func (b *balancers) update(ctx context.Context, lb *loadBalancer, s *spec) error {
	switch lb.LifecycleState {
	case "ACTIVE":
	case "FAILED":
		if err := b.do(ctx, request{http.MethodDelete, loadBalancerPath + "/" + lb.ID, nil}); err != nil {
			return err
		}
		return errors.New("the load balancer had failed and was deleted; a new one will be created")
	default:
		return fmt.Errorf("the load balancer is %s", lb.LifecycleState)
	}
	for _, r := range changes(lb, s) {
		if err := b.do(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// changes lists the requests that turn the load balancer into that of the spec. The order matters: a listener's backend
// set and certificate must exist, and two listeners cannot have the same port.
func changes(lb *loadBalancer, s *spec) []request {
	path := loadBalancerPath + "/" + lb.ID
	var out []request
	if lb.ShapeName != s.ShapeName || s.ShapeDetails != nil && !reflect.DeepEqual(lb.ShapeDetails, s.ShapeDetails) {
		body := object{"shapeName": s.ShapeName, "shapeDetails": s.ShapeDetails}
		out = append(out, request{http.MethodPut, path + "/updateShape", body})
	}
	if !sets.New(lb.NSGs...).Equal(sets.New(s.NSGs...)) {
		body := object{"networkSecurityGroupIds": append([]string{}, s.NSGs...)}
		out = append(out, request{http.MethodPut, path + "/networkSecurityGroups", body})
	}
	for name, cert := range s.Certificates {
		if _, ok := lb.Certificates[name]; !ok {
			out = append(out, request{http.MethodPost, path + "/certificates", cert})
		}
	}
	out = append(out, createsAndUpdates(path+"/backendSets", lb.BackendSets, s.BackendSets)...)
	out = append(out, deletes(path+"/listeners", lb.Listeners, s.Listeners)...)
	out = append(out, createsAndUpdates(path+"/listeners", lb.Listeners, s.Listeners)...)
	return append(out, deletes(path+"/backendSets", lb.BackendSets, s.BackendSets)...)
}

// part is a backend set or a listener.
type part[P any] interface {
	named(name string) P // the body of the part's creation
	equals(have P) bool  // have comes from the service
}

func createsAndUpdates[P part[P]](path string, have, want map[string]P) []request {
	var out []request
	for _, name := range sortedKeys(want) {
		if old, ok := have[name]; !ok {
			out = append(out, request{http.MethodPost, path, want[name].named(name)})
		} else if !want[name].equals(old) {
			out = append(out, request{http.MethodPut, path + "/" + name, want[name]})
		}
	}
	return out
}

func deletes[P any](path string, have, want map[string]P) []request {
	var out []request
	for _, name := range sortedKeys(have) {
		if _, ok := want[name]; !ok {
			out = append(out, request{http.MethodDelete, path + "/" + name, nil})
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (s backendSet) named(name string) backendSet {
	s.Name = name
	return s
}

func (s backendSet) equals(have backendSet) bool {
	have.Name = ""
	have.Backends = append([]backend{}, have.Backends...)
	slices.SortFunc(have.Backends, compareBackends)
	return reflect.DeepEqual(have, s)
}

func (l listener) named(name string) listener {
	l.Name = name
	return l
}

func (l listener) equals(have listener) bool {
	have.Name = ""
	if l.ConnectionConfiguration == nil {
		have.ConnectionConfiguration = nil // the service's default
	}
	return reflect.DeepEqual(have, l)
}

// do sends a request and waits for the end of its work request.
func (b *balancers) do(ctx context.Context, r request) error {
	header, err := b.OCI.Do(ctx, r.method, r.path, nil, r.body, nil)
	if err != nil {
		return err
	}
	id := header.Get("opc-work-request-id")
	if id == "" {
		return fmt.Errorf("%s %s: the answer names no work request", r.method, r.path)
	}
	var work struct {
		State   string `json:"lifecycleState"`
		Message string `json:"message"`
	}
	err = wait.PollUntilContextTimeout(ctx, b.Poll, workTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := b.OCI.Do(ctx, http.MethodGet, workRequestPath+"/"+id, nil, nil, &work)
		if err == nil && work.State == "FAILED" {
			err = errors.New(work.Message)
		}
		return work.State == "SUCCEEDED", err
	})
	if err != nil {
		return fmt.Errorf("work request %s %s: %w", id, work.State, err)
	}
	return nil
}
