package engine

import (
	"cmp"
	"encoding/json"
	"net"
	"net/http"
	"slices"
)

// Item is one line of the inventory.
type Item struct {
	Kind           string `json:"kind"`
	ID             string `json:"id"`
	DisplayName    string `json:"displayName"`
	LifecycleState string `json:"lifecycleState"`
	CompartmentID  string `json:"compartmentId"`
}

// Inventory lists all resources that are not in a terminal state, and work requests in progress, oldest first.
func (e *Engine) Inventory() []Item {
	items := []Item{}
	_ = e.View(func(t *Tx) error {
		for _, r := range t.list(func(r *Resource) bool { return r.Removed == nil }) {
			items = append(items, Item{
				Kind: r.Kind, ID: r.ID, CompartmentID: r.Doc.Str("compartmentId"),
				DisplayName:    cmp.Or(r.Doc.Str("displayName"), r.Doc.Str("name"), r.Doc.Str("operationType")),
				LifecycleState: cmp.Or(r.State(), r.Doc.Str("status")),
			})
		}
		return nil
	})
	return items
}

// HandleUnsigned registers a route for unsigned requests of callers on this machine only.
func (e *Engine) HandleUnsigned(pattern string, h func(*http.Request) (*Answer, error)) {
	e.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !net.ParseIP(host).IsLoopback() {
			write(w, nil, Fail(http.StatusForbidden, "NotAllowed", "unsigned requests are answered on loopback only"))
			return
		}
		a, err := h(r)
		write(w, a, err)
	})
}

func (e *Engine) addAdminRoutes() {
	handle := e.HandleUnsigned
	e.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		write(w, &Answer{Body: Doc{"status": "ok"}}, nil)
	})
	handle("GET /admin/inventory", func(*http.Request) (*Answer, error) { return &Answer{Body: e.Inventory()}, nil })
	handle("GET /admin/faults", func(*http.Request) (*Answer, error) {
		e.faults.mu.Lock()
		defer e.faults.mu.Unlock()
		return &Answer{Body: slices.Clone(e.faults.list)}, nil
	})
	handle("POST /admin/faults", func(r *http.Request) (*Answer, error) {
		var fault Fault
		dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&fault); err != nil {
			return nil, Invalid("fault: %v", err)
		}
		if err := e.Inject(fault); err != nil {
			return nil, Invalid("%v", err)
		}
		return &Answer{Status: http.StatusNoContent}, nil
	})
	handle("DELETE /admin/faults", func(*http.Request) (*Answer, error) {
		e.faults.mu.Lock()
		defer e.faults.mu.Unlock()
		e.faults.list = nil
		return &Answer{Status: http.StatusNoContent}, nil
	})
}
