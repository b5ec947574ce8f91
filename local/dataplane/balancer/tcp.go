package balancer

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// serveTCP connects a client to a backend, in both directions, until both have ended or nothing has passed for the
// idle time-out. When no backend can be reached, the client's connection ends.
func (f *frontend) serveTCP(c *frontendConfig, client net.Conn) {
	defer client.Close()
	ctx, cancel := context.WithCancel(f.lb.ctx)
	defer cancel()
	if secure, ok := client.(*tls.Conn); ok {
		handshake, done := context.WithTimeout(ctx, headerTimeout)
		defer done()
		if secure.HandshakeContext(handshake) != nil {
			return
		}
	}
	server, b, err := c.connect(ctx, client)
	if err != nil {
		f.lb.opts.Log.Warn("connection failed", "listener", c.Name, "error", err)
		return
	}
	defer c.pool.release(b)
	defer server.Close()
	idle := time.AfterFunc(c.idle(), cancel)
	defer idle.Stop()
	defer context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})()
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, err := io.Copy(to, progressReader{from, func() { idle.Reset(c.idle()) }})
		if err != nil || closeWrite(to) != nil {
			cancel()
		}
	}
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}

// connect connects to a backend for a client, and to another one if the first cannot be reached.
func (c *frontendConfig) connect(ctx context.Context, client net.Conn) (net.Conn, *backend, error) {
	address, _, err := net.SplitHostPort(client.RemoteAddr().String())
	if err != nil {
		address = client.RemoteAddr().String()
	}
	if c.pool.policy() == fiveTuple {
		address = client.RemoteAddr().String()
	}
	tried := map[*backend]bool{}
	failure := errNoBackend
	for {
		b := c.pool.acquire(address, tried)
		if b == nil {
			return nil, nil, failure
		}
		tried[b] = true
		conn, err := c.dial(ctx, b, client)
		if err == nil {
			return conn, b, nil
		}
		c.pool.release(b)
		failure = fmt.Errorf("backend %s: %w", b.Name, err)
	}
}

// dial connects to a backend, and sends the header of the PROXY protocol, which comes before TLS.
func (c *frontendConfig) dial(ctx context.Context, b *backend, client net.Conn) (net.Conn, error) {
	address, config := c.pool.target(b)
	conn, err := c.pool.lb.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	if c.ProxyProtocol != 0 {
		header := proxyproto.HeaderProxyFromAddrs(byte(c.ProxyProtocol), client.RemoteAddr(), client.LocalAddr())
		if _, err := header.WriteTo(conn); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if config == nil {
		return conn, nil
	}
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// closeWrite ends the sending on a connection and leaves the receiving. Where that is impossible, it ends both.
func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}

// progressReader calls a function after each read.
type progressReader struct {
	io.Reader
	progress func()
}

func (r progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.progress()
	return n, err
}
