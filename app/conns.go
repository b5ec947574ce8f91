package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections bounds memory: a connection holds 18 KB while it is idle.
const maxConnections = 1000

// crowd keeps a server's connections to a number. Idle ones are kept long for
// the load balancer's sake (idleTimeout), so when there are too many, the one
// that has been idle longest makes room; if none is idle, the newcomer leaves.
type crowd struct {
	most int

	mu    sync.Mutex
	conns map[net.Conn]time.Time // since when idle; zero: at work
}

// state is for http.Server.ConnState.
func (c *crowd) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if c.conns == nil {
			c.conns = map[net.Conn]time.Time{}
		}
		c.conns[conn] = time.Time{}
		if len(c.conns) > c.most {
			_ = c.leave(conn).Close()
		}
	case http.StateActive:
		c.conns[conn] = time.Time{}
	case http.StateIdle:
		c.conns[conn] = time.Now()
	case http.StateClosed, http.StateHijacked:
		delete(c.conns, conn)
	}
}

// leave chooses who goes.
func (c *crowd) leave(newcomer net.Conn) net.Conn {
	who, since := newcomer, time.Time{}
	for conn, idle := range c.conns {
		if !idle.IsZero() && (since.IsZero() || idle.Before(since)) {
			who, since = conn, idle
		}
	}
	delete(c.conns, who)
	return who
}
