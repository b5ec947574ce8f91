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

	"oke-guestbook/app/internal/entry"
)

// broken fails, in the way that a test wants.
type broken struct {
	Store
	fail func() error
}

func (b broken) Page(context.Context, int, int) ([]entry.Entry, int, error) { return nil, 0, b.fail() }

func (b broken) Add(context.Context, entry.Draft) (entry.Entry, error) {
	return entry.Entry{}, b.fail()
}

func TestDatabaseDown(t *testing.T) {
	v := visit(t, serve(t, broken{fail: func() error { return errors.New("mongodb://user:hunter2@mongo is gone") }}, nil))
	got := v.get("/")
	if got.status != 503 || !strings.Contains(got.body, english.NotRead) || !strings.Contains(got.body, `id="message"`) {
		t.Errorf("reading: status %d", got.status)
	}
	// An open page asks again, on the first page alone.
	if second := v.get("/?page=2"); !strings.Contains(got.body, `data-live="/entries" data-tag=""`) || second.status != 503 || strings.Contains(second.body, "data-live") {
		t.Errorf("who asks again: second page with status %d", second.status)
	}
	got = v.sign("Ada", "keep \"this\"")
	if got.status != 503 || !strings.Contains(got.body, english.NotSaved) {
		t.Errorf("signing: status %d", got.status)
	}
	got.kept(t, "Ada", "keep \"this\"")
	if strings.Contains(got.body, "hunter2") || strings.Contains(got.body, "mongo is gone") {
		t.Error("the visitor sees the error")
	}
	if got := v.get("/entries"); got.status != 503 {
		t.Errorf("news: status %d", got.status)
	}
}

// slow takes entries when it is told to.
type slow struct {
	Store
	mu         sync.Mutex
	busy, most int
	release    chan struct{}
}

func (s *slow) Page(context.Context, int, int) ([]entry.Entry, int, error) { return nil, 0, nil }

func (s *slow) Add(context.Context, entry.Draft) (entry.Entry, error) {
	s.count(1)
	defer s.count(-1)
	<-s.release
	return entry.Entry{}, nil
}

func (s *slow) count(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += n
	s.most = max(s.most, s.busy)
	return s.busy
}

// A slow database does not fill the memory with forms: the ones above the limit
// wait before they are read, and are all taken in the end.
func TestFormsInMemory(t *testing.T) {
	const visitors = maxForms + 50
	db := &slow{release: make(chan struct{})}
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
			if got := v.post(values, map[string]string{"Cookie": tokenCookie + "=" + token, "X-Forwarded-For": inGroup(i)}); got.status != http.StatusSeeOther {
				t.Errorf("status %d", got.status)
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); arrived.Load() < visitors || db.count(0) < maxForms; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("after a minute %d of %d have arrived, and %d are being stored", arrived.Load(), visitors, db.count(0))
			break
		}
	}
	close(db.release)
	wg.Wait()
	if db.most != maxForms {
		t.Errorf("%d forms were in memory at once, want %d", db.most, maxForms)
	}
}

func behindProxy(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// inGroup returns the address of a client in a group, of which there are formGroups.
func inGroup(n int) string {
	for a := netip.MustParseAddr("192.0.2.1"); ; a = a.Next() {
		if formGroup(netip.PrefixFrom(a, 32)) == n%formGroups {
			return a.String()
		}
	}
}

// One client that opens as many forms as there may be, and sends none of them, holds up the clients of its own group
// alone: those of the other nine go on signing.
func TestSlowSender(t *testing.T) {
	server, site := serveSite(t, openStore(t), time.Now, behindProxy)
	for range maxForms {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: guestbook\r\nX-Forwarded-For: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname=", inGroup(0))
	}
	for deadline := time.Now().Add(time.Minute); len(site.forms[0]) < cap(site.forms[0]); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute the client holds %d forms", len(site.forms[0]))
		}
	}
	v := visit(t, server)
	v.client.Timeout = 10 * time.Second
	token := random()
	values := url.Values{"token": {token}, "form": {random()}, "message": {"hello"}}
	got := v.post(values, map[string]string{"Cookie": tokenCookie + "=" + token, "X-Forwarded-For": inGroup(1)})
	if got.status != http.StatusOK { // of the page that the answer leads to
		t.Errorf("status %d", got.status)
	}
}

func TestPanic(t *testing.T) {
	var log strings.Builder
	v := visit(t, serve(t, broken{fail: func() error { panic("secret detail") }}, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	}))
	for id, path := range map[string]string{"first-page": "/", "second-page": "/?page=2"} { // the first is read for all who wait for it
		got := v.send("GET", path, nil, map[string]string{"X-Request-Id": id})
		if got.status != 500 || strings.Contains(got.body, "secret") || strings.Contains(got.body, "goroutine") {
			t.Errorf("status %d: %s", got.status, got.body)
		}
		if !strings.Contains(got.body, id) || got.header.Get("X-Request-Id") != id {
			t.Errorf("the answer does not name the request: %s", got.body)
		}
		if l := log.String(); !strings.Contains(l, "secret detail") || !strings.Contains(l, `"request":"`+id+`"`) {
			t.Errorf("the log does not hold the cause: %s", l)
		}
	}
}

func TestHeaders(t *testing.T) {
	server := serve(t, openStore(t), func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	v := visit(t, server)
	got := v.send("GET", "/", nil, map[string]string{"X-Forwarded-Proto": "https"})
	for key, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":        "camera=(), geolocation=(), microphone=()",
		"Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if got.header.Get(key) != want {
			t.Errorf("%s: %q, want %q", key, got.header.Get(key), want)
		}
	}
	if cookie := got.header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie: %s", cookie)
	}
	if v.get("/").header.Get("Strict-Transport-Security") != "" {
		t.Error("Strict-Transport-Security without encryption")
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(got.body, -1) {
		file := v.get(m[1])
		if file.status != 200 || file.body == "" || !strings.Contains(file.header.Get("Cache-Control"), "immutable") || file.header.Get("Content-Type") == "" {
			t.Errorf("%s: status %d, %v", m[1], file.status, file.header)
		}
	}
	if strings.Contains(got.body, "style=") || strings.Contains(got.body, "onclick") {
		t.Error("the page needs what its own policy forbids")
	}
}
