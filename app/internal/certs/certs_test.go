package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"oke-guestbook/app/internal/acmetest"
	"oke-guestbook/app/internal/apptest"
)

const host = "guestbook.example.com"

// frontend is a server of HTTPS with its own manager.
type frontend struct {
	*Manager
	address string
	log     apptest.Buffer
	stop    func() // and wait until it has stopped
}

// listen returns a listener for a frontend, and its port.
func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port
}

func serve(t *testing.T, l net.Listener, storage *Storage, acme *acmetest.Server) *frontend {
	t.Helper()
	f := &frontend{address: l.Addr().String()}
	roots := x509.NewCertPool()
	roots.AddCert(acme.Certificate)
	f.Manager = New(Config{
		Host: host, Directory: acme.Directory, Roots: roots, MinVersion: tls.VersionTLS12, Storage: storage,
		Log:     slog.New(slog.NewJSONHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: prometheus.NewRegistry(),
		Retry:   100 * time.Millisecond, Check: 200 * time.Millisecond,
	}, l.Addr().(*net.TCPAddr))
	server := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") }),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	go func() { _ = server.Serve(tls.NewListener(l, f.TLS())) }()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	f.stop = func() { server.Close(); cancel(); <-done }
	t.Cleanup(f.stop)
	return f
}

// certificate returns the certificate that a visitor gets who trusts roots; nil if the connection fails.
func (f *frontend) certificate(name string, roots *x509.CertPool) *x509.Certificate {
	dialer, config := &net.Dialer{Timeout: 5 * time.Second}, &tls.Config{ServerName: name, RootCAs: roots}
	conn, err := tls.DialWithDialer(dialer, "tcp", f.address, config)
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func (f *frontend) wait(t *testing.T, roots *x509.CertPool) (c *x509.Certificate) {
	t.Helper()
	apptest.Eventually(t, "a certificate", func() bool {
		c = f.certificate(host, roots)
		return c != nil
	})
	return c
}

func (f *frontend) count(result string) float64 {
	var m dto.Metric
	_ = f.orders.WithLabelValues(result).Write(&m)
	return m.GetCounter().GetValue()
}

// expires returns when the certificate expires, by the metric; 0 without one.
func (f *frontend) expires() int64 {
	metrics := make(chan prometheus.Metric, 1)
	f.Collect(metrics)
	close(metrics)
	var m dto.Metric
	for metric := range metrics {
		_ = metric.Write(&m)
	}
	return int64(m.GetGauge().GetValue())
}

// One frontend orders the certificate, and another one takes the same.
func TestOrder(t *testing.T) {
	l, port := listen(t)
	acme := acmetest.Start(t, port, 90*24*time.Hour)
	acme.Resolve(host)
	db := storages(t, 2)
	first := serve(t, l, db[0], acme)
	c := first.wait(t, acme.Roots())
	if got := first.expires(); got != c.NotAfter.Unix() || first.count(obtained) != 1 {
		t.Errorf("metrics: expires at %d, %v orders", got, first.count(obtained))
	}
	for _, want := range []string{`"msg":"certificate obtained"`, `"level":"DEBUG","msg":"obtaining certificate"`} {
		if !strings.Contains(first.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if at, err := db[0].Expires(t.Context(), acme.Directory, host); err != nil || !at.Equal(c.NotAfter) {
		t.Errorf("the stored certificate expires at %v, %v", at, err)
	}
	l, _ = listen(t)
	second := serve(t, l, db[1], acme)
	if again := second.wait(t, acme.Roots()); !again.Equal(c) || acme.Orders() != 1 {
		t.Errorf("another certificate, or %d orders", acme.Orders())
	}
	if second.certificate("other.example.com", acme.Roots()) != nil {
		t.Error("another host has a certificate")
	}
	insecure := &tls.Config{InsecureSkipVerify: true}
	if conn, err := tls.Dial("tcp", second.address, insecure); err != nil {
		t.Errorf("without a server name: %v", err)
	} else {
		conn.Close()
	}
	insecure.MaxVersion, insecure.MinVersion = tls.VersionTLS11, tls.VersionTLS10
	if conn, err := tls.Dial("tcp", second.address, insecure); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is accepted")
	}
}

// A host without DNS record is refused. The log and a metric say so, and the order is repeated, less and less often.
func TestRefusedOrder(t *testing.T) {
	l, port := listen(t)
	acme := acmetest.Start(t, port, 90*24*time.Hour)
	f := serve(t, l, storages(t, 1)[0], acme)
	apptest.Eventually(t, "three refused orders", func() bool { return f.count(failed) >= 3 })
	if at := f.expires(); at != 0 {
		t.Errorf("a certificate expires at %d, and there is none", at)
	}
	log := f.log.String()
	for _, want := range []string{
		`"msg":"no certificate yet"`, host, "Could not resolve", `"next":100000000`, `"next":200000000`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	acme.Resolve(host)
	f.wait(t, acme.Roots())
}

// The host leads to a server that is not the guestbook.
func TestOtherServer(t *testing.T) {
	other, port := listen(t)
	defer other.Close()
	go func() {
		for conn, err := other.Accept(); err == nil; conn, err = other.Accept() {
			conn.Close()
		}
	}()
	acme := acmetest.Start(t, port, 90*24*time.Hour)
	acme.Resolve(host)
	l, _ := listen(t)
	f := serve(t, l, storages(t, 1)[0], acme)
	apptest.Eventually(t, "a refused order", func() bool { return strings.Contains(f.log.String(), "no certificate yet") })
}

// A renewed certificate is served by all frontends without a restart, and is ordered by one.
func TestRenewal(t *testing.T) {
	l, port := listen(t)
	acme := acmetest.Start(t, port, 12*time.Second)
	acme.Resolve(host)
	db := storages(t, 2)
	first := serve(t, l, db[0], acme)
	c := first.wait(t, acme.Roots())
	l, _ = listen(t)
	second := serve(t, l, db[1], acme)
	apptest.Eventually(t, "a renewed certificate at both frontends", func() bool {
		a, b := first.certificate(host, acme.Roots()), second.certificate(host, acme.Roots())
		return a != nil && b != nil && !a.Equal(c) && a.Equal(b)
	})
	if orders := first.count(obtained) + second.count(obtained); float64(acme.Orders()) != orders {
		t.Errorf("%d orders, and %v of them counted", acme.Orders(), orders)
	}
	if !strings.Contains(first.log.String()+second.log.String(), `"renewal":true`) {
		t.Error("the log does not say that the certificate was renewed")
	}
}

// The ACME server does not know the account any more, as after it was deactivated or the server was replaced.
func TestUnknownAccount(t *testing.T) {
	l, port := listen(t)
	acme := acmetest.Start(t, port, 90*24*time.Hour)
	acme.Resolve(host)
	db := storages(t, 2)
	before := serve(t, l, db[0], acme)
	before.wait(t, acme.Roots())
	before.stop()
	acme.Forget()
	if err := db[0].Delete(t.Context(), "certificates"); err != nil || !db[0].Exists(t.Context(), "acme") {
		t.Fatalf("%v, or no account was kept", err)
	}
	l, err := net.Listen("tcp", before.address)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, db[1], acme).wait(t, acme.Roots()) // those of the new server
}

// While the database is away nothing is ordered, and the certificate comes when it is back.
func TestDatabaseAway(t *testing.T) {
	l, port := listen(t)
	acme := acmetest.Start(t, port, 90*24*time.Hour)
	acme.Resolve(host)
	address := apptest.FreeAddress(t)
	f := serve(t, l, storageOf(t, "mongodb://"+address), acme)
	apptest.Eventually(t, "a failure", func() bool { return strings.Contains(f.log.String(), "lock first order") })
	apptest.StartDBAt(t, t.TempDir(), address)
	f.wait(t, acme.Roots())
	if f.count(failed) != 0 {
		t.Error("the ACME server was asked, and refused")
	}
}
