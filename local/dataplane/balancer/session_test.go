package balancer_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
)

const routeCookie = "X-Oracle-BMC-LBS-Route"

// browser is a client that keeps cookies.
func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: limit}
}

func TestSessionOfLoadBalancer(t *testing.T) {
	set := webSet(named(t, "a", "b", "c")...)
	set.Session = &cloud.Session{Cookie: routeCookie, Path: "/", MaxAgeSeconds: 60, HTTPOnly: true}
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	client, url := browser(t), "http://"+f.address()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	cookie := resp.Cookies()[0]
	if cookie.Name != routeCookie || cookie.MaxAge != 60 || !cookie.HttpOnly || cookie.Secure || cookie.Path != "/" {
		t.Errorf("cookie %+v", cookie)
	}
	mine := string(body)
	for range 5 {
		if _, got := fetch(t, client, url); got != mine {
			t.Errorf("session of %s answered by %s", mine, got)
		}
	}
	// A draining backend keeps its sessions; one that is offline loses them, for good.
	backends := set.Backends
	own := strings.Index("abc", mine)
	backends[own].Drain = true
	f.setBackends(backends...)
	if _, got := fetch(t, client, url); got != mine {
		t.Errorf("session of the draining backend %s answered by %s", mine, got)
	}
	backends = append([]cloud.Backend(nil), backends...)
	backends[own].Offline = true
	f.setBackends(backends...)
	_, other := fetch(t, client, url)
	if other == mine {
		t.Errorf("%s answers although it is offline", mine)
	}
	if _, got := fetch(t, client, url); got != other {
		t.Errorf("the session moved to %s, then to %s", other, got)
	}
}

func TestSessionWithoutFallback(t *testing.T) {
	set := webSet(named(t, "a", "b")...)
	set.Session = &cloud.Session{Cookie: routeCookie, DisableFallback: true}
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	client, url := browser(t), "http://"+f.address()
	_, mine := fetch(t, client, url)
	backends := append([]cloud.Backend(nil), set.Backends...)
	backends[strings.Index("ab", mine)].Offline = true
	f.setBackends(backends...)
	if status, body := fetch(t, client, url); status != http.StatusBadGateway {
		t.Errorf("answer %d %q without the session's backend", status, body)
	}
	if status, _ := f.get("/"); status != http.StatusOK {
		t.Errorf("answer %d to a client without a session", status)
	}
}

func TestSessionOfApplication(t *testing.T) {
	handler := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/login":
				http.SetCookie(w, &http.Cookie{Name: "SID", Value: "1", Path: "/"})
			case "/logout":
				http.SetCookie(w, &http.Cookie{Name: "SID", Path: "/", MaxAge: -1})
			default:
				http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark", Path: "/"})
			}
			fmt.Fprint(w, name)
		}
	}
	set := webSet(serve(t, handler("a")), serve(t, handler("b")))
	set.Session = &cloud.Session{AppCookie: "SID", Cookie: routeCookie, Path: "/"}
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	client, url := browser(t), "http://"+f.address()
	several := func(path string) int {
		seen := map[string]bool{}
		for range 4 {
			_, body := fetch(t, client, url+path)
			seen[body] = true
		}
		return len(seen)
	}
	if n := several("/"); n != 2 {
		t.Errorf("%d backends before a session, want 2", n)
	}
	if n := several("/login"); n != 1 {
		t.Errorf("%d backends in a session, want 1", n)
	}
	if n := several("/"); n != 1 {
		t.Errorf("%d backends in a session, want 1", n)
	}
	fetch(t, client, url+"/logout")
	if n := several("/"); n != 2 {
		t.Errorf("%d backends after the session, want 2", n)
	}
}
