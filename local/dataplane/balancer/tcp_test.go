package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"oke-guestbook/local/cloud"
)

// tcpServer starts a backend that handles connections with a function.
func tcpServer(t testing.TB, handle func(*net.TCPConn)) cloud.Backend {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn.(*net.TCPConn))
			}()
		}
	}()
	return backendOf(t, listener.Addr().String())
}

// echo starts a backend that answers with what it gets.
func echo(t testing.TB) cloud.Backend {
	t.Helper()
	return tcpServer(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
}

func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func dial(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// say sends a text and wants it back.
func say(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("read %q, %v, want %q", got, err, text)
	}
}

func TestTCPHalfClose(t *testing.T) {
	backend := tcpServer(t, func(conn *net.TCPConn) {
		all, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "%d bytes", len(all))
	})
	f := start(t, cloud.Listener{Protocol: "TCP"}, cloud.BackendSet{Backends: []cloud.Backend{backend}, Health: fastTCP})
	conn := dial(t, f.address())
	_, err := conn.Write(make([]byte, 100000))
	if err = errors.Join(err, conn.CloseWrite()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "100000 bytes" {
		t.Errorf("read %q, %v after the end of sending", got, err)
	}
}

func TestTCPIdleTimeout(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "TCP", IdleSeconds: 1},
		cloud.BackendSet{Backends: []cloud.Backend{echo(t)}, Health: fastTCP})
	conn := dial(t, f.address())
	ticker := time.NewTicker(400 * time.Millisecond)
	defer ticker.Stop()
	for range 4 {
		say(t, conn, "busy")
		<-ticker.C
	}
	idleFrom := time.Now()
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("an idle connection does not end: %v", err)
	}
	if idle := time.Since(idleFrom); idle > 2*time.Second {
		t.Errorf("the connection ended after %s, want 1s", idle)
	}
}

func TestTCPConnectionOutlivesItsBackendInTheSet(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "TCP"}, cloud.BackendSet{Backends: []cloud.Backend{echo(t)}, Health: fastTCP})
	conn := dial(t, f.address())
	say(t, conn, "before")
	f.setBackends()
	say(t, conn, "after")
	fresh := dial(t, f.address())
	if n, err := fresh.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a connection without a backend: read %d bytes, %v", n, err)
	}
}

func TestProxyProtocol(t *testing.T) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listener := &proxyproto.Listener{Listener: inner}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if header := conn.(*proxyproto.Conn).ProxyHeader(); header != nil {
						fmt.Fprintf(conn, "version %d from %s", header.Version, conn.RemoteAddr())
					}
					conn.Close()
				}
			}()
			set := cloud.BackendSet{Backends: []cloud.Backend{backendOf(t, inner.Addr().String())}, Health: fastTCP}
			f := start(t, cloud.Listener{Protocol: "TCP", ProxyProtocol: version}, set)
			conn := dial(t, f.address())
			want := fmt.Sprintf("version %d from %s", version, conn.LocalAddr())
			if got, err := io.ReadAll(conn); err != nil || string(got) != want {
				t.Errorf("read %q, %v, want %q", got, err, want)
			}
		})
	}
}
