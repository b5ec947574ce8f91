package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections bounds the memory of one server: an idle connection takes 18 KB. maxRedirects is for the server that
// only redirects, whose connections come from a load balancer and are short. maxTLS is for HTTPS, where an idle
// connection takes 39 KB.
const (
	maxConnections = 1000
	maxRedirects   = 100
	maxTLS         = 500
)

// connLimiter limits a server's open connections. Idle connections are kept long for the load balancer (idleTimeout).
// Above the limit, the connection that has been idle longest is closed; if none is idle, the new one is.
// It is hand-written because netutil.LimitListener does not close idle connections: it lets new ones wait.
type connLimiter struct {
	limit int

	mu    sync.Mutex
	conns map[net.Conn]time.Time // when the connection became idle; zero while it is active
}

// connState implements http.Server.ConnState.
func (l *connLimiter) connState(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		if l.conns == nil {
			l.conns = map[net.Conn]time.Time{}
		}
		l.conns[conn] = time.Time{}
		if len(l.conns) > l.limit {
			_ = l.evict(conn).Close()
		}
	case http.StateActive:
		l.conns[conn] = time.Time{}
	case http.StateIdle:
		l.conns[conn] = time.Now()
	case http.StateClosed, http.StateHijacked:
		delete(l.conns, conn)
	}
}

// evict removes and returns the connection that has been idle longest, or newest if none is idle.
func (l *connLimiter) evict(newest net.Conn) net.Conn {
	evicted, since := newest, time.Time{}
	for conn, idle := range l.conns {
		if !idle.IsZero() && (since.IsZero() || idle.Before(since)) {
			evicted, since = conn, idle
		}
	}
	delete(l.conns, evicted)
	return evicted
}
