package balancer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"oke-guestbook/local/cloud"
)

// clientKeepAlive is how long an idle connection of a client is kept (Oracle: "Load Balancer Timeout Connection
// Settings", version of 2025-05-27, read 2026-11-28; that a connection ends after 10,000 requests is left out).
const clientKeepAlive = 65 * time.Second

// headerTimeout limits how long a client sends the header of a request.
const headerTimeout = 60 * time.Second

// acceptRetry is the wait after a failure to accept a connection.
const acceptRetry = 100 * time.Millisecond

// frontend is a running listener. Each connection is served as the listener is configured when it begins; requests of
// HTTP have the configuration of their beginning.
type frontend struct {
	lb        *loadBalancer
	port      int
	listeners []net.Listener
	config    atomic.Pointer[frontendConfig]
	server    *http.Server
	proxy     *httputil.ReverseProxy
	conns     chan net.Conn // for the server
	closing   context.Context
	stop      context.CancelFunc
}

type frontendConfig struct {
	cloud.Listener
	tls             *tls.Config
	pool            *pool
	requestIDHeader string
}

// idle returns the idle time-out; its defaults are those of the service (Oracle: "Load Balancer Timeout Connection
// Settings").
func (c *frontendConfig) idle() time.Duration {
	seconds := 60
	if c.Protocol == "TCP" {
		seconds = 300
	}
	return time.Duration(cmp.Or(c.IdleSeconds, seconds)) * time.Second
}

func (lb *loadBalancer) newFrontend(c *frontendConfig, listeners []net.Listener) *frontend {
	f := &frontend{lb: lb, port: c.Port, listeners: listeners, conns: make(chan net.Conn)}
	f.closing, f.stop = context.WithCancel(lb.ctx)
	f.config.Store(c)
	logger := slog.NewLogLogger(lb.opts.Log.Handler(), slog.LevelDebug)
	f.proxy = &httputil.ReverseProxy{
		Rewrite: rewrite, Transport: roundTripper{}, ModifyResponse: modifyResponse, ErrorHandler: answerError,
		FlushInterval: -1, BufferPool: new(buffers), ErrorLog: logger,
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	f.server = &http.Server{
		Handler: f, IdleTimeout: clientKeepAlive, ReadHeaderTimeout: headerTimeout, ErrorLog: logger, Protocols: protocols,
		BaseContext: func(net.Listener) context.Context { return lb.ctx },
	}
	lb.running.Go(func() { _ = f.server.Serve(handedOver{f}) })
	for _, listener := range listeners {
		lb.running.Go(func() { f.accept(listener) })
	}
	return f
}

// accept serves the connections of a listener until that is closed.
func (f *frontend) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if f.closing.Err() != nil || errors.Is(err, net.ErrClosed) {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil { // there are too many open files
			f.lb.opts.Log.Error("accept a connection", "port", f.port, "error", err)
			select {
			case <-f.closing.Done():
			case <-time.After(acceptRetry):
			}
			continue
		}
		c := f.config.Load()
		if c.tls != nil {
			conn = tls.Server(conn, c.tls)
		}
		if c.Protocol == "TCP" {
			f.lb.running.Go(func() { f.serveTCP(c, conn) })
			continue
		}
		select {
		case f.conns <- conn:
		case <-f.closing.Done():
			conn.Close()
		}
	}
}

// close ends the listening and the idle connections. Requests that run have as long as the listener lets them be idle,
// and connections of TCP go on, unless the load balancer ends.
func (f *frontend) close() {
	f.stop()
	for _, listener := range f.listeners {
		listener.Close()
	}
	f.lb.running.Go(func() {
		ctx, cancel := context.WithTimeout(f.lb.ctx, f.config.Load().idle())
		defer cancel()
		if f.server.Shutdown(ctx) != nil {
			f.server.Close()
		}
	})
}

// handedOver is the listener of the HTTP server: accept gives it the connections.
type handedOver struct{ *frontend }

func (h handedOver) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closing.Done():
		return nil, net.ErrClosed
	}
}

func (h handedOver) Close() error   { return nil }
func (h handedOver) Addr() net.Addr { return h.listeners[0].Addr() }

// buffers is a httputil.BufferPool.
type buffers struct{ sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buffer, ok := b.Pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(buffer []byte) { b.Pool.Put(&buffer) }
