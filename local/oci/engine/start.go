package engine

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

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
		woken: make(chan struct{}, 1), changed: make(chan struct{}, 1), stopped: make(chan struct{}), lock: lock,
	}
	if e.creds, e.key, err = credentials(dir); err == nil {
		e.issuer, err = issuer(dir)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	e.addKindTasks()
	e.addAdminRoutes()
	e.mux.HandleFunc("/", e.serveUnknown)
	return e, nil
}

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
