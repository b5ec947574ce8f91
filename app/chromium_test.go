package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// chromium returns a headless browser, one process for all tests; each visitor has their own browser context.
// The test fails, and is not skipped, if Chromium is not installed, because the pages are part of the program.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, err := startChromium()
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// stopChromium stops the browser if a test has started it.
var stopChromium = func() {}

var startChromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("Chromium is not installed, which this test needs: " +
			"apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji, or go test -skip=^TestBrowser")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("no-sandbox", os.Geteuid() == 0), // the sandbox does not work as root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	stopChromium = stop // waits for the process and removes its profile
	ctx, _ = chromedp.NewContext(ctx)
	return ctx, chromedp.Do(ctx)
})

// visitor is one person's browser, with its own cookies, language, screen and time zone.
type visitor struct {
	t     *testing.T
	ctx   context.Context
	width int64
}

type person struct {
	language, zone string
	width, height  int64
	scale          float64
	dark, noScript bool
}

func newVisitor(browser context.Context, t *testing.T, p person) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	scheme := "light"
	if p.dark {
		scheme = "dark"
	}
	v := &visitor{t, ctx, p.width}
	set(v, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: ask(v, chromedp.Evaluate[string]("navigator.userAgent")), AcceptLanguage: p.language,
	})
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

// set sends a command of the DevTools protocol.
func set[P any](v *visitor, command cdp.Command[P, cdp.Empty], params P) {
	v.t.Helper()
	v.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	}))
}

// do runs actions.
func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.t.Fatal(err)
	}
}

// ask runs an action and returns its result.
func ask[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	result, err := chromedp.Run(v.ctx, action)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

// text returns the visible text of an element.
func (v *visitor) text(css chromedp.CSS) string {
	v.t.Helper()
	return ask(v, chromedp.Text(css, chromedp.NodeVisible))
}

// content returns the whole text of an element, including white space.
func (v *visitor) content(css chromedp.CSS) string {
	v.t.Helper()
	return ask(v, chromedp.TextContent(css))
}

// shot saves a screenshot of the whole page.
func (v *visitor) shot(name string) { v.t.Helper(); v.save(name, chromedp.FullScreenshot(100)) }

// save writes a picture to the test's artifact directory.
func (v *visitor) save(name string, picture chromedp.Action[[]byte]) {
	v.t.Helper()
	file := filepath.Join(v.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(file, ask(v, picture), 0o644); err != nil {
		v.t.Fatal(err)
	}
	v.t.Log("screenshot:", file)
}

// overflows returns the elements that do not fit the screen or that cut their own text. It uses the person's screen
// width, because a phone's browser widens the viewport to fit the content.
func (v *visitor) overflows() []string {
	v.t.Helper()
	return ask(v, chromedp.Evaluate[[]string](fmt.Sprintf(`((width) => {
		const found = [];
		const name = (e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40);
		const pageWidth = document.documentElement.scrollWidth;
		if (pageWidth > width) found.push("the page is " + pageWidth + " px wide");
		for (const e of document.body.querySelectorAll("*:not(.unseen)")) {
			const box = e.getBoundingClientRect();
			if (box.left < -0.5 || box.right > width + 0.5) found.push("off the screen: " + name(e));
			if (e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1) found.push("cut: " + name(e));
		}
		return found;
	})(%d)`, v.width)))
}

// fits fails the test if the page does not fit the screen.
func (v *visitor) fits() {
	v.t.Helper()
	for _, problem := range v.overflows() {
		v.t.Errorf("on a screen of %d px: %s", v.width, problem)
	}
}

// accessible fails the test if a field has no label, or if a text's contrast with its background is less than 4.5:1
// (WCAG 2.2, 1.4.3, level AA).
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
			const name = e.textContent.trim().slice(0, 40);
			if (contrast < 4.5) problems.push("contrast " + contrast.toFixed(1) + ": " + name);
		}
		if (texts < 5) problems.push("only " + texts + " texts were checked");
		for (const e of document.querySelectorAll("input:not([type=hidden]), textarea"))
			if (!e.labels.length) problems.push("no label: " + e.name);
		return problems;
	})()`)) {
		v.t.Error(problem)
	}
}

// keys sends key presses to the focused element.
func (v *visitor) keys(keys ...string) {
	v.t.Helper()
	for _, k := range keys {
		v.do(chromedp.KeyEvent(k))
	}
}

// click clicks a link or a form's button, and waits for the next page.
func (v *visitor) click(css chromedp.CSS) {
	v.t.Helper()
	if _, err := chromedp.RunResponse(v.ctx, chromedp.Click(css)); err != nil {
		v.t.Fatal(err)
	}
}

// fill sets a field. SetValue cannot set an empty value, and Clear does not clear a value set by a script.
func fill(css chromedp.CSS, value string) chromedp.Action[chromedp.Void] {
	if value != "" {
		return chromedp.SetValue(css, value)
	}
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).value = ''", css))(ctx, t)
		return chromedp.Void{}, err
	}
}

// sign fills in the form, sends it with JavaScript, and waits for the notice.
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
