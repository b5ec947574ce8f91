// Command guestbook serves the guestbook and, as "guestbook help" says, does the chores around its database. It is
// configured by environment variables (README.md).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // the image has no time zone database

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	_ "golang.org/x/crypto/x509roots/fallback" // the image has no CA certificates

	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/store"
	"oke-guestbook/app/internal/web"
)

// version is set by the linker when the image is built.
var version = "dev"

// idleTimeout is how long an idle connection stays open. OCI's load balancer closes its idle connections after 300 s.
// The server's limit is longer, so that it never closes a connection that the load balancer is about to use.
// Oracle recommends at least 310 s: Load Balancing, "Connection Management", "Keep-Alive Settings".
const idleTimeout = 320 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal, restore the default handling: a second one ends the process immediately.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, nil); err != nil {
		fmt.Fprintln(os.Stderr, "guestbook:", err)
		os.Exit(1)
	}
}

// startedFunc is called with the addresses that the servers listen on.
type startedFunc func(pages, metrics net.Addr)

// run runs the command of args. Without one it serves until ctx is done, then drains and shuts down. It writes the log
// to out. started may be nil.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, started startedFunc) error {
	if len(args) > 0 {
		return chore(ctx, args, getenv, out)
	}
	cfg, err := config.Load(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: cfg.LogLevel}))
	db, err := store.Open(store.Config{
		URI: cfg.MongoURI, Database: cfg.MongoDatabase,
		Username: cfg.MongoUser, PasswordFile: cfg.MongoPassFile, AuthSource: cfg.MongoAuthSource,
		Timeout: cfg.MongoTimeout, Connections: cfg.MongoConnections, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), cfg.MongoTimeout)
		defer cancel()
		_ = db.Close(ctx)
	}()
	return serve(ctx, cfg, db, log, started)
}

func serve(ctx context.Context, cfg config.Config, db *store.Store, log *slog.Logger, started startedFunc) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		lastBackup{db, cfg.MongoTimeout})
	site := web.New(web.Config{
		Store: db, Title: cfg.Title, PageSize: cfg.PageSize, TimeZone: cfg.TimeZone,
		SignsPerMinute: cfg.SignsPerMinute, ReadsPerSecond: cfg.ReadsPerSecond, TrustedProxies: cfg.TrustedProxies,
		Log: log, Metrics: registry,
	})
	private := http.NewServeMux()
	private.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	site.HandleProbes(private)

	pages, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("LISTEN_ADDRESS: %w", err)
	}
	defer pages.Close()
	metrics, err := net.Listen("tcp", cfg.Metrics)
	if err != nil {
		return fmt.Errorf("METRICS_ADDRESS: %w", err)
	}
	defer metrics.Close()

	public := newServer(site.Handler(), log)
	inner := newServer(private, log)
	failed := make(chan error, 2)
	go func() { failed <- public.Serve(pages) }()
	go func() { failed <- inner.Serve(metrics) }()
	log.Info("started", slog.String("version", version),
		slog.String("pages", pages.Addr().String()), slog.String("metrics", metrics.Addr().String()))
	if started != nil {
		started(pages.Addr(), metrics.Addr())
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	// Readiness fails immediately, but requests are served until the load balancer has noticed.
	site.Drain()
	log.Info("draining", slog.Duration("for", cfg.DrainDelay))
	select {
	case err := <-failed:
		return err
	case <-time.After(cfg.DrainDelay):
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	err = errors.Join(public.Shutdown(ctx), inner.Shutdown(ctx))
	log.Info("stopped")
	return err
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       idleTimeout,
		ConnState:         (&connLimiter{limit: maxConnections}).connState,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
