package balancer

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// requestBody is the body of a request. It outlives failed attempts, which close it; the round tripper closes what is
// inside.
type requestBody struct {
	io.ReadCloser
	x    *exchange
	read atomic.Bool // reading has begun
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.x.progress()
	return n, err
}

// Close leaves the body open for the next attempt.
func (b *requestBody) Close() error { return nil }

type responseBody struct {
	io.ReadCloser
	x       *exchange
	backend *backend
	once    sync.Once
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.progress()
	return n, err
}

func (b *responseBody) Close() error {
	b.once.Do(func() { b.x.pool.release(b.backend) })
	return b.ReadCloser.Close()
}

// countedConn counts what is written to a connection.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// CloseWrite ends the sending and leaves the receiving.
func (c *countedConn) CloseWrite() error { return closeWrite(c.Conn) }

// counted returns the counted connection below TLS.
func counted(conn net.Conn) *countedConn {
	for {
		switch c := conn.(type) {
		case *countedConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}
