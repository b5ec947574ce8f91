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

// stopwatch is a clock that stands still until it is moved.
type stopwatch struct{ seconds atomic.Int64 }

func (s *stopwatch) now() time.Time { return time.Unix(1_800_000_000+s.seconds.Load(), 0) }

// behindProxies trusts this machine as the load balancer.
func behindProxies(signsPerMinute, readsPerSecond int) func(*Config) {
	return func(c *Config) {
		c.SignsPerMinute, c.ReadsPerSecond = signsPerMinute, readsPerSecond
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.20.0/24")}
	}
}

func TestSignsAreLimited(t *testing.T) {
	s, clock := openStore(t), &stopwatch{}
	v := visit(t, serveAt(t, s, clock.now, behindProxies(3, 1000)))
	values := v.form()
	codes := map[int]int{}
	for i := range 1000 {
		message := fmt.Sprintf("message %d", i)
		values.Set("message", message)
		got := v.post(values, nil)
		codes[got.status]++
		if got.status == 429 {
			got.kept(t, "", message)
			if got.header.Get("Retry-After") != "20" || !strings.Contains(got.body, english.TooFast) {
				t.Fatalf("429 with Retry-After %q, want 20: three a minute", got.header.Get("Retry-After"))
			}
		}
	}
	if codes[200] != 3 || codes[429] != 997 {
		t.Errorf("1000 entries of one client: %v, want 3 taken, 997 told to wait", codes)
	}
	clock.seconds.Add(20)
	for _, want := range []int{200, 429} {
		values.Set("message", fmt.Sprint("after 20 s, ", want))
		if got := v.post(values, nil); got.status != want {
			t.Errorf("after 20 s: status %d, want %d", got.status, want)
		}
	}
	if _, total, err := s.Page(context.Background(), 0, 1); err != nil || total != 4 {
		t.Errorf("%d entries, want 4; %v", total, err)
	}
}

func TestReadsAreLimited(t *testing.T) {
	clock := &stopwatch{}
	v := visit(t, serveAt(t, openStore(t), clock.now, behindProxies(3, 50)))
	count := func(what string, n, taken int) {
		t.Helper()
		codes := map[int]int{}
		for range n {
			got := v.get("/entries")
			codes[got.status]++
			if got.status == 429 && got.header.Get("Retry-After") != "1" {
				t.Fatalf("429 with Retry-After %q", got.header.Get("Retry-After"))
			}
		}
		if codes[200] != taken || codes[429] != n-taken {
			t.Errorf("%s: %v, want %d taken, the others told to wait", what, codes, taken)
		}
	}
	count("3000 requests of one client", 3000, 150)
	clock.seconds.Add(1)
	count("a second later", 100, 50)
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

// What is refused before it is a form is counted too, as a read: it costs the
// client nothing of what he may sign.
func TestRefusalsAreLimited(t *testing.T) {
	const kind = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		n      int
		status int
	}{
		"another site":    {map[string]string{"Content-Type": kind, "Sec-Fetch-Site": "cross-site"}, "message=x", 3000, 403},
		"no form":         {map[string]string{"Content-Type": "application/json"}, "{}", 3000, 415},
		"broken encoding": {map[string]string{"Content-Type": kind}, "message=%zz", 3000, 400},
		"too large":       {map[string]string{"Content-Type": kind}, "message=" + strings.Repeat("x", maxBody), 100, 413},
	} {
		v := visit(t, serveAt(t, openStore(t), (&stopwatch{}).now, behindProxies(3, 10)))
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
			t.Errorf("%s: %v, want 29 times %d, then 429", name, codes, c.status)
		}
		// Neither another client nor the client's own entry is kept waiting.
		other := map[string]string{"X-Forwarded-For": "203.0.113.7"}
		maps.Copy(other, c.header)
		if got := v.send("POST", "/", strings.NewReader(c.body), other); got.status != c.status {
			t.Errorf("%s: another client gets %d", name, got.status)
		}
		values.Set("message", "honest")
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if got := v.post(values, nil); got.status != http.StatusSeeOther {
			t.Errorf("%s: the client's own entry gets %d", name, got.status)
		}
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
