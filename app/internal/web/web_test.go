package web

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

// openStore opens a store on a new database.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{
		URI: apptest.StartDB(t).URI, Database: "guestbook", Timeout: time.Minute, Connections: 20,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// serve serves the pages. change, if not nil, changes the configuration.
func serve(t *testing.T, s Store, change func(*Config)) *httptest.Server {
	t.Helper()
	return serveAt(t, s, time.Now, change)
}

// serveAt is serve with a clock for the limiters.
func serveAt(t *testing.T, s Store, clock func() time.Time, change func(*Config)) *httptest.Server {
	t.Helper()
	server, _ := serveSite(t, s, clock, change)
	return server
}

// serveSite is serveAt, and also returns the Server.
func serveSite(t *testing.T, s Store, clock func() time.Time, change func(*Config)) (*httptest.Server, *Server) {
	t.Helper()
	cfg := Config{
		Store: s, PageSize: 5, TimeZone: time.UTC, SignsPerMinute: 100_000, ReadsPerSecond: 100_000,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	site := New(cfg)
	site.reads.clock, site.signs.clock = clock, clock
	server := httptest.NewServer(site.Handler())
	t.Cleanup(server.Close)
	return server, site
}

// visitor is a browser with cookies and without JavaScript.
type visitor struct {
	t      *testing.T
	client *http.Client
	url    string
}

func visit(t *testing.T, server *httptest.Server) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, &http.Client{Jar: jar, Timeout: 2 * time.Minute}, server.URL}
}

type response struct {
	status int
	body   string
	header http.Header
}

func (v *visitor) send(method, path string, body io.Reader, header map[string]string) response {
	v.t.Helper()
	req, err := http.NewRequest(method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Error(err)
		return response{}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Error(err)
	}
	return response{res.StatusCode, string(b), res.Header}
}

// get loads a page.
func (v *visitor) get(path string) response { v.t.Helper(); return v.send("GET", path, nil, nil) }

var hidden = regexp.MustCompile(`name="(token|form)" value="([^"]*)"`)

// form loads the page and returns its hidden fields.
func (v *visitor) form() url.Values {
	v.t.Helper()
	values := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(v.get("/").body, -1) {
		values.Set(m[1], m[2])
	}
	if len(values) != 2 {
		v.t.Error("the page has no token or no form id")
	}
	return values
}

// post sends the form.
func (v *visitor) post(values url.Values, header map[string]string) response {
	v.t.Helper()
	all := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": v.url}
	for key, value := range header {
		all[key] = value
	}
	return v.send("POST", "/", strings.NewReader(values.Encode()), all)
}

// sign loads the page, and fills in and sends the form.
func (v *visitor) sign(name, message string) response {
	v.t.Helper()
	values := v.form()
	values.Set("name", name)
	values.Set("message", message)
	return v.post(values, nil)
}

// wantForm fails the test unless the response has the form with this name and message.
func (r response) wantForm(t *testing.T, name, message string) {
	t.Helper()
	if !strings.Contains(r.body, `<textarea id="message"`) ||
		!strings.Contains(r.body, "\n"+html.EscapeString(message)+"</textarea>") ||
		!strings.Contains(r.body, `name="name" value="`+html.EscapeString(name)+`"`) {
		t.Errorf("status %d: the form was not returned with message %.60q and name %.60q", r.status, message, name)
	}
}

func TestSign(t *testing.T) {
	v := visit(t, serve(t, openStore(t), nil))
	got := v.sign("민수", "안녕 <script>alert('x')</script>\r\n둘째 줄 👍🏽")
	if got.status != 200 || !strings.Contains(got.body, english.Signed) {
		t.Errorf("after signing: status %d", got.status)
	}
	if !strings.Contains(got.body, "안녕 &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\n둘째 줄 👍🏽</p>") ||
		strings.Contains(got.body, "<script>") {
		t.Errorf("the entry is not shown as typed:\n%s", got.body)
	}
	if !strings.Contains(got.body, `<p class="message" dir="auto" lang="ko">안녕`) {
		t.Error("a Korean entry on an English page is not marked as Korean")
	}
	got = v.sign("", "👋 Hello, 민수")
	if !strings.Contains(got.body, `<p class="message" dir="auto">👋 Hello`) {
		t.Error("an English entry is marked as another language")
	}
	korean := v.send("GET", "/", nil, map[string]string{"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"})
	if !strings.Contains(korean.body, `<html lang="ko">`) || !strings.Contains(korean.body, "글 2개") {
		t.Error("a Korean browser does not get the Korean page")
	}
	french := v.send("GET", "/", nil, map[string]string{"Accept-Language": "fr"})
	if !strings.Contains(french.body, `<html lang="en">`) {
		t.Error("a French browser does not get the English page")
	}
}

func TestPages(t *testing.T) {
	s := openStore(t)
	for i := range 12 {
		d := entry.Draft{Form: "f", Message: fmt.Sprintf("message %02d.", i)}
		if _, err := s.Add(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	v := visit(t, serve(t, s, nil))
	for path, want := range map[string]string{
		"/": "11 10 09 08 07", "/?page=1": "11 10 09 08 07", "/?page=2": "06 05 04 03 02", "/?page=3": "01 00",
	} {
		got := v.get(path)
		var shown []string
		for _, m := range regexp.MustCompile(`message (\d\d)\.`).FindAllStringSubmatch(got.body, -1) {
			shown = append(shown, m[1])
		}
		if got.status != 200 || strings.Join(shown, " ") != want {
			t.Errorf("%s: status %d, shows %q, want %q", path, got.status, shown, want)
		}
	}
	for _, path := range []string{
		"/?page=4", "/?page=0", "/?page=-1", "/?page=two", "/?page=1e3", "/?page=99999999999999999999", "/?page=1000000",
		"/nowhere", "/static/nothing.css", "/index.php",
	} {
		if got := v.get(path); got.status != 404 || !strings.Contains(got.body, english.NoPage) {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
	for _, method := range []string{"DELETE", "PUT", "PATCH", "OPTIONS"} {
		if got := v.send(method, "/", nil, nil); got.status != 405 || got.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: status %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
		if got := v.send(method, "/entries", nil, nil); got.status != 404 {
			t.Errorf("%s /entries: status %d", method, got.status)
		}
	}
}

// A fresh page was read after the call, and concurrent calls share reads.
func TestLatest(t *testing.T) {
	var reads atomic.Int64
	var written atomic.Int64
	l := &latest{read: func(context.Context) (*snapshot, error) {
		reads.Add(1)
		total := int(written.Load())
		time.Sleep(time.Millisecond)
		return &snapshot{total: total}, nil
	}}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 500 {
		wg.Go(func() {
			<-start
			own := int(written.Add(1))
			snap, err := l.get(context.Background(), true)
			if err != nil {
				t.Error(err)
			} else if snap.total < own {
				t.Errorf("%d entries on the page, want at least %d", snap.total, own)
			}
		})
	}
	close(start)
	wg.Wait()
	if n := reads.Load(); n > 250 {
		t.Errorf("500 calls caused %d reads, want at most 250", n)
	}
	before := reads.Load()
	for range 100 {
		if _, err := l.get(context.Background(), false); err != nil {
			t.Error(err)
		}
	}
	if n := reads.Load() - before; n > 1 {
		t.Errorf("100 calls for the cached page caused %d reads, want at most 1", n)
	}
}

func TestNews(t *testing.T) {
	s := openStore(t)
	v := visit(t, serve(t, s, nil))
	first := v.get("/entries")
	tag := first.header.Get("ETag")
	onPage := `data-tag="` + html.EscapeString(tag) + `"`
	if first.status != 200 || tag == "" || !strings.Contains(v.get("/").body, onPage) {
		t.Fatalf("status %d, tag %q", first.status, tag)
	}
	poll := func() response { return v.send("GET", "/entries", nil, map[string]string{"If-None-Match": tag}) }
	if got := poll(); got.status != 304 || got.body != "" {
		t.Errorf("no new entry: status %d, %q", got.status, got.body)
	}
	v.sign("", "something new")
	if got := poll(); got.status != 200 || !strings.Contains(got.body, "something new") {
		t.Errorf("a new entry: status %d, %q", got.status, got.body)
	}
}

// 100 visitors sign at the same time, half of them twice with the same form: each entry is stored once.
func TestManyVisitors(t *testing.T) {
	s := openStore(t)
	server := serve(t, s, nil)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			v := visit(t, server)
			values := v.form()
			values.Set("message", fmt.Sprintf("visitor %d", i))
			var again sync.WaitGroup
			for range 1 + i%2 {
				again.Go(func() {
					if got := v.post(values, nil); got.status != 200 {
						t.Errorf("visitor %d: status %d", i, got.status)
					}
				})
			}
			again.Wait()
		})
	}
	wg.Wait()
	entries, total, err := s.Page(context.Background(), 0, 1000)
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.Message] = true
	}
	if err != nil || total != 100 || len(entries) != 100 || len(seen) != 100 {
		t.Errorf("%d counted, %d read, %d different, want 100; error %v", total, len(entries), len(seen), err)
	}
}
