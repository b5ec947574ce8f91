package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"oke-guestbook/app/internal/acmetest"
	"oke-guestbook/app/internal/apptest"
)

// passOn is a load balancer that passes connections on to the targets in turn, each with a header of the PROXY protocol
// that names the same visitor.
func passOn(t *testing.T, targets ...string) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var turn atomic.Int64
	serve := func(client net.Conn) {
		defer client.Close()
		target, err := net.Dial("tcp", targets[int(turn.Add(1))%len(targets)])
		if err != nil {
			return
		}
		defer target.Close()
		visitor := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 4711}
		_, _ = proxyproto.HeaderProxyFromAddrs(2, visitor, client.LocalAddr()).WriteTo(target)
		go func() {
			_, _ = io.Copy(target, client)
			_ = target.(*net.TCPConn).CloseWrite()
		}()
		_, _ = io.Copy(client, target)
	}
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go serve(conn)
		}
	}()
	return l.Addr()
}

// Two frontends behind a load balancer obtain one certificate: the ACME server asks either of them, whichever ordered.
// They are processes of their own, so that the database is all that they share.
func TestHTTPS(t *testing.T) {
	const host = "guestbook.example.com"
	first, second := apptest.FreeAddress(t), apptest.FreeAddress(t)
	balancer := passOn(t, first, second)
	acme := acmetest.Start(t, balancer.(*net.TCPAddr).Port, 90*24*time.Hour)
	acme.Resolve(host)
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: acme.Certificate.Raw}
	if err := os.WriteFile(trusted, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var frontends []*exec.Cmd
	var logs [2]apptest.Buffer
	db := apptest.StartDB(t).URI
	for i, address := range []string{first, second} {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = []string{
			"GUESTBOOK_AS_PROCESS=1", "MONGODB_URI=" + db, "DRAIN_DELAY=0s",
			"LISTEN_ADDRESS=127.0.0.1:0", "METRICS_ADDRESS=127.0.0.1:0", "PROXY_PROTOCOL_FROM=127.0.0.0/8",
			"TLS_ADDRESS=" + address, "TLS_HOSTNAME=" + host, "ACME_DIRECTORY=" + acme.Directory, "SSL_CERT_FILE=" + trusted,
		}
		cmd.Stdout, cmd.Stderr = &logs[i], &logs[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		frontends = append(frontends, cmd)
	}

	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: acme.Roots(), ServerName: host},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, balancer.String())
		},
	}
	var page *http.Response
	visit := func() bool {
		response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + host)
		if err != nil {
			return false
		}
		response.Body.Close()
		page = response
		return response.StatusCode == http.StatusOK
	}
	apptest.Eventually(t, "a page of each frontend", func() bool {
		for range 2 {
			if !visit() {
				return false
			}
		}
		return true
	})
	if acme.Orders() != 1 {
		t.Errorf("%d orders", acme.Orders())
	}
	if cookie := page.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie %q", cookie)
	}
	for i, cmd := range frontends {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v:\n%s", err, logs[i].String())
		}
		if !strings.Contains(logs[i].String(), `"https":"`) {
			t.Errorf("the log lacks the address of HTTPS:\n%s", logs[i].String())
		}
	}
}
