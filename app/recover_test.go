package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"oke-guestbook/app/internal/apptest"
)

// shortTimers divides the page's pauses and timeouts by 40. With window.fullTimeouts, the request timeouts of app.js
// (10 s and 30 s) keep their length.
const shortTimers = `{
	const setTimer = window.setTimeout;
	const full = (ms) => window.fullTimeouts && (ms === 10000 || ms === 30000);
	window.setTimeout = (f, ms, ...more) => setTimer(f, full(ms) ? ms : ms / 40, ...more);
}`

// shortenTimers runs shortTimers in each page that the visitor opens.
func (v *visitor) shortenTimers() {
	v.t.Helper()
	v.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		params := page.AddScriptToEvaluateOnNewDocumentParams{Source: shortTimers}
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, params)
		return err
	}))
}

func (v *visitor) fullTimeouts(enabled bool) {
	v.t.Helper()
	ask(v, chromedp.Evaluate[bool](fmt.Sprintf("window.fullTimeouts = %t", enabled)))
}

// appears waits up to a minute for a text.
func (v *visitor) appears(text string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(`//body//*[contains(text(), '`+text+`')]`)); err != nil {
		v.t.Fatalf("%q does not appear: %v", text, err)
	}
}

// unreliableNetwork starts a proxy in front of the guestbook and returns its URL. The first five polls and the first
// five forms fail in different ways, and polls fail while unreadable is set.
func unreliableNetwork(t *testing.T, backend string, polls, posts *atomic.Int64, unreadable *atomic.Bool) string {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	hang := func(r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a closed connection only after the body is read
		select {
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	}
	network := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trouble := 0
		switch {
		case r.URL.Path == "/entries" && unreadable.Load(): // as the guestbook does when its cache is too old
			trouble = 4
		case r.URL.Path == "/entries":
			trouble = int(polls.Add(1))
		case r.Method == "POST":
			trouble = int(posts.Add(1))
		}
		switch trouble {
		case 1: // no response
			hang(r)
		case 2: // an incomplete response
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("<section"))
			_ = http.NewResponseController(w).Flush()
			hang(r)
		case 3:
			panic(http.ErrAbortHandler)
		case 4:
			http.Error(w, "bad gateway", http.StatusBadGateway)
		case 5:
			_, _ = w.Write([]byte("a sign-in page of some network"))
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(network.Close)
	return network.URL
}

// The network between browser and guestbook hangs, breaks and returns wrong responses. The open page recovers without a
// reload, and an entry that is sent again is stored once.
func TestBrowserRecovers(t *testing.T) {
	db := apptest.StartDB(t)
	var unreadable atomic.Bool // the database fails reads of entries
	uri := forward(t, db.URI, func(request []byte) bool { return !unreadable.Load() || !isFind(request) })
	g := start(t, map[string]string{"MONGODB_URI": uri})
	var polls, posts atomic.Int64
	network := unreliableNetwork(t, g.url, &polls, &posts, &unreadable)

	v := newVisitor(chromium(t), t, person{language: "en-US", zone: "UTC", width: 390, height: 844, scale: 2})
	v.shortenTimers()
	v.do(chromedp.Navigate(network), chromedp.WaitVisible(chromedp.CSS("#message")))
	seed(t, db.URI, storedEntry{time.Now(), "Grace", "written meanwhile"})
	apptest.Eventually(t, "five polls have failed", func() bool { return polls.Load() >= 5 })
	v.fullTimeouts(true)
	v.appears("written meanwhile")
	v.fullTimeouts(false)
	if n := polls.Load(); n < 6 {
		t.Errorf("the entry appeared after %d polls, want at least 6: the first five fail", n)
	}

	v.do(fill("#name", "Ada"), fill("#message", "sent again and again"))
	for i := 0; posts.Load() < 5; i++ { // the browser itself retries after a broken connection
		v.do(chromedp.Click(chromedp.CSS("#sign button")), chromedp.WaitVisible(chromedp.CSS("#notice .failed")),
			chromedp.WaitVisible(chromedp.CSS("#sign button:not([aria-disabled])")))
		if got := v.text("#notice"); !strings.Contains(got, "Your text is still here") {
			t.Errorf("attempt %d: %q", i+1, got)
		}
		if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "sent again and again" {
			t.Errorf("attempt %d: the form contains %q", i+1, kept)
		}
	}
	// The entry is stored, but then the entries cannot be read.
	v.fullTimeouts(true)
	unreadable.Store(true)
	v.do(chromedp.Click(chromedp.CSS("#sign button")))
	v.appears("Thank you!")
	v.appears("The entries cannot be shown just now")
	unreadable.Store(false)
	v.appears("sent again and again")
	if got := v.text("#book h2"); got != "2 entries" {
		t.Errorf("at the end: %q, want 2 entries", got)
	}
	if fresh := ask(v, chromedp.Evaluate[int](`document.querySelectorAll(".fresh").length`)); fresh != 0 {
		t.Errorf("%d entries that were already shown are marked as new", fresh)
	}
}
