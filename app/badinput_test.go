package main

import (
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/app/internal/apptest"
)

// TestMain runs the guestbook instead of the tests if GUESTBOOK_AS_PROCESS is set.
func TestMain(m *testing.M) {
	if os.Getenv("GUESTBOOK_AS_PROCESS") != "" {
		main()
		return
	}
	code := m.Run()
	stopChromium()
	os.Exit(code)
}

// Each kind of bad input is answered with its status and a message that says what to do.
func TestBadInput(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": apptest.StartDB(t).URI, "SIGNS_PER_MINUTE": "30"})
	type change map[string]string // values that replace the form's; "-" removes a field
	for _, c := range []struct {
		what   string
		form   change
		header map[string]string
		times  int // number of requests; the last response is checked
		status int
		text   string
	}{
		{"empty", change{"message": ""}, nil, 1, 422, "Please write a message."},
		{"no field", change{"message": "-"}, nil, 1, 422, "Please write a message."},
		{"blank", change{"message": " \t\r\n\u3000"}, nil, 1, 422, "Please write a message."},
		{"invisible", change{"message": "\u3164\u200b"}, nil, 1, 422, "Please write a message."},
		{
			"too long",
			change{"message": strings.Repeat("가", 2001)},
			nil, 1, 422,
			"The message is too long: at most 2,000 characters",
		},
		{"too many lines", change{"message": strings.Repeat("x\n", 60) + "x"}, nil, 1, 422, "too many lines: at most 60"},
		{"name too long", change{"name": strings.Repeat("가", 81)}, nil, 1, 422, "The name is too long: at most 80"},
		{"far too long", change{"message": strings.Repeat("x", 64<<10)}, nil, 1, 413, "too much text"},
		{"invalid UTF-8", change{"message": "caf\xe9"}, nil, 1, 422, "invalid UTF-8"},
		{"invalid UTF-8 in the name", change{"name": "Ren\xe9"}, nil, 1, 422, "invalid UTF-8"},
		{
			"control characters",
			change{"message": "\x1b[31mred\x00"},
			nil, 1, 422,
			"The message has characters that cannot be shown",
		},
		{
			"control characters in the name",
			change{"name": "a\x07b"},
			nil, 1, 422,
			"The name has characters that cannot be shown",
		},
		{"missing token", change{"token": "-"}, nil, 1, 403, "Your text is still here: please sign again"},
		{"forged token", change{"token": strings.Repeat("B", 22)}, nil, 1, 403, "Your text is still here: please sign again"},
		{"no cookie", nil, map[string]string{"Cookie": ""}, 1, 403, "your browser keeps no cookies"},
		{"cross-site request", nil, map[string]string{"Sec-Fetch-Site": "cross-site"}, 1, 403, "This came from another site"},
		{"not a form", nil, map[string]string{"Content-Type": "application/json"}, 1, 415, "did not arrive whole"},
		{"thousands from one client", nil, nil, 2000, 429, "please wait a minute"},
	} {
		form := url.Values{
			"token": {token}, "form": {strings.Repeat("C", 22)}, "name": {"Ada"}, "message": {"hello"},
		}
		for field, value := range c.form {
			if form.Set(field, value); value == "-" {
				form.Del(field)
			}
		}
		var status int
		var body string
		for range c.times {
			status, body, _ = send(t, "POST", g.url+"/", form, c.header)
		}
		if status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s: status %d, want %d and %q", c.what, status, c.status, c.text)
		}
	}
	for _, path := range []string{"/?page=99", "/?page=0", "/?page=two", "/nowhere", "/index.php"} {
		status, body, _ := send(t, "GET", g.url+path, nil, nil)
		if status != 404 || !strings.Contains(body, "There is no such page") {
			t.Errorf("%s: status %d", path, status)
		}
	}
	// The only valid entry is that of the thousands of requests. With ?signed=1 the page does not come from the cache.
	if _, body, _ := send(t, "GET", g.url+"/?signed=1", nil, nil); strings.Count(body, `class="entry"`) != 1 {
		t.Errorf("the guestbook does not contain exactly one entry:\n%s", body)
	}
}

// The database's address is valid, but no database answers there.
func TestPagesWithoutDatabase(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": "mongodb://" + occupied(t), "MONGODB_TIMEOUT": "200ms"})
	status, body, _ := send(t, "GET", g.url+"/", nil, nil)
	if status != 503 || !strings.Contains(body, "The entries cannot be shown just now") {
		t.Errorf("reading without a database: status %d", status)
	}
	form := url.Values{"token": {token}, "name": {"Ada"}, "message": {"hello"}}
	status, body, _ = send(t, "POST", g.url+"/", form, nil)
	if status != 503 || !strings.Contains(body, "\nhello</textarea>") ||
		!strings.Contains(body, "Your text is still here") {
		t.Errorf("signing without a database: status %d", status)
	}
	if status, _, _ := send(t, "GET", g.url+"/readyz", nil, nil); status != 503 {
		t.Errorf("readyz without a database: status %d", status)
	}
}

// A wrong setting ends the program with status 1 and one line on standard error.
func TestBadSettings(t *testing.T) {
	for want, env := range map[string][]string{
		"guestbook: MONGODB_URI is not set: ": nil,
		"guestbook: MONGODB_URI: ":            {"MONGODB_URI=postgres://mongo"},
		"guestbook: MONGODB_PASSWORD_FILE: open /nowhere/password: no such file": {
			"MONGODB_URI=mongodb://mongo", "MONGODB_USERNAME=u", "MONGODB_PASSWORD_FILE=/nowhere/password",
		},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = slices.Concat(env,
			[]string{"GUESTBOOK_AS_PROCESS=1", "LISTEN_ADDRESS=127.0.0.1:0", "METRICS_ADDRESS=127.0.0.1:0"})
		output, _ := cmd.CombinedOutput()
		status, lines := cmd.ProcessState.ExitCode(), strings.Count(string(output), "\n")
		if status != 1 || !strings.HasPrefix(string(output), want) || lines != 1 {
			t.Errorf("exit status %d and output %q, want 1 and one line %q", status, output, want)
		}
	}
}
