package web

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"oke-guestbook/app/internal/devdb"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

// openStore starts a database and opens it.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	db, err := devdb.Start(t.TempDir(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Stop() })
	s, err := store.Open(store.Config{
		URI: db.URI, Database: "guestbook", Timeout: time.Minute, Connections: 20, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func serve(t *testing.T, s Store, change func(*Config)) *httptest.Server {
	t.Helper()
	cfg := Config{
		Store: s, PageSize: 5, TimeZone: time.UTC, SignsPerMinute: 100_000, ReadsPerSecond: 100_000,
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	server := httptest.NewServer(New(cfg).Handler())
	t.Cleanup(server.Close)
	return server
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

type answer struct {
	status int
	body   string
	header http.Header
}

func (v *visitor) send(method, path string, body io.Reader, header map[string]string) answer {
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
		return answer{}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Error(err)
	}
	return answer{res.StatusCode, string(b), res.Header}
}

func (v *visitor) get(path string) answer { v.t.Helper(); return v.send("GET", path, nil, nil) }

var hidden = regexp.MustCompile(`name="(token|form)" value="([^"]*)"`)

// form loads the page and returns its hidden fields.
func (v *visitor) form() url.Values {
	v.t.Helper()
	values := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(v.get("/").body, -1) {
		values.Set(m[1], m[2])
	}
	if len(values) != 2 {
		v.t.Error("the page has no form")
	}
	return values
}

func (v *visitor) post(values url.Values, header map[string]string) answer {
	v.t.Helper()
	all := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": v.url}
	for key, value := range header {
		all[key] = value
	}
	return v.send("POST", "/", strings.NewReader(values.Encode()), all)
}

func (v *visitor) sign(name, message string) answer {
	v.t.Helper()
	values := v.form()
	values.Set("name", name)
	values.Set("message", message)
	return v.post(values, nil)
}

// kept fails unless the answer holds the form with this text in it.
func (a answer) kept(t *testing.T, name, message string) {
	t.Helper()
	if !strings.Contains(a.body, `<textarea id="message"`) || !strings.Contains(a.body, "\n"+html.EscapeString(message)+"</textarea>") ||
		!strings.Contains(a.body, `name="name" value="`+html.EscapeString(name)+`"`) {
		t.Errorf("status %d: the form did not come back with %.60q by %.60q", a.status, message, name)
	}
}

func TestSign(t *testing.T) {
	v := visit(t, serve(t, openStore(t), nil))
	got := v.sign("민수", "안녕 <script>alert('x')</script>\r\n둘째 줄 👍🏽")
	if got.status != 200 || !strings.Contains(got.body, english.Signed) {
		t.Errorf("after signing: status %d", got.status)
	}
	if !strings.Contains(got.body, "안녕 &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\n둘째 줄 👍🏽</p>") || strings.Contains(got.body, "<script>") {
		t.Errorf("the entry is not there as typed:\n%s", got.body)
	}
	korean := v.send("GET", "/", nil, map[string]string{"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"})
	if !strings.Contains(korean.body, `<html lang="ko">`) || !strings.Contains(korean.body, "글 1개") {
		t.Error("a Korean browser gets another language")
	}
	if french := v.send("GET", "/", nil, map[string]string{"Accept-Language": "fr"}); !strings.Contains(french.body, `<html lang="en">`) {
		t.Error("a French browser gets no English")
	}
}

func TestRefused(t *testing.T) {
	s := openStore(t)
	v := visit(t, serve(t, s, nil))
	for name, c := range map[string]struct {
		name, message string
		problem       entry.Problem
	}{
		"empty":               {"a", "", entry.Blank},
		"blank":               {"a", " \t\r\n\u3000\u00a0", entry.Blank},
		"blank by design":     {"a", "\u3164\u200b\u200d\u2800", entry.Blank},
		"too long":            {"a", strings.Repeat("가", entry.MaxMessage+1), entry.LongMessage},
		"too many lines":      {"a", strings.Repeat("x\n", entry.MaxLines) + "x", entry.ManyLines},
		"name too long":       {strings.Repeat("가", entry.MaxName+1), "x", entry.LongName},
		"invalid UTF-8":       {"a", "caf\xe9", entry.NotText},
		"invalid name":        {"\xff", "x", entry.NotText},
		"control character":   {"a", "x\x00y", entry.ControlInLetter},
		"escape sequence":     {"a", "\x1b[31mred", entry.ControlInLetter},
		"C1 control":          {"a", "x\u0085y", entry.ControlInLetter},
		"line break in name":  {"a\nb", "x", entry.ControlInName},
		"control in the name": {"a\x07", "x", entry.ControlInName},
	} {
		got := v.sign(c.name, c.message)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, html.EscapeString(english.Problems[c.problem])) {
			t.Errorf("%s: status %d, without %q", name, got.status, english.Problems[c.problem])
		}
		if strings.Contains(got.body, english.NotRead) {
			t.Errorf("%s: the entries are not shown", name)
		}
		if !strings.Contains(got.body, `aria-invalid="true"`) || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: no field is marked", name)
		}
		if c.problem == entry.LongMessage || c.problem == entry.LongName {
			got.kept(t, c.name, c.message)
		}
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 0 {
		t.Errorf("%d entries were stored, %v", total, err)
	}
	// The limits themselves are taken.
	if got := v.sign(strings.Repeat("👍", entry.MaxName), strings.Repeat("가", entry.MaxMessage)); got.status != 200 {
		t.Errorf("at the limits: status %d", got.status)
	}
}

func TestForgeries(t *testing.T) {
	s := openStore(t)
	server := serve(t, s, nil)
	for name, c := range map[string]struct {
		token  string // in the form; "own" is the right one
		cookie bool
		header map[string]string
		status int
		kept   bool
	}{
		"no token":           {"", true, nil, 403, true},
		"another's token":    {random(), true, nil, 403, true},
		"no cookie":          {"own", false, nil, 403, true},
		"another origin":     {"own", true, map[string]string{"Origin": "https://evil.example"}, 403, false},
		"another site":       {"own", true, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, false},
		"a neighbour's site": {"own", true, map[string]string{"Sec-Fetch-Site": "same-site"}, 403, false},
		"JSON":               {"own", true, map[string]string{"Content-Type": "application/json"}, 415, false},
		"broken encoding":    {"own", true, map[string]string{"X-Break": "%zz"}, 400, false},
	} {
		v := visit(t, server)
		values := v.form()
		values.Set("message", "forged "+name)
		if c.token != "own" {
			values.Set("token", c.token)
		}
		if !c.cookie {
			v.client.Jar = nil
		}
		var got answer
		if bad := c.header["X-Break"]; bad != "" {
			got = v.send("POST", "/", strings.NewReader(values.Encode()+"&x="+bad),
				map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
		} else {
			got = v.post(values, c.header)
		}
		if got.status != c.status {
			t.Errorf("%s: status %d, want %d", name, got.status, c.status)
		}
		if c.kept {
			got.kept(t, "", "forged "+name)
		} else if strings.Contains(got.body, "forged") {
			t.Errorf("%s: the answer repeats what another site wrote", name)
		}
	}
	v := visit(t, server)
	values := v.form()
	values.Set("message", strings.Repeat("x", maxBody))
	if got := v.post(values, nil); got.status != 413 {
		t.Errorf("a huge form: status %d", got.status)
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 0 {
		t.Errorf("%d entries were stored, %v", total, err)
	}
	// A token works on every replica.
	other := serve(t, s, nil)
	values = v.form()
	values.Set("message", "through another replica")
	req, _ := http.NewRequest("POST", other.URL+"/", strings.NewReader(values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: tokenCookie, Value: values.Get("token")})
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("through another replica: status %d", res.StatusCode)
	}
}

func TestPages(t *testing.T) {
	s := openStore(t)
	for i := range 12 {
		if _, err := s.Add(context.Background(), entry.Draft{Form: "f", Message: fmt.Sprintf("message %02d.", i)}); err != nil {
			t.Fatal(err)
		}
	}
	v := visit(t, serve(t, s, nil))
	for path, want := range map[string]string{"/": "11 10 09 08 07", "/?page=1": "11 10 09 08 07", "/?page=2": "06 05 04 03 02", "/?page=3": "01 00"} {
		got := v.get(path)
		var shown []string
		for _, m := range regexp.MustCompile(`message (\d\d)\.`).FindAllStringSubmatch(got.body, -1) {
			shown = append(shown, m[1])
		}
		if got.status != 200 || strings.Join(shown, " ") != want {
			t.Errorf("%s: status %d, shows %q, want %q", path, got.status, shown, want)
		}
	}
	for _, path := range []string{"/?page=4", "/?page=0", "/?page=-1", "/?page=two", "/?page=1e3", "/?page=99999999999999999999", "/?page=1000000", "/nowhere", "/static/nothing.css", "/index.php"} {
		if got := v.get(path); got.status != 404 || !strings.Contains(got.body, english.NoPage) {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
	if got := v.send("DELETE", "/", nil, nil); got.status != 405 && got.status != 404 {
		t.Errorf("DELETE: status %d", got.status)
	}
}

// Whoever asks for a page read from now on gets one, and many who ask at once
// share a read.
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
			mine := int(written.Add(1))
			snap, err := l.get(context.Background(), true)
			if err != nil || snap.total < mine {
				t.Errorf("a page with %d entries, after the writing of %d; %v", snap.total, mine, err)
			}
		})
	}
	close(start)
	wg.Wait()
	if n := reads.Load(); n > 250 {
		t.Errorf("500 askers caused %d reads", n)
	}
	before := reads.Load()
	for range 100 {
		if _, err := l.get(context.Background(), false); err != nil {
			t.Error(err)
		}
	}
	if n := reads.Load() - before; n > 1 {
		t.Errorf("100 readers of what is in memory caused %d reads", n)
	}
}

func TestNews(t *testing.T) {
	s := openStore(t)
	v := visit(t, serve(t, s, nil))
	first := v.get("/entries")
	tag := first.header.Get("ETag")
	if first.status != 200 || tag == "" || !strings.Contains(v.get("/").body, `data-tag="`+html.EscapeString(tag)+`"`) {
		t.Fatalf("status %d, tag %q", first.status, tag)
	}
	if got := v.send("GET", "/entries", nil, map[string]string{"If-None-Match": tag}); got.status != 304 || got.body != "" {
		t.Errorf("nothing new: status %d, %q", got.status, got.body)
	}
	v.sign("", "something new")
	if got := v.send("GET", "/entries", nil, map[string]string{"If-None-Match": tag}); got.status != 200 || !strings.Contains(got.body, "something new") {
		t.Errorf("something new: status %d, %q", got.status, got.body)
	}
}

// Each of a hundred visitors signs by the form, all at once, half of them
// pressing the button twice.
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
		t.Errorf("%d counted, %d read, %d different; %v", total, len(entries), len(seen), err)
	}
}

func TestRateLimits(t *testing.T) {
	server := serve(t, openStore(t), func(c *Config) {
		c.SignsPerMinute, c.ReadsPerSecond = 3, 50
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.20.0/24")}
	})
	v := visit(t, server)
	values := v.form()
	for i := range 5 {
		values.Set("message", fmt.Sprintf("message %d", i))
		got := v.post(values, nil)
		if want := map[bool]int{true: 200, false: 429}[i < 3]; got.status != want {
			t.Errorf("entry %d: status %d, want %d", i, got.status, want)
		}
		if got.status == 429 {
			got.kept(t, "", fmt.Sprintf("message %d", i))
			if got.header.Get("Retry-After") == "" || !strings.Contains(got.body, english.TooFast) {
				t.Error("429 does not say when to come back")
			}
		}
	}

	codes := map[int]int{}
	for range 3000 {
		codes[v.get("/entries").status]++
	}
	if codes[200] < 100 || codes[429] < 1000 || codes[200]+codes[429] != 3000 {
		t.Errorf("3000 requests of one client: %v", codes)
	}
	// Another client is not kept waiting, and nobody can pose as one by a header of his own.
	for from, want := range map[string]int{
		"203.0.113.7":                        200,
		"203.0.113.7, 10.0.20.9":             200,
		"198.51.100.1, 127.0.0.1, 10.0.20.9": 200,
		"127.0.0.1":                          429,
		"garbage":                            429,
	} {
		if got := v.send("GET", "/entries", nil, map[string]string{"X-Forwarded-For": from}); got.status != want {
			t.Errorf("X-Forwarded-For %q: status %d, want %d", from, got.status, want)
		}
	}
	if got := v.get("/readyz"); got.status != 200 {
		t.Errorf("readyz is limited: %d", got.status)
	}
}

func TestClientAddress(t *testing.T) {
	trusting := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.1:4000", "", "203.0.113.1/32"},
		{"203.0.113.1:4000", "192.0.2.1", "203.0.113.1/32"}, // not a proxy: its header is not believed
		{"10.0.0.5:4000", "192.0.2.1", "192.0.2.1/32"},
		{"10.0.0.5:4000", "1.1.1.1, 192.0.2.1, 10.0.3.4", "192.0.2.1/32"}, // 1.1.1.1 is the visitor's claim
		{"10.0.0.5:4000", "[2001:db8:1:2:3:4:5:6]:99", "2001:db8:1:2::/64"},
		{"[2001:db8::1]:4000", "", "2001:db8::/64"},
		{"[::ffff:203.0.113.1]:4000", "", "203.0.113.1/32"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := trusting.client(r).String(); got != c.want {
			t.Errorf("%s for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	l := newLimiter(1, 1)
	for i := range 5 * maxClients {
		l.take(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
	}
	if n := len(l.now) + len(l.before); n > 2*maxClients {
		t.Errorf("it remembers %d clients", n)
	}
}

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
	got := v.send("GET", "/?page=2", nil, map[string]string{"X-Request-Id": "from-the-proxy"})
	if got.status != 500 || strings.Contains(got.body, "secret") || strings.Contains(got.body, "goroutine") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if !strings.Contains(got.body, "from-the-proxy") || got.header.Get("X-Request-Id") != "from-the-proxy" {
		t.Errorf("the answer does not name the request: %s", got.body)
	}
	if l := log.String(); !strings.Contains(l, "secret detail") || !strings.Contains(l, `"request":"from-the-proxy"`) {
		t.Errorf("the log does not hold the cause: %s", l)
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
