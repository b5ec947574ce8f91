package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/store"
)

// storedEntry is an entry in the database.
type storedEntry struct {
	time          time.Time
	name, message string
}

// seed inserts entries with given times into the database.
func seed(t *testing.T, uri string, entries ...storedEntry) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	messages := client.Database("guestbook").Collection(store.Collection)
	for _, e := range entries {
		doc := bson.D{
			{Key: "_id", Value: bson.NewObjectIDFromTimestamp(e.time)},
			{Key: "name", Value: e.name},
			{Key: "message", Value: e.message},
		}
		if _, err := messages.InsertOne(context.Background(), doc); err != nil {
			t.Fatal(err)
		}
	}
}

// difficult is a message with everything that a page could show wrongly.
const difficult = "안녕하세요! 서울에서 왔습니다 👨‍👩‍👧‍👦🎉\n" +
	"<script>document.title = 'broken'</script> & \"quotes\" 'too'\n\n  indented"

func TestBrowser(t *testing.T) {
	db := apptest.StartDB(t)
	// The visitors use different replicas.
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "PAGE_SIZE": "5"})
	other := start(t, map[string]string{"MONGODB_URI": db.URI, "PAGE_SIZE": "5"})
	browser := chromium(t)

	phone := newVisitor(browser, t, person{language: "ko-KR", zone: "Asia/Seoul", width: 390, height: 844, scale: 2})
	phone.do(chromedp.Navigate(g.url))
	if got := phone.text("h1"); got != "방명록" {
		t.Errorf("heading for a Korean reader: %q", got)
	}
	phone.shot("phone-ko-empty")
	phone.sign("김민수", difficult)
	if got := phone.text("#notice"); got != "고맙습니다! 방명록에 글이 남았습니다." {
		t.Errorf("after signing: %q", got)
	}
	if got := phone.content(".entry .message"); got != difficult {
		t.Errorf("the entry is shown as %q, want %q", got, difficult)
	}
	if title := ask(phone, chromedp.Title()); title != "방명록" {
		t.Errorf("title %q: a script in an entry was executed", title)
	}
	phone.fits()
	phone.detectsOverflow()
	phone.fits()

	wide := newVisitor(browser, t, person{language: "en-GB,en", zone: "Europe/London", width: 1280, height: 800, scale: 1})
	wide.do(chromedp.Navigate(other.url))
	if got := wide.content(".entry .message"); got != difficult {
		t.Errorf("the other replica shows %q, want %q", got, difficult)
	}
	wide.sign("Ada <b>Lovelace</b>", "Good morning from London.")
	// The Korean visitor's page shows it without a reload.
	phone.do(chromedp.WaitVisible(`//bdi[contains(., 'Ada <b>Lovelace</b>')]`))
	if got := phone.content("#news"); got != "새 글 1개" {
		t.Errorf("announcement: %q", got)
	}
	for _, long := range []string{
		strings.Repeat("ㅋ", 300), strings.Repeat("W", 300), "https://example.org/" + strings.Repeat("path/", 40),
	} {
		wide.sign("", long)
		wide.do(chromedp.WaitVisible(`//p[contains(@class, 'message') and contains(., '` + long + `')]`))
	}
	wide.sign("وليد", "مرحبا بالعالم")
	wide.fits()
	wide.shot("wide-en")
	wide.sign("", " ")
	wide.do(chromedp.WaitVisible(chromedp.CSS(`#message[aria-invalid="true"][aria-describedby="notice"]`)))
	wide.signByKeyboard(other.url)
	wide.accessible()
	phone.do(chromedp.WaitVisible(`//bdi[contains(., 'وليد')]`))
	phone.fits()
	phone.shot("phone-ko")
	narrow := newVisitor(browser, t, person{
		language: "ko-KR", zone: "Asia/Seoul", width: 320, height: 640, scale: 2, dark: true,
	})
	narrow.do(chromedp.Navigate(g.url+"/?page=2"), chromedp.WaitVisible(chromedp.CSS("nav")))
	if got := narrow.text(".where"); got != "2 / 2쪽" {
		t.Errorf("second page: %q", got)
	}
	narrow.fits()
	narrow.accessible()
	narrow.shot("narrow-ko-dark")
}

// detectsOverflow checks that overflows detects a box that is too wide, and a text that is cut.
func (v *visitor) detectsOverflow() {
	v.t.Helper()
	for _, css := range []string{"width: 500px", "width: 100px; overflow: clip; white-space: nowrap"} {
		ask(v, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
			const box = document.createElement("div");
			box.id = "box";
			box.style.cssText = %q;
			box.textContent = "a text that has no room in a hundred pixels";
			document.querySelector("main").append(box);
			return true;
		})()`, css)))
		if len(v.overflows()) == 0 {
			v.t.Errorf("%s: not detected on a screen of %d px", css, v.width)
		}
		ask(v, chromedp.Evaluate[bool](`document.getElementById("box").remove() === undefined`))
	}
}

// signByKeyboard signs without a mouse: the Tab key goes to skip link, heading, name, message and button.
func (v *visitor) signByKeyboard(address string) {
	v.t.Helper()
	v.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("#message")))
	v.keys(kb.Tab, kb.Tab, kb.Tab, "Grace", kb.Tab, "by keyboard", kb.Tab, kb.Enter)
	v.do(chromedp.WaitVisible(chromedp.CSS("#notice p")))
	name, message := v.text(".entry .who"), v.text(".entry .message")
	if name != "Grace" || message != "by keyboard" {
		v.t.Errorf("signed by keyboard: %q by %q", message, name)
	}
}

// Each reader sees the time in their own time zone. The entry was written on 29 February in London and on 1 March in
// Seoul.
func TestBrowserZones(t *testing.T) {
	db := apptest.StartDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "TIME_ZONE": "Asia/Kathmandu"})
	seed(t, db.URI, storedEntry{time.Date(2024, 2, 29, 20, 30, 0, 0, time.UTC), "Ada", "Good evening."})
	browser := chromium(t)
	for _, c := range []struct {
		person
		want string
	}{
		{person{language: "ko-KR", zone: "Asia/Seoul"}, "2024. 3. 1. 오전 5:30"},
		{person{language: "en-GB,en", zone: "Europe/London"}, "29 Feb 2024, 20:30"},
		{person{language: "en-US", zone: "America/New_York"}, "Feb 29, 2024, 3:30 PM"},
		{person{language: "en-US", zone: "America/New_York", noScript: true}, "1 Mar 2024, 02:15 +0545"},
		{person{language: "ko-KR", zone: "Asia/Seoul", noScript: true}, "2024년 3월 1일 02:15 +0545"},
	} {
		c.width, c.height, c.scale = 390, 844, 2
		v := newVisitor(browser, t, c.person)
		v.do(chromedp.Navigate(g.url))
		// Some versions of Chromium put a narrow no-break space before PM.
		if got := strings.ReplaceAll(v.text(".entry time"), "\u202f", " "); got != c.want {
			t.Errorf("%s in %s (without JavaScript: %v): time %q, want %q", c.language, c.zone, c.noScript, got, c.want)
		}
	}
}

func TestBrowserWithoutScript(t *testing.T) {
	db := apptest.StartDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "TIME_ZONE": "Asia/Seoul", "PAGE_SIZE": "2"})
	v := newVisitor(chromium(t), t, person{
		language: "en-US", zone: "America/New_York", width: 1280, height: 800, scale: 1, dark: true, noScript: true,
	})
	v.do(chromedp.Navigate(g.url))
	for _, message := range []string{"first", "second", difficult} {
		v.do(
			chromedp.WaitVisible(chromedp.CSS("#message")),
			fill("#name", "김민수"),
			fill("#message", message),
		)
		v.click("#sign button")
		if got := v.text("#notice"); got != "Thank you! Your entry is in the guestbook." {
			t.Errorf("after signing: %q", got)
		}
		if got := v.content(".entry .message"); got != message {
			t.Errorf("the entry is shown as %q, want %q", got, message)
		}
	}
	if got := v.text(".entry time"); !strings.HasSuffix(got, "KST") {
		t.Errorf("time %q, want it in TIME_ZONE with the zone's name", got)
	}
	v.shot("wide-en-dark-no-script")
	v.click("a[rel=next]")
	if got := v.content(".entry .message"); got != "first" {
		t.Errorf("the second page begins with %q", got)
	}

	// The database stops: the form is returned as filled in.
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.SendKeys(chromedp.CSS("#message"), "do not lose me\n둘째 줄"))
	v.click("#sign button")
	want := "Your entry could not be saved just now. Your text is still here"
	if got := v.text("#notice"); !strings.HasPrefix(got, want) {
		t.Errorf("database down: %q", got)
	}
	if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "do not lose me\n둘째 줄" {
		t.Errorf("the form was returned with %q", kept)
	}
	v.accessible()
	v.shot("wide-en-database-down")
}

// With JavaScript the form stays filled even if the server is down.
func TestBrowserOffline(t *testing.T) {
	db := apptest.StartDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI})
	v := newVisitor(chromium(t), t, person{language: "en-US", zone: "UTC", width: 390, height: 844, scale: 2})
	v.do(chromedp.Navigate(g.url), chromedp.WaitVisible(chromedp.CSS("#message")))
	g.stop()
	if err := <-g.ended; err != nil {
		t.Fatal(err)
	}
	v.sign("Ada", "still here")
	if got := v.text("#notice"); !strings.HasPrefix(got, "The guestbook cannot be reached. Your text is still here") {
		t.Errorf("server down: %q", got)
	}
	if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "still here" {
		t.Errorf("the form contains %q", kept)
	}
	v.shot("phone-en-offline")
}
