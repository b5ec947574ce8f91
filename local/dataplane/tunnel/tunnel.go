// Package tunnel carries TCP connections between the network of this machine and those of the data plane, over UNIX
// sockets: those with a path do not belong to a network namespace.
package tunnel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// DialTimeout limits an attempt to connect through a tunnel: a packet that a security rule drops is not answered.
const DialTimeout = 10 * time.Second

// MaxPath is the length of a UNIX socket's path in bytes (unix(7)).
const MaxPath = 107

// Dialer connects to an address of the other side.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// longestName is the longest name of a socket in a data plane's directory: package kube's for a cluster's identities.
const longestName = "c0123456789-identity.sock"

// CheckDir refuses a data plane's directory in which the path of a socket would be too long.
func CheckDir(dir string) error { return CheckPath(filepath.Join(dir, longestName)) }

// CheckPath refuses a path that is too long for a UNIX socket.
func CheckPath(path string) error {
	if len(path) > MaxPath {
		return fmt.Errorf("LOCAL_DIR: the path %s is longer than %d bytes, a UNIX socket's limit; "+
			"choose a shorter directory", path, MaxPath)
	}
	return nil
}

// Listen listens at a path, also if the socket of an ended process is there.
func Listen(path string) (*net.UnixListener, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another process listens at %s", path)
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// Handler answers CONNECT requests with tunnels to their hosts (RFC 9110, section 9.3.6).
func Handler(dial Dialer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT is served here", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), DialTimeout)
		defer cancel()
		to, err := dial(ctx, "tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			to.Close()
			return
		}
		if _, err := io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			_ = errors.Join(from.Close(), to.Close())
			return
		}
		splice(&bufferedConn{from, buffered.Reader}, to)
	})
}

// Connect asks the handler at the other end of a connection for a tunnel. It closes the connection if it fails.
func Connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	answer := bufio.NewReader(conn)
	resp, err := http.ReadResponse(answer, &http.Request{Method: http.MethodConnect})
	if err == nil && resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &bufferedConn{conn, answer}, nil
}

// Forward carries each connection of a listener to one that dial makes, until the listener is closed.
func Forward(listener net.Listener, dial func(ctx context.Context) (net.Conn, error)) {
	for {
		from, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of one connection, which is gone
		}
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), DialTimeout)
			defer cancel()
			to, err := dial(ctx)
			if err != nil {
				from.Close()
				return
			}
			splice(from, to)
		}()
	}
}

// splice copies both directions until both have ended, and closes the connections.
func splice(a, b net.Conn) {
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			if _, err := io.Copy(pair[0], pair[1]); err != nil {
				_ = errors.Join(a.Close(), b.Close()) // the other direction must not wait for a peer that is gone
				return
			}
			_ = closeWrite(pair[0])
		})
	}
	both.Wait()
	_ = errors.Join(a.Close(), b.Close())
}

// bufferedConn is a connection of which some bytes have been read already.
type bufferedConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *bufferedConn) Read(b []byte) (int, error) { return c.reader.Read(b) }

func (c *bufferedConn) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite ends one direction of a connection, or all of it if it cannot.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

func removeSocket(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
