// Package certs obtains the guestbook's certificate from an ACME server (RFC 8555) and renews it, once for all
// frontends: they share it in the database. The server proves the host name by a connection to port 443 of it, with the
// protocol acme-tls/1 (RFC 8737), which any frontend can answer.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/prometheus/client_golang/prometheus"
)

// Config says which certificate to obtain, and from whom.
type Config struct {
	Host       string         // name of the certificate, in lower case
	Directory  string         // URL of the ACME server's directory
	Email      string         // where the server's operator writes to; may be empty
	Roots      *x509.CertPool // of the server; nil: those that the system trusts
	MinVersion uint16         // of TLS
	Storage    *Storage
	Log        *slog.Logger
	Metrics    prometheus.Registerer

	Retry time.Duration // first pause after a refused order, which doubles up to 30 times as much. Default a minute
	Check time.Duration // how often renewal is considered. Default 10 minutes
}

// Manager serves the certificate and keeps it valid.
type Manager struct {
	cfg    Config
	cache  *certmagic.Cache
	magic  *certmagic.Config
	first  *certmagic.Config // for the first order, whose pauses are Run's
	orders *prometheus.CounterVec
}

// once is an issuer whose refusal certmagic does not repeat by itself.
type once struct{ *certmagic.ACMEIssuer }

// Issue implements certmagic.Issuer.
func (o once) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	issued, err := o.ACMEIssuer.Issue(ctx, csr)
	if err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	return issued, nil
}

// New returns a manager of the certificate of a server, which listens on address: to there port 443 of the host leads.
func New(cfg Config, address *net.TCPAddr) *Manager {
	if cfg.Retry == 0 {
		cfg.Retry = time.Minute
	}
	m := &Manager{cfg: cfg, orders: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "guestbook_certificate_orders_total", Help: "Certificates that this replica ordered, by result.",
	}, []string{"result"})}
	for _, result := range []string{obtained, failed} {
		m.orders.WithLabelValues(result) // exported as 0 from the start, so that rates are right
	}
	cfg.Metrics.MustRegister(m.orders, m)

	details := newDebug(cfg.Log)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		RenewCheckInterval: cfg.Check,
		Logger:             details,
	})
	settings := certmagic.Config{
		Storage:           cfg.Storage,
		DefaultServerName: cfg.Host,
		OnEvent:           m.event,
		OCSP:              certmagic.OCSPConfig{DisableStapling: true},
		Logger:            details,
	}
	m.magic = certmagic.New(m.cache, settings)
	issuer := certmagic.NewACMEIssuer(m.magic, certmagic.ACMEIssuer{
		CA:                   cfg.Directory,
		Email:                cfg.Email,
		Agreed:               true,
		TrustedRoots:         cfg.Roots,
		DisableHTTPChallenge: true,
		ListenHost:           address.IP.String(),
		AltTLSALPNPort:       address.Port,
		Logger:               details,
	})
	m.magic.Issuers = []certmagic.Issuer{issuer}
	settings.Issuers = []certmagic.Issuer{once{issuer}}
	m.first = certmagic.New(m.cache, settings)
	return m
}

// Results of an order.
const (
	obtained = "obtained"
	failed   = "failed"
)

// event counts and logs what certmagic did.
func (m *Manager) event(_ context.Context, event string, data map[string]any) error {
	renewal, _ := data["renewal"].(bool)
	log := m.cfg.Log.With(slog.String("host", m.cfg.Host), slog.Bool("renewal", renewal))
	switch event {
	case "cert_obtained":
		m.orders.WithLabelValues(obtained).Inc()
		log.Info("certificate obtained")
	case "cert_failed":
		m.orders.WithLabelValues(failed).Inc()
		log.Error("certificate refused", slog.String("error", fmt.Sprint(data["error"])))
	}
	return nil
}

// Run loads the certificate, or orders it if no frontend has yet, and renews it until ctx is done.
func (m *Manager) Run(ctx context.Context) {
	defer m.cache.Stop()
	locked := false
	for pause := m.cfg.Retry; ctx.Err() == nil; pause = min(2*pause, 30*m.cfg.Retry) {
		err := m.obtain(ctx, &locked)
		if err == nil {
			break
		}
		m.cfg.Log.Warn("no certificate yet", slog.String("host", m.cfg.Host), slog.Duration("next", pause),
			slog.String("error", err.Error()))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if locked {
		_ = m.cfg.Storage.Unlock(ctx, firstOrder) // or it counts as abandoned soon
	}
	<-ctx.Done()
}

const firstOrder = "first order"

// obtain loads the certificate into memory, after ordering it if need be. The lock is kept after a refusal: only one
// frontend repeats the order, as refusals count against the limits of the ACME server.
func (m *Manager) obtain(ctx context.Context, locked *bool) error {
	if !*locked {
		if err := m.cfg.Storage.Lock(ctx, firstOrder); err != nil {
			return err
		}
		*locked = true
	}
	if err := m.first.ObtainCertAsync(ctx, m.cfg.Host); err != nil {
		return err
	}
	if _, err := m.magic.CacheManagedCertificate(ctx, m.cfg.Host); err != nil {
		return err
	}
	return m.cache.RenewManagedCertificates(ctx) // which it may need at once, after a long pause
}

// TLS returns the configuration of the server. Connections with another host name are refused without asking the
// database about it.
func (m *Manager) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: m.cfg.MinVersion,
		NextProtos: []string{"http/1.1", acmez.ACMETLS1Protocol},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "" && !strings.EqualFold(hello.ServerName, m.cfg.Host) {
				return nil, fmt.Errorf("%q is not the host name of this guestbook, %s", hello.ServerName, m.cfg.Host)
			}
			return m.magic.GetCertificate(hello)
		},
	}
}

var expires = prometheus.NewDesc("guestbook_certificate_expires_timestamp_seconds",
	"Unix time at which the certificate expires that this replica serves.", nil, nil)

// Describe implements prometheus.Collector.
func (m *Manager) Describe(out chan<- *prometheus.Desc) { out <- expires }

// Collect implements prometheus.Collector. There is no value while there is no certificate.
func (m *Manager) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.cache.AllMatchingCertificates(m.cfg.Host) {
		out <- prometheus.MustNewConstMetric(expires, prometheus.GaugeValue, float64(c.Leaf.NotAfter.Unix()))
		return
	}
}
