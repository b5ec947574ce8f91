package web

import (
	"context"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oke-guestbook/app/internal/entry"
)

// Invalid entries are refused, and the field is marked.
func TestInvalidEntries(t *testing.T) {
	s := openStore(t)
	v := visit(t, serve(t, s, nil))
	for name, c := range map[string]struct {
		name, message string
		problem       entry.Problem
	}{
		"empty":               {"a", "", entry.Blank},
		"blank":               {"a", " \t\r\n\u3000\u00a0", entry.Blank},
		"invisible":           {"a", "\u3164\u200b\u200d\u2800", entry.Blank},
		"too long":            {"a", strings.Repeat("가", entry.MaxMessage+1), entry.LongMessage},
		"too many lines":      {"a", strings.Repeat("x\n", entry.MaxLines) + "x", entry.ManyLines},
		"name too long":       {strings.Repeat("가", entry.MaxName+1), "x", entry.LongName},
		"invalid UTF-8":       {"a", "caf\xe9", entry.InvalidUTF8},
		"invalid name":        {"\xff", "x", entry.InvalidUTF8},
		"control character":   {"a", "x\x00y", entry.ControlInMessage},
		"escape sequence":     {"a", "\x1b[31mred", entry.ControlInMessage},
		"C1 control":          {"a", "x\u0085y", entry.ControlInMessage},
		"line break in name":  {"a\nb", "x", entry.ControlInName},
		"control in the name": {"a\x07", "x", entry.ControlInName},
	} {
		got := v.sign(c.name, c.message)
		want := english.Problems[c.problem]
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, html.EscapeString(want)) {
			t.Errorf("%s: status %d, want 422 and %q", name, got.status, want)
		}
		if strings.Contains(got.body, english.NotRead) {
			t.Errorf("%s: the page does not show the entries", name)
		}
		if !strings.Contains(got.body, `aria-invalid="true"`) || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: no field is marked", name)
		}
		if c.problem == entry.LongMessage || c.problem == entry.LongName {
			got.wantForm(t, c.name, c.message)
		}
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 0 {
		t.Errorf("%d entries are stored, want 0; error %v", total, err)
	}
	// The limits are inclusive.
	if got := v.sign(strings.Repeat("👍", entry.MaxName), strings.Repeat("가", entry.MaxMessage)); got.status != 200 {
		t.Errorf("at the limits: status %d", got.status)
	}
}

// Forged requests are refused.
func TestForgedRequests(t *testing.T) {
	s := openStore(t)
	server := serve(t, s, nil)
	for name, c := range map[string]struct {
		token  string // the form's field; "own" is the visitor's token
		cookie bool
		header map[string]string
		status int
		form   bool // the response has the form with the text
	}{
		"no token":        {"", true, nil, 403, true},
		"another's token": {random(), true, nil, 403, true},
		"no cookie":       {"own", false, nil, 403, true},
		"another origin":  {"own", true, map[string]string{"Origin": "https://evil.example"}, 403, false},
		"another site":    {"own", true, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, false},
		"a sibling site":  {"own", true, map[string]string{"Sec-Fetch-Site": "same-site"}, 403, false},
		"JSON":            {"own", true, map[string]string{"Content-Type": "application/json"}, 415, false},
		"broken encoding": {"own", true, map[string]string{"X-Break": "%zz"}, 400, false},
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
		var got response
		if bad := c.header["X-Break"]; bad != "" {
			got = v.send("POST", "/", strings.NewReader(values.Encode()+"&x="+bad),
				map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
		} else {
			got = v.post(values, c.header)
		}
		if got.status != c.status {
			t.Errorf("%s: status %d, want %d", name, got.status, c.status)
		}
		if c.form {
			got.wantForm(t, "", "forged "+name)
		} else if strings.Contains(got.body, "forged") {
			t.Errorf("%s: the response repeats the other site's text", name)
		}
	}
	v := visit(t, server)
	values := v.form()
	values.Set("message", strings.Repeat("x", maxBody))
	if got := v.post(values, nil); got.status != 413 {
		t.Errorf("too large a form: status %d", got.status)
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 0 {
		t.Errorf("%d entries are stored, want 0; error %v", total, err)
	}
}

// A token is valid on all replicas.
func TestTokenOnOtherReplica(t *testing.T) {
	s := openStore(t)
	values := visit(t, serve(t, s, nil)).form()
	other := serve(t, s, nil)
	values.Set("message", "on another replica")
	req, _ := http.NewRequest("POST", other.URL+"/", strings.NewReader(values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: tokenCookie, Value: values.Get("token")})
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("on another replica: status %d", res.StatusCode)
	}
}

// fakeClock is a clock that the test advances.
type fakeClock struct{ seconds atomic.Int64 }

func (c *fakeClock) now() time.Time { return time.Unix(1_800_000_000+c.seconds.Load(), 0) }

// behindProxies trusts the loopback addresses and a subnet as the load balancer's.
func behindProxies(signsPerMinute, readsPerSecond int) func(*Config) {
	return func(c *Config) {
		c.SignsPerMinute, c.ReadsPerSecond = signsPerMinute, readsPerSecond
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.20.0/24")}
	}
}

func TestSignsAreLimited(t *testing.T) {
	s, clock := openStore(t), &fakeClock{}
	v := visit(t, serveAt(t, s, clock.now, behindProxies(3, 1000)))
	values := v.form()
	codes := map[int]int{}
	for i := range 1000 {
		message := fmt.Sprintf("message %d", i)
		values.Set("message", message)
		got := v.post(values, nil)
		codes[got.status]++
		if got.status == 429 {
			got.wantForm(t, "", message)
			if got.header.Get("Retry-After") != "20" || !strings.Contains(got.body, english.TooFast) {
				t.Fatalf("429 with Retry-After %q, want 20 for 3 entries per minute", got.header.Get("Retry-After"))
			}
		}
	}
	if codes[200] != 3 || codes[429] != 997 {
		t.Errorf("1000 entries of one client: status codes %v, want 3 of 200 and 997 of 429", codes)
	}
	clock.seconds.Add(20)
	for _, want := range []int{200, 429} {
		values.Set("message", fmt.Sprint("after 20 s, ", want))
		if got := v.post(values, nil); got.status != want {
			t.Errorf("after 20 s: status %d, want %d", got.status, want)
		}
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 4 {
		t.Errorf("%d entries, want 4; error %v", total, err)
	}
}

func TestReadsAreLimited(t *testing.T) {
	clock := &fakeClock{}
	v := visit(t, serveAt(t, openStore(t), clock.now, behindProxies(3, 50)))
	count := func(what string, n, allowed int) {
		t.Helper()
		codes := map[int]int{}
		for range n {
			got := v.get("/entries")
			codes[got.status]++
			if got.status == 429 && got.header.Get("Retry-After") != "1" {
				t.Fatalf("429 with Retry-After %q", got.header.Get("Retry-After"))
			}
		}
		if codes[200] != allowed || codes[429] != n-allowed {
			t.Errorf("%s: status codes %v, want %d of 200 and the others 429", what, codes, allowed)
		}
	}
	count("3000 requests of one client", 3000, 150)
	clock.seconds.Add(1)
	count("one second later", 100, 50)
	// Other clients are not limited, and a client cannot pretend to be another one with a header of its own.
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
		t.Errorf("readyz is limited: status %d", got.status)
	}
}

// Requests that are refused before a form is read count as reads, not as entries.
func TestRefusalsAreLimited(t *testing.T) {
	const kind = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		n      int
		status int
	}{
		"another site": {
			map[string]string{"Content-Type": kind, "Sec-Fetch-Site": "cross-site"}, "message=x", 3000, 403,
		},
		"not a form":      {map[string]string{"Content-Type": "application/json"}, "{}", 3000, 415},
		"broken encoding": {map[string]string{"Content-Type": kind}, "message=%zz", 3000, 400},
		"too large":       {map[string]string{"Content-Type": kind}, strings.Repeat("x", maxBody+1), 100, 413},
	} {
		v := visit(t, serveAt(t, openStore(t), (&fakeClock{}).now, behindProxies(3, 10)))
		values := v.form() // one read
		codes := map[int]int{}
		for range c.n {
			got := v.send("POST", "/", strings.NewReader(c.body), c.header)
			codes[got.status]++
			if got.status == 429 && got.header.Get("Retry-After") != "1" {
				t.Fatalf("%s: 429 with Retry-After %q", name, got.header.Get("Retry-After"))
			}
		}
		if codes[c.status] != 29 || codes[429] != c.n-29 {
			t.Errorf("%s: status codes %v, want 29 of %d, then 429", name, codes, c.status)
		}
		// Other clients and the client's own entries are not limited.
		other := map[string]string{"X-Forwarded-For": "203.0.113.7"}
		maps.Copy(other, c.header)
		if got := v.send("POST", "/", strings.NewReader(c.body), other); got.status != c.status {
			t.Errorf("%s: another client: status %d", name, got.status)
		}
		values.Set("message", "honest")
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if got := v.post(values, nil); got.status != http.StatusSeeOther {
			t.Errorf("%s: the client's own entry: status %d", name, got.status)
		}
	}
}

func TestClientAddress(t *testing.T) {
	trusting := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.1:4000", "", "203.0.113.1/32"},
		{"203.0.113.1:4000", "192.0.2.1", "203.0.113.1/32"}, // not a proxy: its header is ignored
		{"10.0.0.5:4000", "192.0.2.1", "192.0.2.1/32"},
		{"10.0.0.5:4000", "1.1.1.1, 192.0.2.1, 10.0.3.4", "192.0.2.1/32"}, // 1.1.1.1 was sent by the visitor
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

// A limiter forgets clients, so that its memory is limited.
func TestLimiterForgets(t *testing.T) {
	l := newLimiter(1, 1)
	for i := range 5 * maxClients {
		l.take(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
	}
	if n := len(l.current) + len(l.previous); n > 2*maxClients {
		t.Errorf("the limiter remembers %d clients, want at most %d", n, 2*maxClients)
	}
}
