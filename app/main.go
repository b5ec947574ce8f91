// Command guestbook serves the guestbook and, as "guestbook help" says, does the chores around its database. It is
// configured by environment variables (README.md).
package main

import (
	"context"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// After the first signal, restore the default handling: a second one ends the process immediately.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, nil); err != nil {
		fmt.Fprintln(os.Stderr, "guestbook:", err)
		os.Exit(1)
	}
}

// startedFunc is called with the addresses that the servers listen on. redirect is nil without REDIRECT_ADDRESS.
type startedFunc func(pages, metrics, redirect net.Addr)

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

	group := servers{log: log}
	defer group.close()
	pages, err := group.listen("LISTEN_ADDRESS", cfg.Listen, site.Handler(), maxConnections)
	if err != nil {
		return err
	}
	group.bound[0] = withVisitors(group.bound[0], cfg.ProxyProtocol)
	metrics, err := group.listen("METRICS_ADDRESS", cfg.Metrics, private, maxConnections)
	if err != nil {
		return err
	}
	fields := []any{
		slog.String("version", version), slog.String("pages", pages.String()), slog.String("metrics", metrics.String()),
	}
	var redirect net.Addr
	if cfg.Redirect != "" {
		redirect, err = group.listen("REDIRECT_ADDRESS", cfg.Redirect, web.RedirectToHTTPS(cfg.RedirectTo), maxRedirects)
		if err != nil {
			return err
		}
		fields = append(fields, slog.String("redirect", redirect.String()))
	}
	group.start()
	log.Info("started", fields...)
	if started != nil {
		started(pages, metrics, redirect)
	}
	select {
	case err := <-group.failed:
		return err
	case <-ctx.Done():
	}

	// Readiness fails immediately, but requests are served until the load balancer has noticed.
	site.Drain()
	log.Info("draining", slog.Duration("for", cfg.DrainDelay))
	select {
	case err := <-group.failed:
		return err
	case <-time.After(cfg.DrainDelay):
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	err = group.shutdown(ctx)
	log.Info("stopped")
	return err
}
