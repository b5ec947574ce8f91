package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
)

// 100 connections are opened and 10 are allowed: every request is answered, and the 10 newest connections stay open.
func TestConnectionLimit(t *testing.T) {
	limiter := &connLimiter{limit: 10}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = limiter.connState // Start wraps it
	server.Start()
	defer server.Close()

	request := func(conn net.Conn) error {
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
		if err := request(conn); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		// The server reports a connection as idle just after the response.
		want := min(i+1, 10)
		apptest.Eventually(t, fmt.Sprintf("%d idle connections", want), func() bool { return idle(limiter) == want })
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		if err := request(conn); (err == nil) != (i >= 90) {
			t.Errorf("second request on connection %d: %v", i, err)
		}
	}
}

func idle(l *connLimiter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, since := range l.conns {
		if !since.IsZero() {
			n++
		}
	}
	return n
}
