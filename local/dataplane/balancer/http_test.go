package balancer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"oke-guestbook/local/cloud"
)

// traceLocal notes the local addresses of the connections that requests use.
func traceLocal(ctx context.Context, out *[]string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		*out = append(*out, info.Conn.LocalAddr().String())
	}})
}

func TestHeaders(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(serve(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Host", r.Host)
		r.Header.Set("Proto", r.Proto)
		w.Header().Set("Keep-Alive", "timeout=1")
		if err := json.NewEncoder(w).Encode(r.Header); err != nil {
			t.Error(err)
		}
	})))
	f.lb.RequestIDHeader = "X-Request-Id"
	f.apply()
	req, _ := http.NewRequest("GET", "http://"+f.address()+"/", nil)
	req.Host = "guestbook.example:80"
	req.Header = http.Header{
		"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Real-Ip": {"203.0.113.9"},
		"Connection": {"X-Secret"}, "X-Secret": {"for the load balancer alone"}, "Te": {"gzip"},
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got http.Header
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Host": "guestbook.example:80", "Proto": "HTTP/1.1", "X-Forwarded-For": "203.0.113.9, 127.0.0.1",
		"X-Forwarded-Proto": "http", "X-Forwarded-Host": "guestbook.example:80", "X-Forwarded-Port": "80",
		"X-Real-Ip": "127.0.0.1", "X-Secret": "", "Te": "",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	if id := got.Get("X-Request-Id"); len(id) != 32 || resp.Header.Get("X-Request-Id") != id {
		t.Errorf("request id %q, in the answer %q", id, resp.Header.Get("X-Request-Id"))
	}
	if resp.Header.Get("Keep-Alive") != "" {
		t.Error("the answer has a hop-by-hop header of the backend")
	}
}

// hangUp ends the connection of a request without an answer.
func hangUp(t *testing.T, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	conn.Close()
}

func TestFailures(t *testing.T) {
	breaks := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		hangUp(t, w)
	}
	for _, test := range []struct {
		name     string
		backends []cloud.Backend
		want     int
	}{
		{"no backend", nil, http.StatusBadGateway},
		{"backend ends the connection", []cloud.Backend{serve(t, breaks)}, http.StatusBadGateway},
		{"backend is silent", []cloud.Backend{serve(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				<-r.Context().Done()
			}
		})}, http.StatusGatewayTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := start(t, cloud.Listener{Protocol: "HTTP", IdleSeconds: 1}, webSet(test.backends...))
			if status, body := f.get("/path"); status != test.want || !strings.Contains(body, http.StatusText(test.want)) {
				t.Errorf("answer %d %q, want %d", status, body, test.want)
			}
		})
	}
}

func TestAnswerThatGoesOnIsNotIdle(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP", IdleSeconds: 1}, webSet(serve(t,
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				return
			}
			ticker := time.NewTicker(300 * time.Millisecond)
			defer ticker.Stop()
			for range 5 {
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
				<-ticker.C
			}
		})))
	if _, body := f.get("/slow"); body != "xxxxx" {
		t.Errorf("answer %q of 1.5 s with an idle time-out of 1 s", body)
	}
}

func TestNextBackendWhenOneCannotBeReached(t *testing.T) {
	var posts atomic.Int32
	good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost {
			posts.Add(1)
			fmt.Fprintf(w, "%s", body)
		}
	})
	dead := backendOf(t, closedPort(t))
	set := webSet(dead, good)
	// The health of both is that of the good one.
	set.Health.Port = int(good.Address.Port())
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	const n = 10
	for i := range n {
		want := fmt.Sprintf("entry %d", i)
		resp, err := http.Post("http://"+f.address(), "text/plain", strings.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want {
			t.Errorf("answer %d %q, want %q", resp.StatusCode, body, want)
		}
	}
	if posts.Load() != n {
		t.Errorf("%d requests arrived, want %d", posts.Load(), n)
	}
}

func TestSentRequestIsNotRepeated(t *testing.T) {
	var posts atomic.Int32
	breaks := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			hangUp(t, w)
		}
	}
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(serve(t, breaks), serve(t, breaks)))
	resp, err := http.Post("http://"+f.address(), "text/plain", strings.NewReader("once"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway || posts.Load() != 1 {
		t.Errorf("answer %d after %d tries, want 502 after one", resp.StatusCode, posts.Load())
	}
}

func TestConnectionsToBackends(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP"}, cloud.BackendSet{Health: fastTCP, Backends: []cloud.Backend{
		serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }),
	}})
	connections := func(method string) int {
		seen := map[string]bool{}
		for range 4 {
			req, _ := http.NewRequest(method, "http://"+f.address(), nil)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			seen[string(body)] = true
		}
		return len(seen)
	}
	if n := connections("GET"); n != 1 {
		t.Errorf("%d connections for requests that may be repeated, want 1", n)
	}
	if n := connections("POST"); n != 4 {
		t.Errorf("%d connections for requests that must not be repeated, want 4", n)
	}
}

func TestWebSocket(t *testing.T) {
	echo := websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) })
	f := start(t, cloud.Listener{Protocol: "HTTP", IdleSeconds: 1}, webSet(serve(t,
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/socket" {
				echo.ServeHTTP(w, r)
			}
		})))
	ws, err := websocket.Dial("ws://"+f.address()+"/socket", "", "http://guestbook.example")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	for _, text := range []string{"안녕", "hello"} {
		var got string
		if err := websocket.Message.Send(ws, text); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(ws, &got); err != nil || got != text {
			t.Fatalf("received %q, %v, want %q", got, err, text)
		}
	}
	if err := ws.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := ws.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("an idle WebSocket does not end: %v", err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestRedirect(t *testing.T) {
	toHTTPS := cloud.Redirect{
		Code: 301, Protocol: "HTTPS", Host: "{host}", Port: "443", Path: "{path}", Query: "{query}",
	}
	for _, test := range []struct {
		name, host, path, want string
		rule                   func(*cloud.Redirect)
	}{
		{"to HTTPS", "a.example", "/p?q=1&r=%20", "https://a.example/p?q=1&r=%20", func(*cloud.Redirect) {}},
		{"to another port", "a.example", "/", "https://a.example:8443/", func(r *cloud.Redirect) { r.Port = "8443" }},
		{
			"to another place", "a.example:8080", "/p", "http://www.a.example:8080/new/p?from=a.example",
			func(r *cloud.Redirect) {
				r.Protocol, r.Host, r.Port = "{protocol}", "www.{host}", "{port}"
				r.Path, r.Query = "/new{path}", "?from={host}&{query}"
			},
		},
		{"another path", "a.example", "/p", "", func(r *cloud.Redirect) { r.Match, r.MatchPath = "EXACT_MATCH", "/" }},
		{
			"prefix", "a.example", "/p", "https://a.example/p",
			func(r *cloud.Redirect) { r.Match, r.MatchPath = "PREFIX_MATCH", "/" },
		},
		{"suffix", "a.example", "/p", "", func(r *cloud.Redirect) { r.Match, r.MatchPath = "SUFFIX_MATCH", "/q" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			rule := toHTTPS
			test.rule(&rule)
			listener := cloud.Listener{Protocol: "HTTP", Redirects: []cloud.Redirect{rule}}
			f := start(t, listener, webSet(named(t, "a")...))
			conn := dial(t, f.address())
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", test.path, test.host)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			status := http.StatusMovedPermanently
			if test.want == "" {
				status = http.StatusOK
			}
			if resp.StatusCode != status || resp.Header.Get("Location") != test.want {
				t.Errorf("answer %d to %q, want %d to %q", resp.StatusCode, resp.Header.Get("Location"), status, test.want)
			}
		})
	}
}
