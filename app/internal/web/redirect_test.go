package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestRedirectToHTTPS checks the address and the status for what visitors ask for, and for what others send.
func TestRedirectToHTTPS(t *testing.T) {
	for _, tc := range []struct {
		name, to, host, target string
		want                   string // empty: refused
	}{
		{"the same host", "", "guestbook.example.com", "/", "https://guestbook.example.com/"},
		{"path and query", "", "10.0.0.5", "/entries?since=3&x=a%20b", "https://10.0.0.5/entries?since=3&x=a%20b"},
		{"an escaped path", "", "a.example", "/a%2Fb", "https://a.example/a%2Fb"},
		{"another port of HTTP", "", "a.example:8080", "/", "https://a.example/"},
		{"another port of HTTPS", ":8443", "a.example:80", "/", "https://a.example:8443/"},
		{"the default port", "a.example:443", "b.example", "/", "https://a.example/"},
		{"the guestbook's own host", "guestbook.example.com", "192.0.2.7", "/", "https://guestbook.example.com/"},
		{"an IPv6 address", "", "[2001:db8::1]:80", "/", "https://[2001:db8::1]/"},
		{"two slashes stay in the path", "", "a.example", "//evil.example/", "https://a.example//evil.example/"},
		{"an absolute address", "", "a.example", "http://a.example/x", "https://a.example/x"},
		{"no host", "", "", "/", ""},
		{"a host with a user", "", "a.example@evil.example", "/", ""},
		{"a host with a path", "", "a.example/evil", "/", ""},
		{"no host, but one of its own", "a.example", "", "/", "https://a.example/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tc.target, nil)
			r.Host = tc.host
			w := httptest.NewRecorder()
			RedirectToHTTPS(tc.to).ServeHTTP(w, r)
			status := http.StatusPermanentRedirect
			if tc.want == "" {
				status = http.StatusBadRequest
			}
			if got := w.Header().Get("Location"); got != tc.want || w.Code != status {
				t.Errorf("%d %q, want %d %q", w.Code, got, status, tc.want)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be stored")
			}
		})
	}
}
