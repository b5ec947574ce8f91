package launch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/launch/daemon"
	"oke-guestbook/local/launch/launchtest"
)

// ports are those of two load balancers with two listeners, and of one whose listener got none.
var ports = []daemon.Port{
	{Public: "192.0.2.1:443", Local: "127.0.0.1:8443"},
	{Public: "192.0.2.1:80", Local: "127.0.0.1:8080"},
	{Public: "192.0.2.2:80", Local: "127.0.0.1:8081", Moved: "8081 instead of 8080"},
	{Public: "192.0.2.3:80", Problem: "all ports are taken", LoadBalancer: "third", Listener: "http"},
}

func TestWhereAPageIs(t *testing.T) {
	for url, tc := range map[string]struct{ address, local, host, why string }{
		"http://192.0.2.1":              {"192.0.2.1", "http://127.0.0.1:8080", "", ""},
		"https://192.0.2.1":             {"192.0.2.1", "https://127.0.0.1:8443", "", ""},
		"https://book.example.com":      {"192.0.2.1", "https://127.0.0.1:8443", "book.example.com", ""},
		"https://book.example.com:8000": {"192.0.2.1", "", "book.example.com", "no port of this machine"},
		"http://192.0.2.3":              {"192.0.2.3", "", "", "all ports are taken"},
		"http://10.0.48.2":              {"10.0.48.2", "", "", "internal"},
		"":                              {"", "", "", "no load balancer"},
	} {
		p := newPage("book", url, tc.address, daemon.Status{LoadBalancers: ports})
		if p.local != tc.local || p.host != tc.host || !strings.Contains(p.why, tc.why) || (p.why == "") != (tc.local != "") {
			t.Errorf("%q: %+v, want %+v", url, p, tc)
		}
		if line := p.line(); !strings.Contains(line, tc.local) || !strings.Contains(line, url) ||
			tc.local == "" && !strings.Contains(line, "not on this machine") {
			t.Errorf("%q: the line is %q", url, line)
		}
	}
}

func TestSummaryNamesThePagesOnThisMachine(t *testing.T) {
	l, _ := newLauncher(t)
	launchtest.Write(t, l.Path("nodes"), "real\n")
	var outputs map[string]any
	answer := `{"url": "http://192.0.2.2", "urls": {"a": "https://a.example.com", "b": "http://192.0.2.2", "c": ""},
		"addresses": {"a": "192.0.2.1", "b": "192.0.2.2", "c": ""}}`
	if err := json.Unmarshal([]byte(answer), &outputs); err != nil {
		t.Fatal(err)
	}
	all := pages(outputs, daemon.Status{LoadBalancers: ports})
	if len(all) != 3 || all[0].name != "b" {
		t.Fatalf("pages %+v", all)
	}
	got := l.summary(time.Second, outputs["url"], all)
	for _, want := range []string{
		"guestbook   b            http://127.0.0.1:8081   (http://192.0.2.2",
		"\n              a            https://127.0.0.1:8443   (https://a.example.com",
		"\n              c            not on this machine: it has no load balancer",
	} {
		if !strings.Contains(got, want) || strings.Contains(got, "simulated") {
			t.Errorf("%s\nlacks %s, or says that Pods are simulated", got, want)
		}
	}
}

// serve answers the launcher's requests in place of the daemon.
func (l *Launcher) serve(t *testing.T) {
	t.Helper()
	mux := http.NewServeMux()
	for path, answer := range map[string]any{
		"/healthz": map[string]any{"pid": os.Getpid(), "dir": l.Dir}, "/admin/status": map[string]any{"LoadBalancers": ports},
		"/admin/dataplane": map[string]any{}, "/admin/inventory": []any{},
	} {
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
	}
	l.Port = launchtest.Listen(t, mux)
}

func TestStatusListsPorts(t *testing.T) {
	l, out := newLauncher(t)
	l.serve(t)
	launchtest.Write(t, l.Path("nodes"), "real\n")
	if err := l.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"192.0.2.2:80: 127.0.0.1:8081", "third, listener http, 192.0.2.3:80: all ports are taken",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s\nlacks %q", out, want)
		}
	}
}

// TestKubeconfigWithoutItsCommand has a program in the place of Pulumi's CLI, and the command oke missing or failing.
func TestKubeconfigWithoutItsCommand(t *testing.T) {
	for command, want := range map[string]string{
		"":                                   "kubeconfig of the stack: the command oke is not built: run `make up",
		"#!/bin/sh\nexit 3\n":                "kubeconfig of the stack: exit status 3",
		"#!/bin/sh\necho oke: no >&2\nfalse": "kubeconfig of the stack: exit status 1: no",
	} {
		l, _ := newLauncher(t)
		l.serve(t)
		l.fakePulumi(t, `{"clusterId": "ocid1.cluster"}`)
		if command != "" {
			launchtest.Write(t, filepath.Join(l.ToolsDir(), "oke"), command)
		}
		err := l.Kubeconfig(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.HasSuffix(err.Error(), ": ") {
			t.Errorf("%q: error %q, want %q", command, err, want)
		}
	}
}

// fakePulumi puts a program that prints a stack's outputs in the place of Pulumi's CLI, and returns its directory.
func (l *Launcher) fakePulumi(t *testing.T, outputs string) (bin string) {
	t.Helper()
	bin = t.TempDir()
	launchtest.Write(t, l.Path("oci", "config"), "")
	launchtest.Write(t, filepath.Join(bin, "pulumi"),
		"#!/bin/sh\ncase $1 in version) echo v3.253.0 ;; *) echo '"+outputs+"' ;; esac\n")
	launchtest.Write(t, filepath.Join(bin, "pulumi-language-go"), "")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	l.Pulumi = "path"
	return bin
}

// TestOpen has programs in the place of Pulumi's CLI and of what opens a browser.
func TestOpen(t *testing.T) {
	outputs := func(url string) string {
		return fmt.Sprintf(`{"url": %q, "urls": {"guestbook": %[1]q}, "addresses": {"guestbook": "192.0.2.1"}}`, url)
	}
	for name, tc := range map[string]struct{ outputs, opened, problem string }{
		"public":         {outputs("http://192.0.2.1"), "http://127.0.0.1:8080", ""},
		"with a name":    {outputs("https://a.example.com"), "https://127.0.0.1:8443", ""},
		"internal":       {strings.ReplaceAll(outputs("http://10.0.0.9"), "192.0.2.1", "10.0.0.9"), "", "internal"},
		"in the cluster": {`{"url": "", "urls": {"guestbook": ""}}`, "", "no load balancer"},
		"not yet":        {`{}`, "", "run `make up"},
	} {
		t.Run(name, func(t *testing.T) {
			l, out := newLauncher(t)
			l.serve(t)
			launchtest.Write(t, l.Path("nodes"), "real\n")
			bin, opened := l.fakePulumi(t, tc.outputs), filepath.Join(t.TempDir(), "opened")
			t.Setenv("DISPLAY", ":0")
			launchtest.Write(t, filepath.Join(bin, "xdg-open"), "#!/bin/sh\nprintf %s \"$1\" > "+opened+"\n")
			err := l.Open(t.Context())
			if tc.problem != "" {
				launchtest.WantError(t, err, tc.problem)
			} else if err != nil || strings.TrimSpace(out.String()) != tc.opened {
				t.Errorf("%v; it printed %q, want %q", err, out, tc.opened)
			}
			if got, _ := os.ReadFile(opened); string(got) != tc.opened {
				t.Errorf("the browser was given %q, want %q", got, tc.opened)
			}
		})
	}
}
