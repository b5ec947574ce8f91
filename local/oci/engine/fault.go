package engine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Fault makes requests or work requests fail. One without Status and WorkRequest only delays.
type Fault struct {
	Method string `json:"method,omitempty"` // empty: any
	Path   string `json:"path,omitempty"`   // a pattern of path.Match, "/20160918/vcns/*"; empty: any
	Status int    `json:"status,omitempty"` // of the answer
	// WorkRequest is an operation type, such as NODEPOOL_CREATE, whose next work requests fail; or LAUNCH_INSTANCE, which
	// makes a node pool's instances fail to start.
	WorkRequest string `json:"workRequest,omitempty"`
	// AvailabilityDomain is the only one in which LAUNCH_INSTANCE fails; empty: in each.
	AvailabilityDomain string `json:"availabilityDomain,omitempty"`

	Code    string `json:"code,omitempty"`    // default InternalServerError
	Message string `json:"message,omitempty"` // default "injected fault"; a usual one: "Out of host capacity."
	Count   int    `json:"count,omitempty"`   // how often; 0: until the faults are deleted
	// LatencyMs delays each request that matches, in milliseconds.
	LatencyMs int `json:"latencyMs,omitempty"`
	// SkewSeconds is how far the service's clock is ahead of this machine's, in answers to requests that match. More than
	// five minutes, or less than minus five, refuse the request.
	SkewSeconds int `json:"skewSeconds,omitempty"`
	// Probability from 0 to 1 that a match fails; 0 means 1.
	Probability float64 `json:"probability,omitempty"`
}

func (f *Fault) failure() *Failure {
	status := cmp.Or(f.Status, http.StatusInternalServerError)
	return Fail(status, cmp.Or(f.Code, "InternalServerError"), "%s", cmp.Or(f.Message, "injected fault"))
}

func (f *Fault) check() error {
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("path %q: %w", f.Path, err)
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("status %d: must be from 400 to 599", f.Status)
	}
	if f.Probability < 0 || f.Probability > 1 || f.Count < 0 || f.LatencyMs < 0 {
		return fmt.Errorf("probability must be from 0 to 1, count and latencyMs not negative")
	}
	return nil
}

// faults are the injected ones. They are not part of the state: a restart removes them.
type faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Inject adds a fault.
func (e *Engine) Inject(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.list = append(e.faults.list, &f)
	return nil
}

// take returns a fault that matches, and counts it; or nil.
func (f *faults) take(match func(*Fault) bool) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if !match(fault) || rand.Float64() >= cmp.Or(fault.Probability, 1) {
			continue
		}
		if fault.Count == 1 {
			f.list = slices.Delete(f.list, i, i+1)
		} else if fault.Count > 1 {
			fault.Count--
		}
		taken := *fault
		return &taken
	}
	return nil
}

// apply delays or refuses a request that a fault matches.
func (f *faults) apply(r *http.Request) error {
	fault := f.take(func(fault *Fault) bool {
		ok, _ := path.Match(fault.Path, r.URL.Path)
		return fault.WorkRequest == "" && (fault.Method == "" || fault.Method == r.Method) && (fault.Path == "" || ok)
	})
	if fault == nil {
		return nil
	}
	if fault.LatencyMs > 0 {
		select {
		case <-time.After(time.Duration(fault.LatencyMs) * time.Millisecond):
		case <-r.Context().Done():
		}
	}
	if fault.SkewSeconds != 0 {
		return fault.skew(r)
	}
	if fault.Status == 0 {
		return nil
	}
	return fault.failure()
}

// skew gives the answer the date of the service's clock, and refuses the request if that is too far off.
func (f *Fault) skew(r *http.Request) error {
	off := time.Duration(f.SkewSeconds) * time.Second
	if header, ok := r.Context().Value(answerHeader{}).(http.Header); ok {
		header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
	}
	if off.Abs() <= maxSkew {
		return nil
	}
	return notAuthenticated("the request's date is %s off: the clocks differ by more than %s", off, maxSkew)
}

// LaunchInstance is the operation type of a node pool's instances in faults.
const LaunchInstance = "LAUNCH_INSTANCE"

// launches reports whether the fault is for instances in an availability domain.
func (f *Fault) launches(domain string) bool {
	return f.WorkRequest == LaunchInstance && (f.AvailabilityDomain == "" || f.AvailabilityDomain == domain)
}

// LacksCapacity reports whether a fault waits for an instance in an availability domain. It does not count it.
func (t *Tx) LacksCapacity(domain string) bool {
	t.e.faults.mu.Lock()
	defer t.e.faults.mu.Unlock()
	return slices.ContainsFunc(t.e.faults.list, func(f *Fault) bool { return f.launches(domain) })
}

// LaunchFailure returns the injected failure of an instance in an availability domain, or nil.
func (t *Tx) LaunchFailure(domain string) *Failure {
	return t.e.faults.failure(func(f *Fault) bool { return f.launches(domain) })
}

// WorkFailure returns the injected failure of a work request of this operation type, or nil.
func (t *Tx) WorkFailure(operation string) *Failure {
	return t.e.faults.failure(func(f *Fault) bool { return f.WorkRequest == operation })
}

// failure is that of a fault that matches, which it counts, or nil.
func (f *faults) failure(match func(*Fault) bool) *Failure {
	if fault := f.take(match); fault != nil {
		return fault.failure()
	}
	return nil
}
