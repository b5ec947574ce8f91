package web

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

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
