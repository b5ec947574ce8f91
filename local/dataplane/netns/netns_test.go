package netns_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"

	"oke-guestbook/local/dataplane/netns"
)

func TestConnectionsStayInTheNamespace(t *testing.T) {
	n, err := netns.New()
	if err != nil {
		if os.Geteuid() != 0 {
			t.Skip("network namespaces need root:", err)
		}
		t.Fatal(err)
	}
	defer n.Close()
	listener, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, err = io.WriteString(conn, "inside")
			conn.Close()
			if err != nil {
				t.Error(err)
			}
		}
	}()
	address := listener.Addr().String()
	if conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", address); err == nil {
		conn.Close()
		t.Error("a listener of the namespace answers outside of it")
	}
	conn, err := n.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || string(text) != "inside" {
		t.Errorf("read %q, %v", text, err)
	}
}
