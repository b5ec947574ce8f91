package balancer_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"oke-guestbook/local/cloud"
)

// certificate returns a self-signed certificate for a server or client and its key, in PEM form.
func certificate(t testing.TB, host string) (certPEM, keyPEM string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER := x509.MarshalPKCS1PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: keyDER}))
}

func serverTLS(t testing.TB, host string) *cloud.TLS {
	t.Helper()
	cert, key := certificate(t, host)
	return &cloud.TLS{CertificatePEM: cert, PrivateKeyPEM: key}
}

// secureClient is a client that trusts a certificate.
func secureClient(t testing.TB, ca string, config *tls.Config) *http.Client {
	t.Helper()
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM([]byte(ca))
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: limit}
}

func TestTLSTermination(t *testing.T) {
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto+" "+r.Header.Get("X-Forwarded-Proto"))
	})
	for _, test := range []struct {
		protocol, proto, body string
	}{
		{"HTTP", "HTTP/1.1", "HTTP/1.1 https"},
		{"HTTP2", "HTTP/2.0", "HTTP/1.1 https"},
		{"TCP", "HTTP/1.1", "HTTP/1.1 "},
	} {
		t.Run(test.protocol, func(t *testing.T) {
			f := start(t, cloud.Listener{Protocol: test.protocol, TLS: serverTLS(t, "guestbook.example")}, webSet(echo))
			config := f.lb.Listeners[0].TLS
			client := secureClient(t, config.CertificatePEM, new(tls.Config))
			resp, err := client.Get("https://" + f.address())
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.Proto != test.proto || string(body) != test.body {
				t.Errorf("%s: %q, want %s: %q", resp.Proto, body, test.proto, test.body)
			}
		})
	}
}

func TestRenewedCertificateIsServed(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP", TLS: serverTLS(t, "old.example")}, webSet(named(t, "a")...))
	f.lb.Listeners = []cloud.Listener{f.lb.Listeners[0]}
	f.lb.Listeners[0].TLS = serverTLS(t, "new.example")
	f.apply()
	conn, err := tls.Dial("tcp", f.address(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.ConnectionState().PeerCertificates[0].VerifyHostname("new.example"); err != nil {
		t.Error(err)
	}
	f.lb.Listeners = []cloud.Listener{f.lb.Listeners[0]}
	f.lb.Listeners[0].TLS = nil
	f.apply()
	if _, body := f.get("/"); body != "a" {
		t.Errorf("answer %q after TLS was switched off", body)
	}
}

func TestProtocolsAndCiphers(t *testing.T) {
	for _, test := range []struct {
		name              string
		protocols         []string
		ciphers           []string
		client            *tls.Config
		version, suite    uint16
		refused           bool
		configurationFail string
	}{
		{name: "default", version: tls.VersionTLS12},
		{name: "TLS 1.3", protocols: []string{"TLSv1.2", "TLSv1.3"}, version: tls.VersionTLS13},
		{
			name:    "cipher",
			ciphers: []string{"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-SHA"},
			version: tls.VersionTLS12, suite: tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		{
			name: "CHACHA20", ciphers: []string{"ECDHE-RSA-CHACHA20-POLY1305"},
			version: tls.VersionTLS12, suite: tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		{
			name: "plain RSA", ciphers: []string{"AES128-GCM-SHA256"},
			client:  &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
			version: tls.VersionTLS12, suite: tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		},
		{
			name: "old client", protocols: []string{"TLSv1.3"}, client: &tls.Config{MaxVersion: tls.VersionTLS12},
			refused: true,
		},
		{
			name: "unknown ciphers", ciphers: []string{"CAMELLIA128-SHA"},
			configurationFail: "Go has none of the ciphers CAMELLIA128-SHA",
		},
		{name: "unknown protocol", protocols: []string{"SSLv3"}, configurationFail: `unknown protocol "SSLv3"`},
		{
			name: "ciphers of both versions", protocols: []string{"TLSv1.2", "TLSv1.3"},
			ciphers: []string{"TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"}, version: tls.VersionTLS13,
		},
		{
			name: "ciphers of TLS 1.3 alone", protocols: []string{"TLSv1.2", "TLSv1.3"},
			ciphers: []string{"TLS_AES_128_GCM_SHA256"}, client: &tls.Config{MaxVersion: tls.VersionTLS12}, refused: true,
		},
		{
			name: "ciphers of TLS 1.2 alone", protocols: []string{"TLSv1.2", "TLSv1.3"},
			ciphers: []string{"ECDHE-RSA-AES128-GCM-SHA256"}, version: tls.VersionTLS12,
		},
		{
			name: "TLS 1.3 without its ciphers", protocols: []string{"TLSv1.3"},
			ciphers: []string{"ECDHE-RSA-AES128-GCM-SHA256"}, configurationFail: "no cipher of it",
		},
		{
			name: "TLS 1.2 without its ciphers", protocols: []string{"TLSv1.2"},
			ciphers: []string{"TLS_AES_128_GCM_SHA256"}, configurationFail: "Go has none",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, cloud.Listener{Protocol: "HTTP", TLS: serverTLS(t, "guestbook.example")}, webSet(named(t, "a")...))
			config := *f.lb.Listeners[0].TLS
			config.Protocols, config.Ciphers = test.protocols, test.ciphers
			f.lb.Listeners[0].TLS = &config
			err := f.Apply([]cloud.LoadBalancer{f.lb})
			if test.configurationFail != "" {
				if err == nil || !strings.Contains(err.Error(), test.configurationFail) {
					t.Errorf("error %v, want %q", err, test.configurationFail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			client := &tls.Config{InsecureSkipVerify: true}
			if test.client != nil {
				client.MaxVersion, client.CipherSuites = test.client.MaxVersion, test.client.CipherSuites
			}
			conn, err := tls.Dial("tcp", f.address(), client)
			if test.refused {
				if err == nil {
					t.Error("the handshake succeeds")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if state.Version != test.version || test.suite != 0 && state.CipherSuite != test.suite {
				t.Errorf("%s with %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	config := serverTLS(t, "guestbook.example")
	clientCert, clientKey := certificate(t, "client.example")
	config.CACertificatePEM, config.VerifyPeer, config.VerifyDepth = clientCert, true, 1
	f := start(t, cloud.Listener{Protocol: "HTTP", TLS: config}, webSet(named(t, "a")...))
	url := "https://" + f.address()
	if resp, err := secureClient(t, config.CertificatePEM, new(tls.Config)).Get(url); err == nil {
		resp.Body.Close()
		t.Errorf("answer %d to a client without a certificate", resp.StatusCode)
	}
	pair, err := tls.X509KeyPair([]byte(clientCert), []byte(clientKey))
	if err != nil {
		t.Fatal(err)
	}
	with := secureClient(t, config.CertificatePEM, &tls.Config{Certificates: []tls.Certificate{pair}})
	if status, body := fetch(t, with, url); status != http.StatusOK || body != "a" {
		t.Errorf("answer %d %q to a client with a certificate", status, body)
	}
}

func TestTLSToBackends(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto)
	}))
	own := serverTLS(t, "backend.example")
	pair, err := tls.X509KeyPair([]byte(own.CertificatePEM), []byte(own.PrivateKeyPEM))
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	other, _ := certificate(t, "other.example")
	set := webSet(backendOf(t, server.URL))
	for _, test := range []struct {
		name    string
		tls     *cloud.TLS
		healthy bool
	}{
		{"not verified", &cloud.TLS{}, true},
		{"verified", &cloud.TLS{VerifyPeer: true, CACertificatePEM: own.CertificatePEM}, true},
		{"of another authority", &cloud.TLS{VerifyPeer: true, CACertificatePEM: other}, false},
	} {
		for _, protocol := range []string{"HTTP", "TCP"} {
			t.Run(test.name+" "+protocol, func(t *testing.T) {
				f := start(t, cloud.Listener{Protocol: protocol}, cloud.BackendSet{Health: fastTCP})
				set.TLS, set.Health.Protocol = test.tls, protocol
				f.lb.BackendSets["set"] = set
				f.apply()
				f.waitHealth(func(h cloud.BackendHealth) bool { return h.Result != "UNKNOWN" && h.Healthy == test.healthy })
				if !test.healthy {
					return
				}
				if _, body := f.get("/"); body != "HTTP/1.1" {
					t.Errorf("answer %q, want HTTP/1.1", body)
				}
			})
		}
	}
}

func TestGRPC(t *testing.T) {
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := server.Serve(listener); err != nil {
			t.Error(err)
		}
	}()
	defer server.Stop()
	set := cloud.BackendSet{Backends: []cloud.Backend{backendOf(t, listener.Addr().String())}, Health: fastTCP}
	f := start(t, cloud.Listener{Protocol: "GRPC", TLS: serverTLS(t, "guestbook.example")}, set)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(f.lb.Listeners[0].TLS.CertificatePEM))
	conn, err := grpc.NewClient(f.address(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("status %v, %v", resp, err)
	}
	// A stream that goes on, with trailers at its end.
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "unknown"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := watch.Recv()
	if err != nil || first.Status != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("first message %v, %v", first, err)
	}
}
