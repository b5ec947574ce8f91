package servicelb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
)

// request is an API call that the service answers with a work request.
type request struct {
	method, path string
	body         any
}

// impossible returns an error if the spec asks for what a load balancer cannot become.
func impossible(lb *loadBalancer, s *spec) error {
	if lb.toFixedShape(s) {
		return fmt.Errorf("a flexible load balancer cannot get the fixed shape %s", s.ShapeName)
	}
	if have := lb.reservedAddress(); have != s.address {
		return fmt.Errorf("the reserved address of a load balancer cannot change: it has %q, the Service asks for %q",
			have, s.address)
	}
	return nil
}

func (lb *loadBalancer) toFixedShape(s *spec) bool {
	return lb.ShapeName == flexibleShape && s.ShapeName != flexibleShape
}

// uploads lists the requests that add missing certificates. One of the same name stays, whatever it contains.
func uploads(lb *loadBalancer, s *spec) []request {
	var out []request
	for _, name := range sortedKeys(s.Certificates) {
		if _, ok := lb.Certificates[name]; !ok {
			out = append(out, request{http.MethodPost, lb.path() + "/certificates", s.Certificates[name]})
		}
	}
	return out
}

// changes lists the requests that then turn the load balancer into that of the spec, in OKE's order. A listener's
// backend set must exist, and two listeners cannot have the same port.
func changes(lb *loadBalancer, s *spec) []request {
	path := lb.path()
	listeners := keepNames(lb.Listeners, s.Listeners)
	var out []request
	if s.RuleSets != nil { // a rule set must exist before a listener names it
		out = append(out, createsAndUpdates(path+"/ruleSets", lb.RuleSets, s.RuleSets)...)
	}
	out = append(out, deletes(path+"/listeners", lb.Listeners, listeners)...)
	out = append(out, deletes(path+"/backendSets", lb.BackendSets, s.BackendSets)...)
	out = append(out, createsAndUpdates(path+"/backendSets", lb.BackendSets, s.BackendSets)...)
	out = append(out, createsAndUpdates(path+"/listeners", lb.Listeners, listeners)...)
	if s.RuleSets != nil {
		out = append(out, deletes(path+"/ruleSets", lb.RuleSets, s.RuleSets)...)
	}
	if !sets.New(lb.NSGs...).Equal(sets.New(s.NSGs...)) {
		body := object{"networkSecurityGroupIds": append([]string{}, s.NSGs...)}
		out = append(out, request{http.MethodPut, path + "/networkSecurityGroups", body})
	}
	otherMbps := s.ShapeDetails != nil && !reflect.DeepEqual(lb.ShapeDetails, s.ShapeDetails)
	if (otherMbps || lb.ShapeName != s.ShapeName) && !lb.toFixedShape(s) {
		body := object{"shapeName": s.ShapeName, "shapeDetails": s.ShapeDetails}
		out = append(out, request{http.MethodPut, path + "/updateShape", body})
	}
	return out
}

// backendChanges lists the requests that update the backend sets that the load balancer has and should have.
func backendChanges(lb *loadBalancer, s *spec) []request {
	want := maps.Clone(s.BackendSets)
	maps.DeleteFunc(want, func(name string, _ backendSet) bool {
		_, ok := lb.BackendSets[name]
		return !ok
	})
	return createsAndUpdates(lb.path()+"/backendSets", lb.BackendSets, want)
}

// keepNames returns the wanted listeners under the names that they have: a listener whose protocol changes between TCP
// and HTTP is updated in place, and so are those whose names have a third part.
func keepNames(have, want map[string]listener) map[string]listener {
	out := map[string]listener{}
	for name, l := range want {
		kept := false
		for old := range have {
			if sanitized(old) == sanitized(name) {
				out[old], kept = l, true
			}
		}
		if !kept {
			out[name] = l
		}
	}
	return out
}

// sanitized is a listener's name for comparisons: with TCP for HTTP, and without a third part.
func sanitized(name string) string {
	parts := strings.Split(name, "-")
	if strings.EqualFold(parts[0], "HTTP") {
		parts[0] = "TCP"
	}
	return strings.Join(parts[:min(len(parts), 2)], "-")
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

// equals compares backends by address and port only, so that other weights and drained backends stay.
func (s backendSet) equals(have backendSet) bool {
	endpoints := sets.New[string]()
	for _, b := range s.Backends {
		endpoints.Insert(b.endpoint())
	}
	for _, b := range have.Backends {
		if !endpoints.Has(b.endpoint()) {
			return false
		}
	}
	return len(have.Backends) == len(endpoints) && have.Policy == s.Policy && have.HealthChecker == s.HealthChecker &&
		isSet(have.PreserveSource) == isSet(s.PreserveSource) && have.SSLConfiguration == nil && !s.plainText
}

// isSet takes nil for false, as OKE does.
func isSet(flag *bool) bool { return flag != nil && *flag }

func (b backend) endpoint() string { return fmt.Sprintf("%s:%d", b.IPAddress, b.Port) }

// named leaves the rule sets out, as OKE does: the next synchronization adds them.
func (l listener) named(name string) listener {
	l.Name, l.RuleSetNames = name, nil
	return l
}

func (l listener) equals(have listener) bool {
	have.Name = ""
	if l.ConnectionConfiguration == nil {
		have.ConnectionConfiguration = nil // the service's default
	}
	if have.SSLConfiguration != nil && l.SSLConfiguration != nil && l.SSLConfiguration.CipherSuiteName == "" {
		have.SSLConfiguration = new(*have.SSLConfiguration)
		have.SSLConfiguration.tlsSettings = l.SSLConfiguration.tlsSettings // not looked at without a suite
	}
	if l.RuleSetNames == nil {
		have.RuleSetNames = nil // not looked at without the annotation
	} else {
		have.RuleSetNames = append([]string{}, have.RuleSetNames...)
		slices.Sort(have.RuleSetNames)
	}
	have.PPv2, l.PPv2 = new(isSet(have.PPv2)), new(isSet(l.PPv2))
	return reflect.DeepEqual(have, l)
}

func (r ruleSet) named(name string) ruleSet {
	r.Name = name
	return r
}

func (r ruleSet) equals(have ruleSet) bool { return reflect.DeepEqual(have.Items, r.Items) }

func (b *balancers) doAll(ctx context.Context, requests []request) error {
	for _, r := range requests {
		if err := b.do(ctx, r); err != nil {
			return err
		}
	}
	return nil
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
	workRequests := workRequestPath
	if strings.HasPrefix(r.path, networkPath) {
		workRequests = networkWorkPath
	}
	var work struct {
		State   string `json:"lifecycleState"`
		Status  string `json:"status"` // in place of the state, of network load balancers
		Message string `json:"message"`
	}
	err = wait.PollUntilContextTimeout(ctx, b.Poll, workTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := b.OCI.Do(ctx, http.MethodGet, workRequests+"/"+id, nil, nil, &work)
		work.State = cmp.Or(work.Status, work.State)
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
