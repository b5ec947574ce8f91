package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
)

// failingStore returns the error of fail, or panics as fail does.
type failingStore struct {
	Store
	fail func() error
}

func (s failingStore) Page(context.Context, int, int) ([]entry.Entry, int, error) {
	return nil, 0, s.fail()
}

func (s failingStore) Add(context.Context, entry.Draft) (entry.Entry, error) {
	return entry.Entry{}, s.fail()
}

func TestDatabaseDown(t *testing.T) {
	fail := func() error { return errors.New("mongodb://user:hunter2@mongo is gone") }
	v := visit(t, serve(t, failingStore{fail: fail}, nil))
	got := v.get("/")
	if got.status != 503 || !strings.Contains(got.body, english.NotRead) || !strings.Contains(got.body, `id="message"`) {
		t.Errorf("reading: status %d", got.status)
	}
	// Only the first page polls for the entries.
	if !strings.Contains(got.body, `data-live="/entries" data-tag=""`) {
		t.Error("the first page does not poll")
	}
	if second := v.get("/?page=2"); second.status != 503 || strings.Contains(second.body, "data-live") {
		t.Errorf("the second page polls, or has status %d", second.status)
	}
	got = v.sign("Ada", "keep \"this\"")
	if got.status != 503 || !strings.Contains(got.body, english.NotSaved) {
		t.Errorf("signing: status %d", got.status)
	}
	got.wantForm(t, "Ada", "keep \"this\"")
	if strings.Contains(got.body, "hunter2") || strings.Contains(got.body, "mongo is gone") {
		t.Error("the response contains the error")
	}
	if got := v.get("/entries"); got.status != 503 {
		t.Errorf("/entries: status %d", got.status)
	}
}

// slowStore stores entries when release is closed.
type slowStore struct {
	Store
	mu         sync.Mutex
	busy, most int
	release    chan struct{}
}

func (s *slowStore) Page(context.Context, int, int) ([]entry.Entry, int, error) { return nil, 0, nil }

func (s *slowStore) Add(context.Context, entry.Draft) (entry.Entry, error) {
	s.count(1)
	defer s.count(-1)
	<-s.release
	return entry.Entry{}, nil
}

func (s *slowStore) count(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += n
	s.most = max(s.most, s.busy)
	return s.busy
}

// The number of forms in memory is limited while the database is slow. The others wait before they are read, and all of
// them are stored in the end.
func TestFormsInMemory(t *testing.T) {
	const visitors = maxForms + 50
	db := &slowStore{release: make(chan struct{})}
	server := serve(t, db, behindProxy)
	var arrived atomic.Int64
	inner := server.Config.Handler
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		inner.ServeHTTP(w, r)
	})
	token := random()
	var wg sync.WaitGroup
	for i := range visitors {
		wg.Go(func() {
			v := visit(t, server)
			v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			values := url.Values{"token": {token}, "form": {random()}, "message": {"hello"}}
			header := map[string]string{"Cookie": tokenCookie + "=" + token, "X-Forwarded-For": inGroup(i)}
			if got := v.post(values, header); got.status != http.StatusSeeOther {
				t.Errorf("status %d", got.status)
			}
		})
	}
	apptest.Eventually(t, "all requests have arrived, and as many as allowed are being stored", func() bool {
		return arrived.Load() >= visitors && db.count(0) >= maxForms
	})
	close(db.release)
	wg.Wait()
	if db.most != maxForms {
		t.Errorf("%d forms in memory at once, want %d", db.most, maxForms)
	}
}

// behindProxy trusts the loopback addresses as the load balancer's.
func behindProxy(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// inGroup returns the address of a client in group n modulo formGroups.
func inGroup(n int) string {
	for a := netip.MustParseAddr("192.0.2.1"); ; a = a.Next() {
		if formGroup(netip.PrefixFrom(a, 32)) == n%formGroups {
			return a.String()
		}
	}
}

// A client that starts to send maxForms forms and completes none delays only the clients of its own group.
func TestSlowSender(t *testing.T) {
	server, site := serveSite(t, openStore(t), time.Now, behindProxy)
	for range maxForms {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: guestbook\r\nX-Forwarded-For: %s\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname=", inGroup(0))
	}
	apptest.Eventually(t, "the client has all forms of its group", func() bool {
		return len(site.forms[0]) == cap(site.forms[0])
	})
	v := visit(t, server)
	v.client.Timeout = 10 * time.Second
	token := random()
	values := url.Values{"token": {token}, "form": {random()}, "message": {"hello"}}
	got := v.post(values, map[string]string{"Cookie": tokenCookie + "=" + token, "X-Forwarded-For": inGroup(1)})
	if got.status != http.StatusOK { // after the redirect
		t.Errorf("status %d", got.status)
	}
}

func TestPanic(t *testing.T) {
	var log strings.Builder
	fail := func() error { panic("secret detail") }
	v := visit(t, serve(t, failingStore{fail: fail}, func(c *Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) }))
	// The first page is read in a goroutine of its own.
	for id, path := range map[string]string{"first-page": "/", "second-page": "/?page=2"} {
		got := v.send("GET", path, nil, map[string]string{"X-Request-Id": id})
		if got.status != 500 || strings.Contains(got.body, "secret") || strings.Contains(got.body, "goroutine") {
			t.Errorf("status %d: %s", got.status, got.body)
		}
		if !strings.Contains(got.body, id) || got.header.Get("X-Request-Id") != id {
			t.Errorf("the response does not contain the request's id: %s", got.body)
		}
		if l := log.String(); !strings.Contains(l, "secret detail") || !strings.Contains(l, `"request":"`+id+`"`) {
			t.Errorf("the log does not contain the cause: %s", l)
		}
	}
}

func TestHeaders(t *testing.T) {
	v := visit(t, serve(t, openStore(t), behindProxy))
	got := v.send("GET", "/", nil, map[string]string{"X-Forwarded-Proto": "https"})
	for key, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":        "camera=(), geolocation=(), microphone=()",
		"Strict-Transport-Security": "max-age=31536000",
		"Cache-Control":             "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if got.header.Get(key) != want {
			t.Errorf("%s: %q, want %q", key, got.header.Get(key), want)
		}
	}
	cookie := got.header.Get("Set-Cookie")
	for _, attribute := range []string{"HttpOnly", "SameSite=Lax", "Secure"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("cookie without %s: %s", attribute, cookie)
		}
	}
	if v.get("/").header.Get("Strict-Transport-Security") != "" {
		t.Error("Strict-Transport-Security on an unencrypted connection")
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(got.body, -1) {
		file := v.get(m[1])
		if file.status != 200 || file.body == "" || file.header.Get("Content-Type") == "" ||
			!strings.Contains(file.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %v", m[1], file.status, file.header)
		}
	}
	if strings.Contains(got.body, "style=") || strings.Contains(got.body, "onclick") {
		t.Error("the page has inline styles or scripts, which its Content-Security-Policy forbids")
	}
}
