package main

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
)

// guestbook is one running replica.
type guestbook struct {
	url, metrics string
	redirect     string             // empty without REDIRECT_ADDRESS
	tls          string             // host and port; empty without TLS_ADDRESS
	stop         context.CancelFunc // as SIGTERM does
	ended        chan error
	log          *apptest.Buffer
}

// start runs the guestbook with these environment variables and those that suit tests, and waits until it listens.
func start(t *testing.T, env map[string]string) *guestbook {
	t.Helper()
	all := map[string]string{
		"LISTEN_ADDRESS": "127.0.0.1:0", "METRICS_ADDRESS": "127.0.0.1:0", "DRAIN_DELAY": "0s",
		"SIGNS_PER_MINUTE": "100000", "READS_PER_SECOND": "100000",
	}
	maps.Copy(all, env)
	ctx, cancel := context.WithCancel(context.Background())
	g := &guestbook{stop: cancel, ended: make(chan error, 1), log: &apptest.Buffer{}}
	started := make(chan struct{})
	go func() {
		g.ended <- run(ctx, nil, func(key string) string { return all[key] }, g.log, func(at addresses) {
			g.url, g.metrics = "http://"+at.pages.String(), "http://"+at.metrics.String()
			if at.redirect != nil {
				g.redirect = "http://" + at.redirect.String()
			}
			if at.tls != nil {
				g.tls = at.tls.String()
			}
			close(started)
		})
	}()
	select {
	case <-started:
	case err := <-g.ended:
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return g
}

const token = "AAAAAAAAAAAAAAAAAAAAAA" // the value of the visitor's cookie

// roundTrip sends one request without following redirects, and returns the response and its whole body.
func roundTrip(t *testing.T, transport http.RoundTripper, r *http.Request) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	res, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// get sends one request on a new connection. last reports whether the server closes the connection.
func get(t *testing.T, address string) (status int, body string, last bool) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, body := roundTrip(t, transport, r)
	return res.StatusCode, body, res.Close
}

// send sends one request as a visitor with the cookie token, with a form unless it is nil.
func send(
	t *testing.T, method, address string, form url.Values, header map[string]string,
) (status int, body string, response http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", "guestbook_token="+token)
	}
	for key, value := range header {
		r.Header.Set(key, value)
	}
	res, body := roundTrip(t, http.DefaultTransport, r)
	return res.StatusCode, body, res.Header
}

func TestBadEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nothing set": {map[string]string{}, []string{"MONGODB_URI is not set"}},
		"many at once": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "PAGE_SIZE": "0", "DRAIN_DELAY": "soon", "TIME_ZONE": "Mars/Base",
			"TRUSTED_PROXIES": "10.0.0.1", "LISTEN_ADDRESS": "8080", "METRICS_ADDRESS": ":99999", "LOG_LEVEL": "loud",
			"MONGODB_DATABASE": "a/b", "MONGODB_USERNAME": "u", "SIGNS_PER_MINUTE": "-1",
			"REDIRECT_ADDRESS": "80", "REDIRECT_TO": "https://x",
			"TLS_ADDRESS": "443", "TLS_HOSTNAME": "192.0.2.7", "TLS_MINIMUM_VERSION": "1.3",
			"ACME_DIRECTORY": "http://acme.example.com/directory", "ACME_EMAIL": "Ops <ops@example.com>",
		}, []string{
			`PAGE_SIZE "0": want a whole number from 1 to 100`, `DRAIN_DELAY "soon"`, `TIME_ZONE "Mars/Base"`,
			`TRUSTED_PROXIES "10.0.0.1": want CIDR`, `LISTEN_ADDRESS "8080"`, `METRICS_ADDRESS ":99999"`,
			`LOG_LEVEL "loud": want debug`, `MONGODB_DATABASE "a/b"`, `SIGNS_PER_MINUTE "-1"`,
			"MONGODB_USERNAME and MONGODB_PASSWORD_FILE go together", `REDIRECT_ADDRESS "80": want host:port`,
			`REDIRECT_TO "https://x": want a host`, `TLS_ADDRESS "443": want host:port`, `TLS_HOSTNAME "192.0.2.7": want`,
			`TLS_MINIMUM_VERSION "1.3": want TLSv1.2`, `ACME_DIRECTORY "http://acme`, `ACME_EMAIL "Ops <ops@example.com>"`,
		}},
		"host name without a certificate": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "TLS_HOSTNAME": "guestbook.example.com",
		}, []string{"TLS_ADDRESS, TLS_HOSTNAME and ACME_DIRECTORY go together"}},
		"certificate of the own": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "TLS_ADDRESS": ":8443", "TLS_HOSTNAME": "guestbook.example.com",
		}, []string{"TLS_ADDRESS, TLS_HOSTNAME and ACME_DIRECTORY go together"}},
		"wrong database URL": {map[string]string{"MONGODB_URI": "postgres://mongo"}, []string{"MONGODB_URI: "}},
		"missing password file": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "MONGODB_USERNAME": "u", "MONGODB_PASSWORD_FILE": "/nowhere/pw",
		}, []string{"MONGODB_PASSWORD_FILE: open /nowhere/pw: no such file"}},
		"address in use": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "LISTEN_ADDRESS": occupied(t),
		}, []string{"LISTEN_ADDRESS: ", "address already in use"}},
	} {
		err := run(context.Background(), nil, func(key string) string { return c.env[key] }, io.Discard, nil)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
}

// occupied returns the address of a listener that never answers.
func occupied(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestProbesWithoutDatabase(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": "mongodb://" + occupied(t), "MONGODB_TIMEOUT": "200ms"})
	for _, base := range []string{g.url, g.metrics} {
		if status, body, _ := get(t, base+"/livez"); status != 200 {
			t.Errorf("livez: %d %s", status, body)
		}
		if status, body, _ := get(t, base+"/readyz"); status != 503 || body != "the database cannot be used\n" {
			t.Errorf("readyz: %d %s", status, body)
		}
	}
	if _, body, _ := get(t, g.metrics+"/metrics"); !strings.Contains(body, "guestbook_database_up 0") {
		t.Error("the metrics do not contain guestbook_database_up 0")
	}
	if !strings.Contains(g.log.String(), `"msg":"not ready"`) {
		t.Error("the log does not contain the reason for not being ready")
	}
}

// After SIGTERM the replica is immediately unready, serves requests for DRAIN_DELAY, finishes running requests, and
// only then stops.
func TestDrain(t *testing.T) {
	db := apptest.StartDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "DRAIN_DELAY": "1500ms"})
	if status, body, _ := get(t, g.url+"/readyz"); status != 200 {
		t.Fatalf("readyz: %d %s", status, body)
	}
	// A request that starts before SIGTERM and sends its body after the delay.
	slow, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n")

	began := time.Now()
	g.stop()
	for time.Since(began) < 1200*time.Millisecond {
		if status, _, _ := get(t, g.metrics+"/readyz"); status != 503 && time.Since(began) > 100*time.Millisecond {
			t.Fatalf("readyz: status %d while draining", status)
		}
		status, _, last := get(t, g.url+"/")
		if status != 200 {
			t.Fatalf("page: status %d while draining", status)
		}
		if time.Since(began) > 300*time.Millisecond && !last {
			t.Fatal("a response while draining does not close the connection")
		}
	}
	select {
	case err := <-g.ended:
		t.Fatalf("stopped after %v: %v", time.Since(began), err)
	default:
	}
	time.AfterFunc(600*time.Millisecond, func() { _, _ = io.WriteString(slow, "message=x") })
	_ = slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := io.ReadAll(slow)
	if err != nil || !strings.HasPrefix(string(response), "HTTP/1.1 403") {
		t.Errorf("response to the slow request: %.40q, %v", response, err)
	}
	select {
	case err := <-g.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still running 10 s after the delay")
	}
}
