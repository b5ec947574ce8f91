// Package engine is what the emulated OCI services have in common: the store with its transactions, tasks that outlive
// the process, life cycles and work requests, signatures, injected faults, the check of bodies by the SDK's models,
// lists and pages, and the admin paths. It knows no service: each registers its kinds, routes and tasks with an Engine.
package engine

import (
	"cmp"
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

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
	onStart []func(*Tx) error
	faults  faults
	creds   ociclient.Credentials
	key     *rsa.PublicKey
	woken   chan struct{}
	lock    *os.File
	cancel  context.CancelFunc
	stopped chan struct{}
}

// New takes over config.Dir and makes an engine without any service. After the services have registered, call Start.
func New(config Config) (*Engine, error) {
	config.Speed = cmp.Or(config.Speed, 100)
	if config.Speed < 0 {
		return nil, fmt.Errorf("speed %v: must be positive", config.Speed)
	}
	dir, err := makeDir(config.Dir)
	if err != nil {
		return nil, err
	}
	config.Dir = dir
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: config, log: config.Log, mux: http.NewServeMux(), store: &store{}, kinds: map[string]*Kind{},
		tasks: map[string]taskKind{}, removed: map[string][]func(*Tx, *Resource) error{}, limits: map[string]int{},
		woken: make(chan struct{}, 1), stopped: make(chan struct{}), lock: lock,
	}
	if e.creds, e.key, err = credentials(dir); err != nil {
		lock.Close()
		return nil, err
	}
	e.addKindTasks()
	e.addAdminRoutes()
	e.mux.HandleFunc("/", e.serveUnknown)
	return e, nil
}

// API returns what a service registers its routes with. base is the path of the API's version.
func (e *Engine) API(base string) API { return API{e, base} }

// OnStart registers a function that runs in Start, after the state was read and before any task runs.
func (e *Engine) OnStart(f func(*Tx) error) { e.onStart = append(e.onStart, f) }

// Start reads the state, or begins an empty one, and continues the life cycles that were under way. When it fails, the
// engine has released its directory.
func (e *Engine) Start() error {
	if err := e.prepare(); err != nil {
		e.lock.Close()
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	go e.loop(ctx)
	return nil
}

func (e *Engine) prepare() error {
	if err := e.setLimits(e.config.Limits); err != nil {
		return err
	}
	if err := e.store.open(e.config.Dir, e.kinds); err != nil {
		return err
	}
	if err := e.checkTasks(); err != nil {
		return err
	}
	return e.Update(func(t *Tx) error {
		for _, f := range e.onStart {
			if err := f(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close stops the life cycles and waits for the tasks that run. The state is on disk at any time.
func (e *Engine) Close() error {
	e.cancel()
	<-e.stopped
	return e.lock.Close()
}

// Stopped is closed when the engine has stopped.
func (e *Engine) Stopped() <-chan struct{} { return e.stopped }

// Dir returns the directory of the state, an absolute path.
func (e *Engine) Dir() string { return e.config.Dir }

func makeDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("directory of the local cloud: %w", err)
	}
	return dir, nil
}

// lockDir refuses a second daemon on the same state. The lock ends with the process, however that ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("directory of the local cloud: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("directory of the local cloud: another process uses %s: %w", dir, err)
	}
	return f, nil
}
