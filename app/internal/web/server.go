// Package web serves the guestbook's pages.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"oke-guestbook/app/internal/entry"
)

// Store reads and writes entries. It is safe for concurrent use.
type Store interface {
	// Page returns up to limit entries, newest first, after the first skip ones, and the number of all entries.
	Page(ctx context.Context, skip, limit int) ([]entry.Entry, int, error)
	// Add stores a draft and returns its entry. It is idempotent.
	Add(context.Context, entry.Draft) (entry.Entry, error)
	// Ready returns an error if the database cannot be used.
	Ready(context.Context) error
}

// Config is the configuration of a Server. All fields but Title are required.
type Config struct {
	Store          Store
	Title          string         // default: "Guestbook" in the reader's language
	PageSize       int            // entries on a page
	TimeZone       *time.Location // of the times shown to readers without JavaScript
	SignsPerMinute int            // entries of one client
	ReadsPerSecond int            // other requests of one client
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto are trusted
	Log            *slog.Logger
	Metrics        prometheus.Registerer
}

// Server serves the guestbook's pages and probes.
type Server struct {
	cfg      Config
	pages    pages
	latest   *latest
	ready    *readiness
	reads    *limiter
	signs    *limiter
	forms    [formGroups]chan struct{} // semaphores: forms that are being read or stored
	origin   *http.CrossOriginProtection
	metrics  metrics
	draining atomic.Bool
}

// New returns a Server and registers its metrics.
func New(cfg Config) *Server {
	s := &Server{
		cfg:     cfg,
		pages:   parsePages(cfg.TimeZone),
		reads:   newLimiter(float64(cfg.ReadsPerSecond), 3*cfg.ReadsPerSecond),
		signs:   newLimiter(float64(cfg.SignsPerMinute)/60, cfg.SignsPerMinute),
		origin:  http.NewCrossOriginProtection(),
		metrics: newMetrics(cfg.Metrics),
	}
	for i := range s.forms {
		s.forms[i] = make(chan struct{}, maxForms/formGroups)
	}
	s.latest = &latest{read: s.readLatest}
	s.ready = &readiness{ask: cfg.Store.Ready}
	return s
}

// Handler returns the handler of the public port: pages and probes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.limitReads(s.page))
	mux.HandleFunc("POST /{$}", s.sign)
	mux.Handle("/{$}", s.limitReads(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, POST")
		plainText(w, http.StatusMethodNotAllowed, "This page takes GET, HEAD and POST.")
	}))
	mux.Handle("GET /entries", s.limitReads(s.news))
	mux.Handle("GET /static/{file}", s.limitReads(s.static))
	mux.Handle("/", s.limitReads(s.notFound))
	s.HandleProbes(mux)
	return s.observe(s.secure(mux))
}

// HandleProbes registers /livez and /readyz.
func (s *Server) HandleProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			plainText(w, http.StatusServiceUnavailable, "draining")
			return
		}
		// The probe is public: the reason goes to the log only.
		if err := s.ready.check(r.Context()); err != nil {
			s.metrics.databaseUp.Set(0)
			s.log(r).Warn("not ready", slog.String("error", err.Error()))
			plainText(w, http.StatusServiceUnavailable, "the database cannot be used")
			return
		}
		s.metrics.databaseUp.Set(1)
		plainText(w, http.StatusOK, "ready")
	})
}

// Drain makes /readyz fail and closes connections after their next response. Requests are still served.
func (s *Server) Drain() { s.draining.Store(true) }

func (s *Server) limitReads(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.tooFast(w, r) {
			next(w, r)
		}
	})
}

// tooFast counts a request of the client. If there were too many, it answers with status 429 and returns true.
func (s *Server) tooFast(w http.ResponseWriter, r *http.Request) bool {
	wait := s.reads.take(s.client(r))
	if wait == 0 {
		return false
	}
	setRetryAfter(w, wait)
	t := pick(r.Header.Get("Accept-Language"))
	s.plain(w, r, http.StatusTooManyRequests, t.Slow, t.SlowText)
	return true
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	t := pick(r.Header.Get("Accept-Language"))
	s.plain(w, r, http.StatusNotFound, t.NoPage, t.NoPageText)
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
