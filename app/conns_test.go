package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A hundred connections want in where ten fit: the newest ten stay, and
// everybody is answered.
func TestCrowd(t *testing.T) {
	c := &crowd{most: 10}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	// After the test server's own bookkeeping, which Start wraps around this.
	server.Config.ConnState = c.state
	server.Start()
	defer server.Close()

	ask := func(conn net.Conn) error {
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	var conns []net.Conn
	for i := range 100 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := ask(conn); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		// The server tells of idleness just after it has answered.
		for deadline := time.Now().Add(5 * time.Second); idle(c) != min(i+1, 10); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections are idle after %d have come", idle(c), i+1)
			}
		}
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		if err := ask(conn); (err == nil) != (i >= 90) {
			t.Errorf("connection %d, asked again: %v", i, err)
		}
	}
}

func idle(c *crowd) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, since := range c.conns {
		if !since.IsZero() {
			n++
		}
	}
	return n
}
