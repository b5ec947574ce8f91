package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// idleTimeout is how long an idle connection stays open. OCI's load balancer closes its idle connections after 300 s.
// The server's limit is longer, so that it never closes a connection that the load balancer is about to use.
// Oracle recommends at least 310 s: Load Balancing, "Connection Management", "Keep-Alive Settings".
const idleTimeout = 320 * time.Second

// servers are the listening servers of the process.
type servers struct {
	log     *slog.Logger
	proxies []netip.Prefix // senders of headers of the PROXY protocol
	list    []*http.Server
	bound   []net.Listener
	failed  chan error // what ended a server by itself
}

// listen adds a server with at most so many open connections, and returns its address. setting names the one that
// address comes from.
func (s *servers) listen(setting, address string, h http.Handler, connections int) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	s.bound = append(s.bound, withVisitors(l, s.proxies))
	s.list = append(s.list, &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       idleTimeout,
		ConnState:         (&connLimiter{limit: connections}).connState,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	})
	return l.Addr(), nil
}

// encrypt makes the last server one of HTTPS.
func (s *servers) encrypt(config *tls.Config) {
	last := len(s.bound) - 1
	s.bound[last] = tls.NewListener(s.bound[last], config)
}

// start serves, each server in the background.
func (s *servers) start() {
	s.failed = make(chan error, len(s.list))
	for i, server := range s.list {
		go func() { s.failed <- server.Serve(s.bound[i]) }()
	}
}

// shutdown ends the servers when their requests have ended, or ctx is done.
func (s *servers) shutdown(ctx context.Context) error {
	var errs []error
	for _, server := range s.list {
		errs = append(errs, server.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// close stops listening.
func (s *servers) close() {
	for _, l := range s.bound {
		l.Close()
	}
}
