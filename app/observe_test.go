package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

func TestMetrics(t *testing.T) {
	db := apptest.StartDB(t)
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
	withoutDB := start(t, map[string]string{
		"MONGODB_URI": db.URI, "MONGODB_TIMEOUT": "200ms", "SIGNS_PER_MINUTE": "1",
	})
	for range 2 {
		send(t, "POST", withoutDB.url+"/", url.Values{"token": {token}, "message": {"lost"}}, nil)
	}

	// A request is counted just after its response.
	wantMetrics := func(g *guestbook, lines ...string) {
		t.Helper()
		for _, line := range lines {
			var metrics string
			apptest.Eventually(t, "metric "+line, func() bool {
				_, metrics, _ = get(t, g.metrics+"/metrics")
				return strings.Contains(metrics, "\n"+line+"\n")
			})
		}
	}
	wantMetrics(g,
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
	wantMetrics(withoutDB,
		`guestbook_http_requests_total{code="503",route="POST /{$}"} 1`,
		`guestbook_http_requests_total{code="429",route="POST /{$}"} 1`,
		`guestbook_signs_total{result="failed"} 1`,
		`guestbook_signs_total{result="limited"} 1`,
	)
}

// The public port has no metrics, and the metrics port has no pages.
func TestPorts(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": "mongodb://" + occupied(t)})
	for _, address := range []string{g.url + "/metrics", g.metrics + "/", g.metrics + "/entries"} {
		if status, body, _ := get(t, address); status != 404 || strings.Contains(body, "guestbook_") {
			t.Errorf("%s: status %d", address, status)
		}
	}
}

// Each request is logged as one line of JSON with its id, and without the visitor's text.
func TestLog(t *testing.T) {
	g := start(t, map[string]string{
		"MONGODB_URI": apptest.StartDB(t).URI, "LOG_LEVEL": "debug", "TRUSTED_PROXIES": "127.0.0.0/8",
	})
	form := url.Values{"token": {token}, "name": {"confidential"}, "message": {"confidential"}}
	_, _, header := send(t, "POST", g.url+"/?secret=confidential", form,
		map[string]string{"X-Request-Id": "request-0001", "X-Forwarded-For": "203.0.113.7"})
	if id := header.Get("X-Request-Id"); id != "request-0001" {
		t.Errorf("the valid id request-0001 was replaced by %q", id)
	}
	_, _, header = send(t, "GET", g.url+"/entries", nil, map[string]string{"X-Request-Id": `bad "id"`})
	generated := header.Get("X-Request-Id")
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(generated) {
		t.Errorf("the invalid id was replaced by %q", generated)
	}
	for id, want := range map[string]map[string]any{
		"request-0001": {
			"level": "INFO", "msg": "request", "method": "POST", "path": "/", "status": 303., "client": "203.0.113.7",
		},
		generated: {
			"level": "DEBUG", "msg": "request", "method": "GET", "path": "/entries", "status": 200., "client": "127.0.0.1",
		},
	} {
		apptest.Eventually(t, "request "+id+" is logged", func() bool {
			return strings.Contains(g.log.String(), `"request":"`+id+`"`)
		})
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
					t.Errorf("%s: %s is missing", id, key)
				}
			}
		}
		if count != 1 {
			t.Errorf("%s: %d lines, want 1", id, count)
		}
	}
	for _, secret := range []string{"confidential", token} {
		if strings.Contains(g.log.String(), secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
}

// MONGODB_MAX_CONNECTIONS limits the number of database connections in use, for any number of readers.
func TestMaxConnections(t *testing.T) {
	db := apptest.StartDB(t)
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
			if isFind(request) {
				count(1)
				<-release
				count(-1)
			}
			return true
		})
		g := start(t, map[string]string{
			"MONGODB_URI": uri, "MONGODB_MAX_CONNECTIONS": setting, "MONGODB_TIMEOUT": "10s", "PAGE_SIZE": "1",
		})
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if status, _, _ := send(t, "GET", g.url+"/?page=2", nil, nil); status != 200 {
					t.Errorf("MONGODB_MAX_CONNECTIONS=%q: status %d", setting, status)
				}
			})
		}
		apptest.Eventually(t, fmt.Sprintf("%d connections in use", want), func() bool { return count(0) >= want })
		close(release)
		wg.Wait()
		if most != want {
			t.Errorf("MONGODB_MAX_CONNECTIONS=%q: %d connections in use at once, want %d", setting, most, want)
		}
	}
}
