package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	signs      *prometheus.CounterVec
	databaseUp prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guestbook_http_requests_total", Help: "Requests answered, by route and status code.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "guestbook_http_request_duration_seconds", Help: "Time to answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
		signs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guestbook_signs_total", Help: "Entries sent, by result: signed, invalid, limited, forbidden, failed.",
		}, []string{"result"}),
		databaseUp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "guestbook_database_up", Help: "1 if the database answered when /readyz was last asked, else 0.",
		}),
	}
	for _, result := range []string{"signed", "invalid", "limited", "forbidden", "failed"} {
		m.signs.WithLabelValues(result) // exported as 0 from the start, so that rates are right
	}
	reg.MustRegister(m.requests, m.duration, m.signs, m.databaseUp)
	return m
}

// requestIDKey is the context key of the request's id.
type requestIDKey struct{}

// requestIDs matches the values of X-Request-Id that are accepted from clients.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

func requestID(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	return id
}

func (s *Server) log(r *http.Request) *slog.Logger {
	return s.cfg.Log.With(slog.String("request", requestID(r)))
}

// observe counts and logs each request under its id: a valid X-Request-Id of the client, or a new one.
// If a handler panics, it answers with status 500.
//
// It does not use promhttp.InstrumentHandlerCounter and InstrumentHandlerDuration: they replace only the two lines that
// count, and would miss what the ServeMux answers itself (redirects) and handlers that panic.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get("X-Request-Id")
		if !requestIDs.MatchString(id) {
			id = random()
		}
		w.Header().Set("X-Request-Id", id)
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		response := &recorder{ResponseWriter: w}

		defer func() {
			if failure := recover(); failure != nil {
				s.log(r).Error("panic",
					slog.String("error", fmt.Sprint(failure)), slog.String("stack", string(debug.Stack())))
				if response.status == 0 {
					t := pick(r.Header.Get("Accept-Language"))
					plainText(response, http.StatusInternalServerError, t.Broken+". "+t.BrokenText+" "+t.Reference+" "+id)
				}
			}
			route, took := r.Pattern, time.Since(began)
			s.metrics.requests.WithLabelValues(route, strconv.Itoa(response.status)).Inc()
			s.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
			level := slog.LevelInfo
			if route == "GET /livez" || route == "GET /readyz" || route == "GET /entries" {
				level = slog.LevelDebug // frequent and uninteresting
			}
			if s.cfg.Log.Enabled(r.Context(), level) {
				s.log(r).Log(r.Context(), level, "request",
					slog.String("method", r.Method), slog.String("path", r.URL.Path),
					slog.Int("status", response.status), slog.Int("bytes", response.bytes),
					slog.Duration("took", took), slog.String("client", s.clientAddr(r).String()))
			}
		}()
		next.ServeHTTP(response, r)
	})
}

// recorder records the response's status (0 before the header is written) and size in bytes.
// httpsnoop would replace it, but adds 1.5 MB (9 %) to the binary.
type recorder struct {
	http.ResponseWriter
	status, bytes int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// secure sets the security headers.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if s.https(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if s.draining.Load() {
			h.Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
