package balancer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"strconv"
	"time"
)

var (
	errIdle      = errors.New("nothing was read from the backend or sent to it for the listener's idle time-out")
	errNoBackend = errors.New("no healthy backends available in the backend set")
)

// exchange is a request with its answer.
type exchange struct {
	*frontendConfig
	client  string // address
	timer   *time.Timer
	backend *backend // that answered
	sticky  bool     // the request had the cookie of this backend
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// progress begins the idle time-out anew.
func (x *exchange) progress() { x.timer.Reset(x.idle()) }

// ServeHTTP passes a request on to a backend.
func (f *frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := f.config.Load()
	if r.ProtoMajor > 1 && c.Protocol == "HTTP" {
		http.Error(w, "the listener is for HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	if location, code := redirect(c, r); code != 0 {
		w.Header().Set("Location", location)
		w.WriteHeader(code)
		return
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	x := &exchange{frontendConfig: c, client: client}
	x.timer = time.AfterFunc(c.idle(), func() { cancel(errIdle) })
	defer x.timer.Stop()
	if name := c.requestIDHeader; name != "" && r.Header.Get(name) == "" {
		r.Header.Set(name, newRequestID())
	}
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
}

func newRequestID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	return hex.EncodeToString(id)
}

// rewrite sets the headers that the service adds (Oracle: "HTTP Headers", read 2026-11-28). The Host header stays.
func rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	proto := "http"
	if r.In.TLS != nil {
		proto = "https"
	}
	r.Out.URL.Scheme, r.Out.URL.Host = "http", r.In.Host
	if x.pool.secure() {
		r.Out.URL.Scheme = "https"
	}
	if r.Out.URL.Host == "" {
		r.Out.URL.Host = x.Name // of a request of HTTP/1.0; the transport wants one
	}
	header := r.Out.Header
	header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	r.SetXForwarded()
	header.Set("X-Forwarded-Proto", proto)
	header.Set("X-Forwarded-Port", strconv.Itoa(x.Port))
	header.Set("X-Real-IP", x.client)
	if r.Out.Body != nil && r.Out.Body != http.NoBody {
		r.Out.Body = &requestBody{ReadCloser: r.Out.Body, x: x}
	}
}

// roundTripper sends a request to a backend, and to another one if the first cannot be reached.
type roundTripper struct{}

func (roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	tried := map[*backend]bool{}
	failure := errNoBackend
	body, _ := r.Body.(*requestBody)
	if body != nil {
		defer body.ReadCloser.Close()
	}
	for {
		b, err := x.acquire(r, tried)
		if err != nil {
			return nil, err
		}
		if b == nil {
			return nil, failure
		}
		tried[b] = true
		resp, untouched, err := x.send(r, b)
		if err == nil {
			x.backend = b
			resp.Body = x.responseBody(resp.Body, b)
			x.progress()
			return resp, nil
		}
		x.pool.release(b)
		failure = fmt.Errorf("backend %s: %w", b.Name, err)
		if !untouched || r.Context().Err() != nil {
			return nil, failure
		}
	}
}

// acquire returns the backend of the request's session, else another one, or nil if there is none.
func (x *exchange) acquire(r *http.Request, tried map[*backend]bool) (*backend, error) {
	session := x.pool.session()
	if session == nil || len(tried) > 0 && !session.DisableFallback {
		return x.pool.acquire(x.client, tried), nil
	}
	cookie, err := r.Cookie(session.Cookie)
	if err != nil {
		return x.pool.acquire(x.client, tried), nil
	}
	b := x.pool.acquireSession(cookie.Value)
	switch {
	case b != nil && !tried[b]:
		x.sticky = true
		return b, nil
	case b != nil:
		x.pool.release(b)
	}
	x.sticky = false
	if session.DisableFallback {
		return nil, fmt.Errorf("%w: the session's backend is unavailable", errNoBackend)
	}
	return x.pool.acquire(x.client, tried), nil
}

// send sends the request to a backend. If it fails, untouched tells that the backend got no byte of it, so that it can
// be sent to another one.
func (x *exchange) send(r *http.Request, b *backend) (resp *http.Response, untouched bool, err error) {
	var conn *countedConn
	var before int64
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { conn = nil },
		GotConn: func(info httptrace.GotConnInfo) {
			if conn = counted(info.Conn); conn != nil {
				before = conn.written.Load()
			}
		},
	}
	transport := x.pool.transport(b, x.Protocol, r)
	resp, err = transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err == nil {
		return resp, false, nil
	}
	body, _ := r.Body.(*requestBody)
	untouched = (body == nil || !body.read.Load()) && (conn == nil || conn.written.Load() == before)
	return nil, untouched, err
}

// modifyResponse adds the headers of sessions and of requests' ids.
func modifyResponse(resp *http.Response) error {
	x := exchangeOf(resp.Request.Context())
	if name := x.requestIDHeader; name != "" {
		resp.Header.Set(name, resp.Request.Header.Get(name))
	}
	if session := x.pool.session(); session != nil {
		if cookie := sessionCookie(session, resp, x.backend, x.sticky); cookie != nil {
			resp.Header.Add("Set-Cookie", cookie.String())
		}
	}
	return nil
}

// answerError answers a request that no backend has answered. Without a healthy backend, and when a backend breaks, it
// is 502; when backends cannot be connected to in time or do not answer in time, it is 504 (Oracle: "Common Load
// Balancer Errors", read 2026-11-28).
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	var network net.Error
	switch {
	case errors.Is(context.Cause(r.Context()), errIdle):
		status = http.StatusGatewayTimeout
	case r.Context().Err() != nil:
		return // the client has gone
	case errors.As(err, &network) && network.Timeout():
		status = http.StatusGatewayTimeout
	}
	exchangeOf(r.Context()).pool.lb.opts.Log.Warn("request failed", "method", r.Method, "path", r.URL.Path,
		"status", status, "error", err)
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html>\n<head><title>%s</title></head>\n<body><h1>%s</h1></body>\n</html>\n", text, text)
}

// responseBody wraps the body of an answer, which releases the backend at its end. That of a connection which has
// switched its protocol can be written, too.
func (x *exchange) responseBody(body io.ReadCloser, b *backend) io.ReadCloser {
	wrapped := &responseBody{ReadCloser: body, x: x, backend: b}
	if writer, ok := body.(io.Writer); ok {
		return struct {
			*responseBody
			io.Writer
		}{wrapped, writer}
	}
	return wrapped
}
