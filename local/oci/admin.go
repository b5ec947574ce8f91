package oci

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Item is one line of the inventory.
type Item struct {
	Kind           string `json:"kind"`
	ID             string `json:"id"`
	DisplayName    string `json:"displayName"`
	LifecycleState string `json:"lifecycleState"`
	CompartmentID  string `json:"compartmentId"`
}

// Fault makes requests or work requests fail. One without Status and WorkRequest only delays.
type Fault struct {
	Method string `json:"method,omitempty"` // empty: any
	Path   string `json:"path,omitempty"`   // a pattern of path.Match, "/20160918/vcns/*"; empty: any
	Status int    `json:"status,omitempty"` // of the answer
	// WorkRequest is an operation type, such as NODEPOOL_CREATE, whose next work requests fail; or LAUNCH_INSTANCE, which
	// makes a node pool's instances fail to start.
	WorkRequest string `json:"workRequest,omitempty"`
	Code        string `json:"code,omitempty"`    // default InternalServerError
	Message     string `json:"message,omitempty"` // default "injected fault"; "Out of host capacity." is a usual one
	Count       int    `json:"count,omitempty"`   // how often; 0: until the faults are deleted
	// LatencyMs delays each request that matches, in milliseconds.
	LatencyMs int `json:"latencyMs,omitempty"`
	// Probability from 0 to 1 that a match fails; 0 means 1.
	Probability float64 `json:"probability,omitempty"`
}

// faults are those that were injected. They are not part of the state: a restart forgets them.
type faults struct {
	mu   sync.Mutex
	list []*Fault
}

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

func (f *Fault) failure() *Failure {
	return fail(cmp.Or(f.Status, http.StatusInternalServerError), cmp.Or(f.Code, "InternalServerError"), "%s", cmp.Or(f.Message, "injected fault"))
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
	if fault.Status == 0 {
		return nil
	}
	return fault.failure()
}

// workRequest returns the failure that is to end a work request of this type, or nil.
func (f *faults) workRequest(operation string) *Failure {
	fault := f.take(func(fault *Fault) bool { return fault.WorkRequest == operation })
	if fault == nil {
		return nil
	}
	return fault.failure()
}

// Inventory lists everything that exists, oldest first: what is not in a terminal state, and work requests under way.
func (s *Server) Inventory() []Item {
	items := []Item{}
	_ = s.view(func(t *tx) error {
		for _, r := range s.store.sorted(func(r *resource) bool { return r.Gone == nil }) {
			items = append(items, Item{
				Kind: r.Kind, ID: r.ID, DisplayName: cmp.Or(str(r.Doc, "displayName"), str(r.Doc, "name"), str(r.Doc, "operationType")),
				LifecycleState: cmp.Or(r.state(), str(r.Doc, "status")), CompartmentID: str(r.Doc, "compartmentId"),
			})
		}
		return nil
	})
	return items
}

// adminRoutes are unsigned and for callers on this machine only.
func (s *Server) adminRoutes() {
	local := func(pattern string, h http.HandlerFunc) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !net.ParseIP(host).IsLoopback() {
				s.write(w, nil, fail(http.StatusForbidden, "NotAllowed", "admin paths answer on loopback only"))
				return
			}
			h(w, r)
		})
	}
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, &answer{Body: object{"status": "ok"}}, nil)
	})
	local("GET /admin/inventory", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, &answer{Body: s.Inventory()}, nil)
	})
	local("GET /admin/faults", func(w http.ResponseWriter, r *http.Request) {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.write(w, &answer{Body: slices.Clone(s.faults.list)}, nil)
	})
	local("POST /admin/faults", func(w http.ResponseWriter, r *http.Request) {
		fault := &Fault{}
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		dec.DisallowUnknownFields()
		if err := dec.Decode(fault); err != nil {
			s.write(w, nil, invalid("fault: %v", err))
			return
		}
		if err := s.Inject(*fault); err != nil {
			s.write(w, nil, invalid("%v", err))
			return
		}
		s.write(w, &answer{Status: http.StatusNoContent}, nil)
	})
	local("DELETE /admin/faults", func(w http.ResponseWriter, r *http.Request) {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.list = nil
		s.write(w, &answer{Status: http.StatusNoContent}, nil)
	})
}

// Inject adds a fault.
func (s *Server) Inject(f Fault) error {
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("path %q: %w", f.Path, err)
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("status %d: must be from 400 to 599", f.Status)
	}
	if f.Probability < 0 || f.Probability > 1 || f.Count < 0 || f.LatencyMs < 0 {
		return fmt.Errorf("probability must be from 0 to 1, count and latencyMs not negative")
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
	return nil
}

// defaultLimits are service limits of the kind that users meet: how many there may be of a kind, and three others.
var defaultLimits = map[string]int{
	"vcn": 50, "subnet": 300, "routetable": 300, "securitylist": 300, "networksecuritygroup": 120,
	"cluster": 15, "nodepool": 50, "nodes-per-pool": 1000, "loadbalancer": 50, "volume": 1000, "publicip": 50,
	"security-rules-per-list-and-direction": 200, "route-rules-per-table": 200, "bastion": 20,
}

// LimitNames returns the names that Config.Limits knows.
func LimitNames() []string { return slices.Sorted(maps.Keys(defaultLimits)) }

func withDefaultLimits(given map[string]int) (map[string]int, error) {
	limits := maps.Clone(defaultLimits)
	for name, n := range given {
		if _, ok := limits[name]; !ok {
			return nil, fmt.Errorf("limit %q: must be one of %v", name, LimitNames())
		}
		limits[name] = n
	}
	return limits, nil
}

// limit refuses a resource beyond the number that the tenancy may have.
func (t *tx) limit(kind string) error {
	n, ok := t.s.limits[kind]
	if ok && len(t.all(kind)) >= n {
		return limitExceeded("The following service limits were exceeded: %s-count. Request a service limit increase from the service limits page in the console.", kind)
	}
	return nil
}
