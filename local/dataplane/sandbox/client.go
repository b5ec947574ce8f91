package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/tunnel"
)

// readyTimeout limits the start of the process, which takes a tenth of a second on an idle machine.
const readyTimeout = 30 * time.Second

// client asks the process at its control socket.
type client struct {
	socket string
	http   http.Client
}

func newClient(socket string) *client {
	c := &client{socket: socket}
	c.http.Transport = &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		DisableKeepAlives: true, // the process may be another one next time
	}
	return c
}

func (c *client) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", c.socket)
}

// waitReady returns when the process answers. It listens from its start on, so that one request is enough.
func (c *client) waitReady(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- c.get(ctx, "/status", &dataplane.Status{}) }()
	select {
	case err := <-answered:
		return err
	case <-ended:
		return errors.New("the data plane ended at once; its log says why")
	}
}

func (c *client) put(ctx context.Context, want dataplane.State) error {
	return c.do(ctx, http.MethodPut, "/state", want, nil)
}

func (c *client) get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

func (c *client) do(ctx context.Context, method, path string, body, out any) error {
	var data io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		data = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://dataplane"+path, data)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// connect asks the process to connect from the emulated internet.
func (c *client) connect(ctx context.Context, address string) (net.Conn, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return tunnel.Connect(ctx, conn, address)
}
