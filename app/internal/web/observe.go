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
		m.signs.WithLabelValues(result) // a rate needs the zero
	}
	reg.MustRegister(m.requests, m.duration, m.signs, m.databaseUp)
	return m
}

type contextKey struct{}

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

func requestID(r *http.Request) string {
	id, _ := r.Context().Value(contextKey{}).(string)
	return id
}

func (s *Server) log(r *http.Request) *slog.Logger {
	return s.cfg.Log.With(slog.String("request", requestID(r)))
}

// observe gives each request an id, counts it, logs it, and answers for a
// handler that panics. A request id that comes with the request is kept.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get("X-Request-Id")
		if !requestIDs.MatchString(id) {
			id = random()
		}
		w.Header().Set("X-Request-Id", id)
		r = r.WithContext(context.WithValue(r.Context(), contextKey{}, id))
		answer := &recorder{ResponseWriter: w}

		defer func() {
			if failure := recover(); failure != nil {
				s.log(r).Error("panic", slog.String("error", fmt.Sprint(failure)), slog.String("stack", string(debug.Stack())))
				if answer.status == 0 {
					t := pick(r.Header.Get("Accept-Language"))
					plainText(answer, http.StatusInternalServerError, t.Broken+". "+t.BrokenText+" "+t.Reference+" "+id)
				}
			}
			route, took := r.Pattern, time.Since(began)
			s.metrics.requests.WithLabelValues(route, strconv.Itoa(answer.status)).Inc()
			s.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
			level := slog.LevelInfo
			if route == "GET /livez" || route == "GET /readyz" || route == "GET /entries" {
				level = slog.LevelDebug // many, and dull
			}
			if s.cfg.Log.Enabled(r.Context(), level) {
				s.log(r).Log(r.Context(), level, "request",
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", answer.status),
					slog.Int("bytes", answer.bytes), slog.Duration("took", took), slog.String("client", s.clientAddr(r).String()))
			}
		}()
		next.ServeHTTP(answer, r)
	})
}

// recorder remembers what was answered.
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

// secure sets the headers that limit what a browser does with the answer.
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
