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
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // the image has no time zone database

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	_ "golang.org/x/crypto/x509roots/fallback" // the image has no CA certificates

	"oke-guestbook/app/internal/certs"
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

// addresses are what the servers listen on. There may be no server that redirects, and none of HTTPS.
type addresses struct{ pages, metrics, redirect, tls net.Addr }

// run runs the command of args. Without one it serves until ctx is done, then drains and shuts down. It writes the log
// to out. started may be nil.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer, started func(addresses)) error {
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

func serve(
	ctx context.Context, cfg config.Config, db *store.Store, log *slog.Logger, started func(addresses),
) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		lastBackup{db, cfg.MongoTimeout})
	site := web.New(web.Config{
		Store: db, Title: cfg.Title, PageSize: cfg.PageSize, TimeZone: cfg.TimeZone,
		SignsPerMinute: cfg.SignsPerMinute, ReadsPerSecond: cfg.ReadsPerSecond, TrustedProxies: cfg.TrustedProxies,
		Log: log, Metrics: registry,
	})
	group := servers{log: log, proxies: cfg.ProxyProtocol}
	defer group.close()
	bound, err := listen(&group, cfg, site, registry)
	if err != nil {
		return err
	}
	if cfg.TLS != "" {
		certificates := certs.New(certs.Config{
			Host: cfg.TLSHost, MinVersion: cfg.TLSMinimum, Directory: cfg.ACMEDirectory, Email: cfg.ACMEEmail,
			Storage: &certs.Storage{Collection: db.Certificates}, Log: log, Metrics: registry,
		}, bound.tls.(*net.TCPAddr))
		group.encrypt(certificates.TLS())
		var running sync.WaitGroup
		defer running.Wait()
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		running.Go(func() { certificates.Run(ctx) })
	}
	group.start()
	log.Info("started", bound.attributes()...)
	if started != nil {
		started(bound)
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

// listen adds the servers to the group: that of HTTPS last.
func listen(
	group *servers, cfg config.Config, site *web.Server, registry *prometheus.Registry,
) (bound addresses, err error) {
	private := http.NewServeMux()
	private.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	site.HandleProbes(private)
	if bound.pages, err = group.listen("LISTEN_ADDRESS", cfg.Listen, site.Handler(), maxConnections); err != nil {
		return bound, err
	}
	if bound.metrics, err = group.listen("METRICS_ADDRESS", cfg.Metrics, private, maxConnections); err != nil {
		return bound, err
	}
	if cfg.Redirect != "" {
		redirect := web.RedirectToHTTPS(cfg.RedirectTo)
		bound.redirect, err = group.listen("REDIRECT_ADDRESS", cfg.Redirect, redirect, maxRedirects)
	}
	if err == nil && cfg.TLS != "" {
		bound.tls, err = group.listen("TLS_ADDRESS", cfg.TLS, site.Handler(), maxTLS)
	}
	return bound, err
}

// attributes returns the addresses for the log.
func (a addresses) attributes() []any {
	fields := []any{slog.String("version", version)}
	for _, address := range []struct {
		name string
		net.Addr
	}{{"pages", a.pages}, {"metrics", a.metrics}, {"redirect", a.redirect}, {"https", a.tls}} {
		if address.Addr != nil {
			fields = append(fields, slog.String(address.name, address.String()))
		}
	}
	return fields
}
