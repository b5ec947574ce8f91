// Package oci emulates the REST API of Oracle Cloud Infrastructure as far as an OKE cluster, its network and its
// users' load balancers and volumes go: the same paths and bodies, life cycles that take their time, the service's
// checks with the service's codes. Everything is in one region and one compartment of one tenancy.
package oci

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
)

// Config is what a Server needs.
type Config struct {
	// Dir holds the state and the credentials. It is made if it is missing. Required.
	Dir string
	// Speed divides the durations of the real service's life cycles. Default 100; 1 is as slow as the service.
	Speed float64
	// ControlPlane runs the clusters' control planes. Without one, clusters become ACTIVE and have no API.
	ControlPlane cloud.ControlPlane
	// Limits are service limits by name, as in LimitNames. Default: the usual ones of a paying tenancy.
	Limits map[string]int
	// Log is where requests and failures go. Default: nowhere.
	Log *slog.Logger
}

// Server is the emulator: an http.Handler for the service's API and the admin paths. It is safe for concurrent use.
type Server struct {
	config   Config
	log      *slog.Logger
	store    *store
	kinds    map[string]*kind
	ops      map[string]op
	faults   faults
	mux      *http.ServeMux
	creds    ociclient.Credentials
	key      *rsa.PublicKey
	limits   map[string]int
	woken    chan struct{}
	lock     *os.File
	cancel   context.CancelFunc
	stopped  chan struct{}
	resumed  []chan error
	restarts map[string]chan error // by cluster
}

// New opens the local cloud whose state is in config.Dir, or makes an empty one there. Life cycles that were under way
// continue, and active clusters' control planes start again: Resume waits for them. Close stops it.
func New(config Config) (*Server, error) {
	config.Speed = cmp.Or(config.Speed, 100)
	if config.Speed < 0 {
		return nil, fmt.Errorf("speed %v: must be positive", config.Speed)
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, err
	}
	config.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory of the local cloud: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s, err := open(config, dir)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s.lock = lock
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.loop(ctx)
	return s, nil
}

// lockDir keeps a second daemon off the state. The lock goes with the process, however that ends.
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

// open reads or makes what is in dir.
func open(config Config, dir string) (*Server, error) {
	s := &Server{
		config: config, log: config.Log, mux: http.NewServeMux(), kinds: map[string]*kind{},
		woken: make(chan struct{}, 1), stopped: make(chan struct{}), restarts: map[string]chan error{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.limits, err = withDefaultLimits(config.Limits); err != nil {
		return nil, err
	}
	if s.creds, s.key, err = credentials(dir); err != nil {
		return nil, err
	}
	if s.store, err = openStore(dir); err != nil {
		return nil, err
	}
	s.routes()
	if err := s.checkOps(); err != nil {
		return nil, err
	}
	return s, s.queueRestarts()
}

// Close stops the life cycles and waits until what was being done has ended. The state is on disk at any time.
func (s *Server) Close() error {
	s.cancel()
	<-s.stopped
	return s.lock.Close()
}

// Credentials returns the API key that requests must be signed with. Dir/config holds the same as an OCI CLI configuration.
func (s *Server) Credentials() ociclient.Credentials { return s.creds }

// LoadCredentials returns the API key of the local cloud in dir, which New would return, and makes one where there is
// none: whoever calls the cloud back needs it before the cloud is up.
func LoadCredentials(dir string) (ociclient.Credentials, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ociclient.Credentials{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ociclient.Credentials{}, fmt.Errorf("directory of the local cloud: %w", err)
	}
	creds, _, err := credentials(dir)
	return creds, err
}

// Config file of the OCI CLI and the SDKs, with the profile DEFAULT, and its key.
const (
	ConfigFile = "config"
	KeyFile    = "key.pem"
)

// routes registers everything that is served.
func (s *Server) routes() {
	s.ops = map[string]op{"settle": {change: settle}, "remove": {change: remove}}
	s.networkRoutes()
	s.computeRoutes()
	s.blockStorageRoutes()
	s.containerEngineRoutes()
	s.identityRoutes()
	s.loadBalancerRoutes()
	s.objectStorageRoutes()
	s.bastionRoutes()
	s.loggingRoutes()
	s.adminRoutes()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.log.Error("no such route", "method", r.Method, "path", r.URL.Path)
		s.write(w, nil, notImplemented("the local cloud has no %s %s", r.Method, r.URL.Path))
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	s.mux.ServeHTTP(rec, r)
	s.log.Debug("request", "method", r.Method, "uri", r.URL.RequestURI(), "status", rec.status, "took", time.Since(began))
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// answer is what a handler returns: a status (default 200), headers, and a body that is encoded as JSON or, if it is
// []byte, sent as it is.
type answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   any               `json:"body,omitempty"`

	made string // OCID of the resource that the request made
	// then makes the answer after the transaction has ended.
	then func(context.Context) (*answer, error)
}

func (s *Server) write(w http.ResponseWriter, a *answer, err error) {
	w.Header().Set("opc-request-id", newRequestID())
	if err != nil {
		f := asFailure(err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		_ = json.NewEncoder(w).Encode(f)
		return
	}
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	if raw, ok := a.Body.([]byte); ok {
		w.WriteHeader(cmp.Or(a.Status, http.StatusOK))
		_, _ = w.Write(raw)
		return
	}
	if a.Body != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(cmp.Or(a.Status, http.StatusOK))
	if a.Body != nil {
		_ = json.NewEncoder(w).Encode(a.Body)
	}
}
