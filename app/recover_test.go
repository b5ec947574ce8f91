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
)

// hurried makes a page's own waiting forty times as short, as its pauses and
// time-outs are made for visitors. A patient page keeps its time-outs (ask, in app.js).
const hurried = `{
	const wait = window.setTimeout;
	window.setTimeout = (f, ms, ...more) => wait(f, window.patient && (ms === 10000 || ms === 30000) ? ms : ms / 40, ...more);
}`

func hurry(v *visitor) {
	v.t.Helper()
	v.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: hurried})
		return err
	}))
}

func (v *visitor) patient(is bool) {
	v.t.Helper()
	ask(v, chromedp.Evaluate[bool](fmt.Sprintf("window.patient = %t", is)))
}

// appears waits for a text, a minute at most.
func (v *visitor) appears(text string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(`//body//*[contains(text(), '`+text+`')]`)); err != nil {
		v.t.Fatalf("%q does not appear: %v", text, err)
	}
}

// TestBrowserRecovers puts the guestbook behind a network that hangs, breaks,
// and answers nonsense: the open page comes back by itself, and an entry is sent once.
func TestBrowserRecovers(t *testing.T) {
	db := startDB(t)
	var unreadable atomic.Bool // the entries, in the database
	uri := forward(t, db.URI, func(request []byte) bool { return !unreadable.Load() || !finds(request) })
	g := start(t, map[string]string{"MONGODB_URI": uri})
	target, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(target)
	var news, sent atomic.Int64
	hang := func(r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client leaves
		select {
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	}
	network := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trouble := 0
		switch {
		case r.URL.Path == "/entries" && unreadable.Load(): // what the guestbook says too, when its memory is a second old
			trouble = 4
		case r.URL.Path == "/entries":
			trouble = int(news.Add(1))
		case r.Method == "POST":
			trouble = int(sent.Add(1))
		}
		switch trouble {
		case 1: // never answers
			hang(r)
		case 2: // stops in the middle of an answer
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
			through.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(network.Close)

	v := newVisitor(t, chromium(t), person{language: "en-US", zone: "UTC", width: 390, height: 844, scale: 2})
	hurry(v)
	v.do(chromedp.Navigate(network.URL), chromedp.WaitVisible(chromedp.CSS("#message")))
	seed(t, db.URI, written{time.Now(), "Grace", "written meanwhile"})
	eventually(t, "five polls went wrong", func() bool { return news.Load() >= 5 })
	v.patient(true)
	v.appears("written meanwhile")
	v.patient(false)
	if n := news.Load(); n < 6 {
		t.Errorf("the entry came with the answer %d, before the trouble was over", n)
	}

	v.do(fill("#name", "Ada"), fill("#message", "sent again and again"))
	for i := 0; sent.Load() < 5; i++ { // the browser itself repeats a request whose connection breaks
		v.do(chromedp.Click(chromedp.CSS("#sign button")), chromedp.WaitVisible(chromedp.CSS("#notice .failed")),
			chromedp.WaitVisible(chromedp.CSS("#sign button:not([aria-disabled])")))
		if got := v.text("#notice"); !strings.Contains(got, "Your text is still here") {
			t.Errorf("attempt %d: %q", i+1, got)
		}
		if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "sent again and again" {
			t.Errorf("attempt %d: the form holds %q", i+1, kept)
		}
	}
	// It gets through, and then the entries cannot be read.
	v.patient(true)
	unreadable.Store(true)
	v.do(chromedp.Click(chromedp.CSS("#sign button")))
	v.appears("Thank you!")
	v.appears("The entries cannot be shown just now")
	unreadable.Store(false)
	v.appears("sent again and again")
	if got := v.text("#book h2"); got != "2 entries" {
		t.Errorf("in the end there are %q", got)
	}
	if fresh := ask(v, chromedp.Evaluate[int](`document.querySelectorAll(".fresh").length`)); fresh != 0 {
		t.Errorf("%d entries that the visitor has seen before are shown as new", fresh)
	}
}
