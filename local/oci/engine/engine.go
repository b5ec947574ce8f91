// Package engine is what the emulated OCI services have in common: the store with its transactions, tasks that outlive
// the process, life cycles and work requests, signatures, injected faults, the check of bodies by the SDK's models,
// lists and pages, and the admin paths. It knows no service: each registers its kinds, routes and tasks with an Engine.
package engine

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"os"

	"oke-guestbook/local/ociclient"
)

// Config is an engine's configuration.
type Config struct {
	// Dir holds the state and the credentials. It is created if it is missing. Required.
	Dir string
	// Speed divides the durations of the real service's life cycles. Default 100; 1 is as slow as the service.
	Speed float64
	// Limits are service limits by name that differ from the defaults.
	Limits map[string]int
	// Log receives requests and failures. Default: none.
	Log *slog.Logger
}

// Engine runs the emulated services: an http.Handler for their APIs and the admin paths, safe for concurrent use.
type Engine struct {
	config  Config
	log     *slog.Logger
	mux     *http.ServeMux
	store   *store
	kinds   map[string]*Kind
	tasks   map[string]taskKind
	removed map[string][]func(*Tx, *Resource) error // by kind
	limits  map[string]int
	shown   []Limit
	onStart []func(*Tx) error
	faults  faults
	permits Permits
	tagged  func(t *Tx, namespace, key string, added bool) error
	creds   ociclient.Credentials
	key     *rsa.PublicKey
	issuer  ed25519.PrivateKey // signs security tokens
	woken   chan struct{}
	changed chan struct{}
	lock    *os.File
	cancel  context.CancelFunc
	stopped chan struct{}
}

// OnStart registers a function that runs in Start, after the state was read and before any task runs.
func (e *Engine) OnStart(f func(*Tx) error) { e.onStart = append(e.onStart, f) }

// Stopped is closed when the engine has stopped.
func (e *Engine) Stopped() <-chan struct{} { return e.stopped }

// Changed receives a value after resources have changed. Changes that nobody has received yet count as one, so that it
// serves one receiver, which reads what it needs with View.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Dir returns the directory of the state, an absolute path.
func (e *Engine) Dir() string { return e.config.Dir }

// HandleOther registers a handler for a pattern of net/http's ServeMux whose requests are not OCI's REST API: it
// identifies its callers itself.
func (e *Engine) HandleOther(pattern string, h http.Handler) { e.mux.Handle(pattern, h) }

// Verify checks the signature of a request without a body, which must be the user's.
func (e *Engine) Verify(r *http.Request) error {
	who, err := e.Authenticate(r, nil, false)
	if err == nil && who.Type != UserPrincipal {
		return NotFound(r.URL.Path) // no policy is about what asks this
	}
	return err
}
