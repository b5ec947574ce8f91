package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

const token = "AAAAAAAAAAAAAAAAAAAAAA" // what a visitor's cookie holds

// send asks once and follows no redirect.
func send(t *testing.T, method, url string, form url.Values, header map[string]string) (status int, body string, answer http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(form.Encode()))
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
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestMetrics(t *testing.T) {
	db := startDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI})
	for _, path := range []string{"/", "/", "/entries", "/nowhere", "/readyz"} {
		send(t, "GET", g.url+path, nil, nil)
	}
	for i := range 4 {
		form := url.Values{"token": {token}, "message": {fmt.Sprint("message ", i)}}
		if i == 1 {
			form.Set("message", " ")
		}
		if i == 2 {
			form.Set("token", "forged")
		}
		send(t, "POST", g.url+"/", form, nil)
	}
	_ = db.Stop()
	alone := start(t, map[string]string{"MONGODB_URI": db.URI, "MONGODB_TIMEOUT": "200ms", "SIGNS_PER_MINUTE": "1"})
	for range 2 {
		send(t, "POST", alone.url+"/", url.Values{"token": {token}, "message": {"to nobody"}}, nil)
	}

	// A request is counted just after it has been answered.
	holds := func(g *guestbook, lines ...string) {
		t.Helper()
		for _, line := range lines {
			var metrics string
			eventually(t, "the metrics hold "+line, func() bool {
				_, metrics, _ = get(t, g.metrics+"/metrics")
				return strings.Contains(metrics, "\n"+line+"\n")
			})
		}
	}
	holds(g,
		`guestbook_http_requests_total{code="200",route="GET /{$}"} 2`,
		`guestbook_http_requests_total{code="200",route="GET /entries"} 1`,
		`guestbook_http_requests_total{code="404",route="/"} 1`,
		`guestbook_http_requests_total{code="303",route="POST /{$}"} 2`,
		`guestbook_http_requests_total{code="422",route="POST /{$}"} 1`,
		`guestbook_http_requests_total{code="403",route="POST /{$}"} 1`,
		`guestbook_http_request_duration_seconds_count{route="GET /{$}"} 2`,
		`guestbook_http_request_duration_seconds_bucket{route="GET /{$}",le="+Inf"} 2`,
		`guestbook_signs_total{result="signed"} 2`,
		`guestbook_signs_total{result="invalid"} 1`,
		`guestbook_signs_total{result="forbidden"} 1`,
		`guestbook_signs_total{result="limited"} 0`,
		`guestbook_signs_total{result="failed"} 0`,
		`guestbook_database_up 1`,
	)
	holds(alone,
		`guestbook_http_requests_total{code="503",route="POST /{$}"} 1`,
		`guestbook_http_requests_total{code="429",route="POST /{$}"} 1`,
		`guestbook_signs_total{result="failed"} 1`,
		`guestbook_signs_total{result="limited"} 1`,
	)

	// Visitors do not see the metrics, and who collects them sees no pages.
	for _, url := range []string{g.url + "/metrics", g.metrics + "/", g.metrics + "/entries"} {
		if status, body, _ := get(t, url); status != 404 || strings.Contains(body, "guestbook_") {
			t.Errorf("%s: status %d", url, status)
		}
	}
}

// Each request leaves one line of JSON under its id, without what the visitor wrote.
func TestLog(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": startDB(t).URI, "LOG_LEVEL": "debug", "TRUSTED_PROXIES": "127.0.0.0/8"})
	form := url.Values{"token": {token}, "name": {"confidential"}, "message": {"confidential"}}
	_, _, answer := send(t, "POST", g.url+"/?secret=confidential", form, map[string]string{"X-Request-Id": "request-0001", "X-Forwarded-For": "203.0.113.7"})
	if id := answer.Get("X-Request-Id"); id != "request-0001" {
		t.Errorf("the id that the request had became %q", id)
	}
	_, _, answer = send(t, "GET", g.url+"/entries", nil, map[string]string{"X-Request-Id": `bad "id"`})
	own := answer.Get("X-Request-Id")
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(own) {
		t.Errorf("instead of a bad id the request got %q", own)
	}
	for id, want := range map[string]map[string]any{
		"request-0001": {"level": "INFO", "msg": "request", "method": "POST", "path": "/", "status": 303., "client": "203.0.113.7"},
		own:            {"level": "DEBUG", "msg": "request", "method": "GET", "path": "/entries", "status": 200., "client": "127.0.0.1"},
	} {
		eventually(t, "the log has the request "+id, func() bool { return strings.Contains(g.log.String(), `"request":"`+id+`"`) })
		count := 0
		for lines := bufio.NewScanner(strings.NewReader(g.log.String())); lines.Scan(); {
			var line map[string]any
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, lines.Text())
			}
			if line["request"] != id {
				continue
			}
			count++
			for key, value := range want {
				if line[key] != value {
					t.Errorf("%s: %s is %v, want %v", id, key, line[key], value)
				}
			}
			for _, key := range []string{"time", "bytes", "took"} {
				if line[key] == nil {
					t.Errorf("%s: no %s", id, key)
				}
			}
		}
		if count != 1 {
			t.Errorf("%s: %d lines", id, count)
		}
	}
	for _, secret := range []string{"confidential", token} {
		if strings.Contains(g.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Whatever the number of readers, the database has as many connections at work as it is said.
func TestMaxConnections(t *testing.T) {
	db := startDB(t)
	s, err := store.Open(store.Config{URI: db.URI, Database: "guestbook", Timeout: time.Minute, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	for i := range 2 {
		if _, err := s.Add(context.Background(), entry.Draft{Form: "f", Message: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for setting, want := range map[string]int{"": 20, "2": 2, "5": 5} {
		var mu sync.Mutex
		reading, most := 0, 0
		release := make(chan struct{})
		count := func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			reading += n
			most = max(most, reading)
			return reading
		}
		uri := forward(t, db.URI, func(request []byte) bool {
			if finds(request) {
				count(1)
				<-release
				count(-1)
			}
			return true
		})
		g := start(t, map[string]string{"MONGODB_URI": uri, "MONGODB_MAX_CONNECTIONS": setting, "MONGODB_TIMEOUT": "10s", "PAGE_SIZE": "1"})
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if status, _, _ := send(t, "GET", g.url+"/?page=2", nil, nil); status != 200 {
					t.Errorf("with %q: status %d", setting, status)
				}
			})
		}
		eventually(t, fmt.Sprintf("%d connections are at work", want), func() bool { return count(0) >= want })
		close(release)
		wg.Wait()
		if most != want {
			t.Errorf("MONGODB_MAX_CONNECTIONS=%q: %d at work at once, want %d", setting, most, want)
		}
	}
}
