// Command guestbook serves the guestbook. It is configured by environment
// variables (README.md). "guestbook indexes" creates the database's indexes and ends.
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
	_ "time/tzdata" // the image holds no zone files

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	_ "golang.org/x/crypto/x509roots/fallback" // nor certificate authorities

	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/store"
	"oke-guestbook/app/internal/web"
)

// version is set when the image is built.
var version = "dev"

// idleTimeout is longer than OCI's load balancer keeps an idle connection (300
// s), so that it is never us who close one that it is about to use. Oracle asks
// for 310 s: Load Balancing, "Connection Management", "Keep-Alive Settings".
const idleTimeout = 320 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, nil); err != nil {
		fmt.Fprintln(os.Stderr, "guestbook:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains. It calls started, if not nil, with
// the addresses that it listens on.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, started func(pages, metrics net.Addr)) error {
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
	switch {
	case len(args) == 0:
		return serve(ctx, cfg, db, log, started)
	case len(args) == 1 && args[0] == "indexes":
		return db.EnsureIndexes(ctx)
	}
	return fmt.Errorf("%q: the only argument is \"indexes\"", args)
}

func serve(ctx context.Context, cfg config.Config, db *store.Store, log *slog.Logger, started func(pages, metrics net.Addr)) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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
	log.Info("started", slog.String("version", version), slog.String("pages", pages.Addr().String()), slog.String("metrics", metrics.Addr().String()))
	if started != nil {
		started(pages.Addr(), metrics.Addr())
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	// Not ready at once, but at work until the load balancer has seen it.
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
		ConnState:         (&crowd{most: maxConnections}).state,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
