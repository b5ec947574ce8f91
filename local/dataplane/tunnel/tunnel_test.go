package tunnel

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// echo listens and answers with what it was sent, after the other side has closed its direction.
func echo(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(conn)
			_, _ = conn.Write(text)
			conn.Close()
		}
	}()
	return l
}

func TestATunnelEndsOneDirectionAtATime(t *testing.T) {
	target := echo(t)
	path := filepath.Join(t.TempDir(), "s")
	socket, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: Handler(new(net.Dialer).DialContext)}
	go func() { _ = server.Serve(socket) }() // ends with Close
	defer server.Close()

	entrance, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer entrance.Close()
	go Forward(entrance, func(ctx context.Context) (net.Conn, error) {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return nil, err
		}
		return Connect(ctx, conn, target.Addr().String())
	})
	conn, err := net.Dial("tcp", entrance.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || string(text) != "hello" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestConnectTellsWhyThereIsNoTunnel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	socket, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: Handler(new(net.Dialer).DialContext)}
	go func() { _ = server.Serve(socket) }() // ends with Close
	defer server.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Connect(t.Context(), conn, "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("connecting to a closed port: %v", err)
	}
}

func TestListenRefusesWhatCannotBeASocket(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", MaxPath))
	if _, err := Listen(long); err == nil || !strings.Contains(err.Error(), "LOCAL_DIR") {
		t.Errorf("a long path: %v", err)
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(path); err == nil {
		t.Error("a second listener took over the path of the first")
	}
}
