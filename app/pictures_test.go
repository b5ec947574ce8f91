package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"oke-guestbook/app/internal/apptest"
)

// TestBrowserPictures takes the screenshots of docs/app.md, which says how to update them, and the same pages in the
// other language and in dark mode. Entries and times are fixed, so that the screenshots change only with the page.
func TestBrowserPictures(t *testing.T) {
	db := apptest.StartDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI})
	at := func(hour, minute int) time.Time { return time.Date(2026, 5, 14, hour, minute, 0, 0, time.UTC) }
	seed(t, db.URI,
		storedEntry{at(6, 12), "Maria", "I tried to reload it twenty times. It stayed one entry. Well done!"},
		storedEntry{at(7, 40), "", "Such a kind place. 💚"},
		storedEntry{at(8, 3), "이서연", "비 오는 오후에 들렀어요. 따뜻한 글들 잘 읽고 갑니다."},
		storedEntry{at(8, 57), "Tomás", "¡Hola a todos!\nFirst cluster up and running, first entry written."},
		storedEntry{at(9, 21), "Ada", "Three replicas, and not one of them forgot me."},
		storedEntry{at(9, 48), "김민수", "안녕하세요! 서울에서 인사드립니다 👋\n다음에 또 올게요."},
	)
	browser := chromium(t)
	for name, p := range map[string]person{
		"app-wide":       {language: "en-US", zone: "Europe/London", width: 1180, height: 950, scale: 1},
		"app-phone":      {language: "ko-KR", zone: "Asia/Seoul", width: 390, height: 888, scale: 2},
		"app-wide-dark":  {language: "ko-KR", zone: "Asia/Seoul", width: 1920, height: 1080, scale: 1, dark: true},
		"app-phone-dark": {language: "en-GB", zone: "Europe/London", width: 320, height: 888, scale: 2, dark: true},
	} {
		v := newVisitor(browser, t, p)
		v.do(chromedp.Navigate(g.url), chromedp.WaitVisible(chromedp.CSS(".entry")))
		if n := ask(v, chromedp.Evaluate[int](`document.querySelectorAll(".entry").length`)); n != 6 {
			t.Errorf("%s: %d entries, want 6", name, n)
		}
		v.fits()
		v.accessible()
		v.save(name, chromedp.CaptureScreenshot())
	}
}
