package web

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"testing"

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
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if !strings.Contains(got.header.Get(key), want) {
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
