// Package acmetest runs an ACME server, Let's Encrypt's own for tests, with a DNS server that tells it the addresses of
// hosts.
package acmetest

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"oke-guestbook/app/internal/apptest"
)

// Server is an ACME server. It knows no host until Resolve names one.
type Server struct {
	Directory   string            // URL
	Certificate *x509.Certificate // of that URL

	t        *testing.T
	port     int
	validity time.Duration
	dns      *challtestsrv.ChallSrv
	resolver string

	mu      sync.Mutex
	handler http.Handler
	roots   *x509.CertPool
	orders  int
}

// Start runs a server until the test ends. It looks for hosts on the given port, in place of 443, and its certificates
// are valid for so long.
func Start(t *testing.T, port int, validity time.Duration) *Server {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0") // each request is sent once
	quiet := log.New(io.Discard, "", 0)
	s := &Server{t: t, port: port, validity: validity, resolver: apptest.FreeAddress(t)}
	var err error
	if s.dns, err = challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{s.resolver}, Log: quiet}); err != nil {
		t.Fatal(err)
	}
	s.dns.SetDefaultDNSIPv4("")
	s.dns.SetDefaultDNSIPv6("")
	go s.dns.Run()
	t.Cleanup(s.dns.Shutdown)
	s.Forget()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if r.URL.Path == "/order-plz" {
			s.orders++
		}
		handler := s.handler
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.Directory, s.Certificate = server.URL+wfe.DirectoryPath, server.Certificate()
	return s
}

// Forget makes the server forget all accounts and orders, and gives it another key.
func (s *Server) Forget() {
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default": {ValidityPeriod: uint64(s.validity / time.Second)},
	})
	front := wfe.New(quiet, store, va.New(quiet, 0, s.port, false, s.resolver, store), authority, nil, false, false, 0, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = front.Handler()
	s.roots = x509.NewCertPool()
	s.roots.AddCert(authority.GetRootCert(0).Cert)
}

// Resolve makes the host's name lead to this machine.
func (s *Server) Resolve(host string) { s.dns.AddDNSARecord(host, []string{"127.0.0.1"}) }

// Roots returns the server's root certificate.
func (s *Server) Roots() *x509.CertPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roots
}

// Orders returns how many orders were made.
func (s *Server) Orders() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders
}
