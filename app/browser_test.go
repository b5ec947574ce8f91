package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium starts Debian's browser without a window, and fails the test where
// there is none: what a visitor sees is a part of this program.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test needs a browser: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // the sandbox refuses root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// visitor is a browser of one person: own cookies, language, screen and zone.
type visitor struct {
	t   *testing.T
	ctx context.Context
}

type person struct {
	language, zone string
	width, height  int64
	scale          float64
	dark, noScript bool
}

func newVisitor(t *testing.T, browser context.Context, p person) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	scheme := "light"
	if p.dark {
		scheme = "dark"
	}
	v := &visitor{t, ctx}
	set(v, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": p.language}})
	set(v, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: strings.Split(p.language, ",")[0]})
	set(v, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: p.zone})
	set(v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: p.width, Height: p.height, DeviceScaleFactor: p.scale, Mobile: p.width < 600,
	})
	set(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	set(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: p.noScript})
	return v
}

func set[P any](v *visitor, command cdp.Command[P, cdp.Empty], params P) {
	v.t.Helper()
	v.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	}))
}

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.t.Fatal(err)
	}
}

// ask runs an action that has a result.
func ask[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	result, err := chromedp.Run(v.ctx, action)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

// text returns what is shown of an element.
func (v *visitor) text(css chromedp.CSS) string {
	v.t.Helper()
	return ask(v, chromedp.Text(css, chromedp.NodeVisible))
}

// content returns an element's whole text, white space included.
func (v *visitor) content(css chromedp.CSS) string {
	v.t.Helper()
	return ask(v, chromedp.TextContent(css))
}

func (v *visitor) shot(name string) {
	v.t.Helper()
	file := filepath.Join(v.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(file, ask(v, chromedp.FullScreenshot(100)), 0o644); err != nil {
		v.t.Fatal(err)
	}
	v.t.Log("screenshot:", file)
}

// fits fails if the page is wider than the screen.
func (v *visitor) fits() {
	v.t.Helper()
	if wider := ask(v, chromedp.Evaluate[float64](`document.documentElement.scrollWidth - window.innerWidth`)); wider > 0 {
		v.t.Errorf("the page is %v px wider than the screen", wider)
	}
}

// accessible fails if a field has no label, or a text has less contrast than
// 4.5 to 1 with what is behind it (WCAG 2.2, 1.4.3, level AA).
func (v *visitor) accessible() {
	v.t.Helper()
	for _, problem := range ask(v, chromedp.Evaluate[[]string](`(() => {
		const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
		const light = (colour) => parts(colour).slice(0, 3)
			.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
			.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
		const behind = (e) => {
			const colour = getComputedStyle(e).backgroundColor;
			return (parts(colour)[3] ?? 1) > 0 || !e.parentElement ? colour : behind(e.parentElement);
		};
		const problems = [];
		let texts = 0;
		for (const e of document.body.querySelectorAll("*")) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
			texts++;
			const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
			const contrast = (a + 0.05) / (b + 0.05);
			if (contrast < 4.5) problems.push("contrast " + contrast.toFixed(1) + ": " + e.textContent.trim().slice(0, 40));
		}
		if (texts < 5) problems.push("only " + texts + " texts were looked at");
		for (const e of document.querySelectorAll("input:not([type=hidden]), textarea"))
			if (!e.labels.length) problems.push("no label: " + e.name);
		return problems;
	})()`)) {
		v.t.Error(problem)
	}
}

// keys types keys, as Tab or letters, into whatever has the focus.
func (v *visitor) keys(keys ...string) {
	v.t.Helper()
	for _, k := range keys {
		v.do(chromedp.KeyEvent(k))
	}
}

// click follows a link or sends a form, and waits for the next page.
func (v *visitor) click(css chromedp.CSS) {
	v.t.Helper()
	if _, err := chromedp.RunResponse(v.ctx, chromedp.Click(css)); err != nil {
		v.t.Fatal(err)
	}
}

// fill sets a field. SetValue cannot set it to nothing, and Clear leaves what a script has set.
func fill(css chromedp.CSS, value string) chromedp.Action[chromedp.Void] {
	if value != "" {
		return chromedp.SetValue(css, value)
	}
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).value = ''", css))(ctx, t)
		return chromedp.Void{}, err
	}
}

// sign fills in the form and sends it by script.
func (v *visitor) sign(name, message string) {
	v.t.Helper()
	v.do(
		chromedp.WaitVisible(chromedp.CSS("#message")),
		fill("#name", name),
		fill("#message", message),
		chromedp.Click(chromedp.CSS("#sign button")),
		chromedp.WaitVisible(chromedp.CSS("#notice p")),
	)
}

const nasty = "안녕하세요! 서울에서 왔습니다 👨‍👩‍👧‍👦🎉\n<script>document.title = 'broken'</script> & \"quotes\" 'too'\n\n  indented"

func TestBrowser(t *testing.T) {
	db := startDB(t)
	// Two replicas: whatever a visitor does, the other one takes part.
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "PAGE_SIZE": "5"})
	other := start(t, map[string]string{"MONGODB_URI": db.URI, "PAGE_SIZE": "5"})
	browser := chromium(t)

	phone := newVisitor(t, browser, person{language: "ko-KR", zone: "Asia/Seoul", width: 390, height: 844, scale: 2})
	phone.do(chromedp.Navigate(g.url))
	if got := phone.text("h1"); got != "방명록" {
		t.Errorf("the heading for a Korean reader is %q", got)
	}
	phone.shot("phone-ko-empty")
	phone.sign("김민수", nasty)
	if got := phone.text("#notice"); got != "고맙습니다! 방명록에 글이 남았습니다." {
		t.Errorf("after signing: %q", got)
	}
	if got := phone.content(".entry .message"); got != nasty {
		t.Errorf("the entry shows as %q, typed was %q", got, nasty)
	}
	if title := ask(phone, chromedp.Title()); title != "방명록" {
		t.Errorf("the title became %q: a script of an entry ran", title)
	}
	now := time.Now().In(time.FixedZone("KST", 9*60*60))
	if got := phone.text(".entry time"); !strings.Contains(got, now.Format("2006. 1. 2.")) || strings.Contains(got, "UTC") {
		t.Errorf("the time in Seoul shows as %q", got)
	}
	phone.fits()

	wide := newVisitor(t, browser, person{language: "en-GB,en", zone: "Europe/London", width: 1280, height: 800, scale: 1})
	wide.do(chromedp.Navigate(other.url))
	if got := wide.content(".entry .message"); got != nasty {
		t.Errorf("the other replica shows %q", got)
	}
	wide.sign("Ada <b>Lovelace</b>", "Good morning from London.")
	// The Korean visitor's page shows it without being touched.
	phone.do(chromedp.WaitVisible(`//bdi[contains(., 'Ada <b>Lovelace</b>')]`))
	if got := phone.content("#news"); got != "새 글 1개" {
		t.Errorf("announced: %q", got)
	}
	for _, long := range []string{strings.Repeat("ㅋ", 300), strings.Repeat("W", 300), "https://example.org/" + strings.Repeat("path/", 40)} {
		wide.sign("", long)
		wide.do(chromedp.WaitVisible(`//p[contains(@class, 'message') and contains(., '` + long + `')]`))
	}
	wide.sign("وليد", "مرحبا بالعالم")
	wide.fits()
	wide.shot("wide-en")
	// Without a mouse: skip link, heading, name, message, button.
	wide.do(chromedp.Navigate(other.url), chromedp.WaitVisible(chromedp.CSS("#message")))
	wide.keys(kb.Tab, kb.Tab, kb.Tab, "Grace", kb.Tab, "by keyboard", kb.Tab, kb.Enter)
	wide.do(chromedp.WaitVisible(chromedp.CSS("#notice p")))
	if name, message := wide.text(".entry .who"), wide.text(".entry .message"); name != "Grace" || message != "by keyboard" {
		t.Errorf("signed by keyboard: %q by %q", message, name)
	}
	wide.accessible()
	phone.do(chromedp.WaitVisible(`//bdi[contains(., 'وليد')]`))
	phone.fits()
	phone.shot("phone-ko")
	narrow := newVisitor(t, browser, person{language: "ko-KR", zone: "Asia/Seoul", width: 320, height: 640, scale: 2, dark: true})
	narrow.do(chromedp.Navigate(g.url+"/?page=2"), chromedp.WaitVisible(chromedp.CSS("nav")))
	if got := narrow.text(".where"); got != "2 / 2쪽" {
		t.Errorf("the second page says %q", got)
	}
	narrow.fits()
	narrow.accessible()
	narrow.shot("narrow-ko-dark")
}

func TestBrowserWithoutScript(t *testing.T) {
	db := startDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "TIME_ZONE": "Asia/Seoul", "PAGE_SIZE": "2"})
	v := newVisitor(t, chromium(t), person{language: "en-US", zone: "America/New_York", width: 1280, height: 800, scale: 1, dark: true, noScript: true})
	v.do(chromedp.Navigate(g.url))
	for _, message := range []string{"first", "second", nasty} {
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
			t.Errorf("the entry shows as %q, typed was %q", got, message)
		}
	}
	if got := v.text(".entry time"); !strings.HasSuffix(got, "KST") {
		t.Errorf("the time shows as %q, want it in TIME_ZONE, with its name", got)
	}
	v.shot("wide-en-dark-no-script")
	v.click("a[rel=next]")
	if got := v.content(".entry .message"); got != "first" {
		t.Errorf("the second page begins with %q", got)
	}

	// The database goes away: the form comes back as it was filled.
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.SendKeys(chromedp.CSS("#message"), "do not lose me\n둘째 줄"))
	v.click("#sign button")
	if got := v.text("#notice"); !strings.HasPrefix(got, "Your entry could not be saved just now. Your text is still here") {
		t.Errorf("with the database down: %q", got)
	}
	if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "do not lose me\n둘째 줄" {
		t.Errorf("the form came back with %q", kept)
	}
	v.accessible()
	v.shot("wide-en-database-down")
}

// With JavaScript the form stays filled even when nobody answers at all.
func TestBrowserOffline(t *testing.T) {
	db := startDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI})
	v := newVisitor(t, chromium(t), person{language: "en-US", zone: "UTC", width: 390, height: 844, scale: 2})
	v.do(chromedp.Navigate(g.url), chromedp.WaitVisible(chromedp.CSS("#message")))
	g.stop()
	if err := <-g.ended; err != nil {
		t.Fatal(err)
	}
	v.sign("Ada", "still here")
	if got := v.text("#notice"); !strings.HasPrefix(got, "The guestbook cannot be reached. Your text is still here") {
		t.Errorf("with nobody there: %q", got)
	}
	if kept := ask(v, chromedp.Value(chromedp.CSS("#message"))); kept != "still here" {
		t.Errorf("the form holds %q", kept)
	}
	v.shot("phone-en-offline")
}
