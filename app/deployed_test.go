package main

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserDeployed signs the guestbook at GUESTBOOK_URL, which another test has deployed, and reads the entry.
func TestBrowserDeployed(t *testing.T) {
	url := os.Getenv("GUESTBOOK_URL")
	if url == "" {
		t.Skip("is for a guestbook that is deployed: set GUESTBOOK_URL")
	}
	phone := newVisitor(chromium(t), t, person{language: "ko-KR", zone: "Asia/Seoul", width: 390, height: 844, scale: 2})
	phone.do(chromedp.Navigate(url))
	phone.sign("김민수", difficult)
	phone.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(".entry .message")))
	if got := phone.content(".entry .message"); got != difficult {
		t.Errorf("the entry is shown as %q, want %q", got, difficult)
	}
	phone.fits()
	phone.shot("deployed")
}
