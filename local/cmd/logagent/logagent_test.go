package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/freeport"
)

// stack returns the stack's configuration, whose logs are those of two namespaces.
func stack(t *testing.T, host, port string) *config {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	data, err := os.ReadFile("../../../components/logs/fluent-bit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{"NAMESPACES": "seoul|busan", "HOST": host, "PORT": port}
	c, err := parse(data, func(name string) (string, bool) { value, ok := set[name]; return value, ok })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestConfigurationOfTheStack(t *testing.T) {
	c := stack(t, "logs.example.com", "24224")
	if c.host != "logs.example.com" || c.port != 24224 || c.flush != 5*time.Second || c.retries != 10 ||
		c.level != slog.LevelWarn || !c.fromHead || c.positions != "/positions/tail.db.json" {
		t.Errorf("%+v", c)
	}
	for name, want := range map[string]string{
		"frontend-7d9-x_seoul_frontend-" + id:  "seoul.frontend-7d9-x.frontend",
		"mongo-0_busan_set-up-" + id:           "busan.mongo-0.set-up",
		"mongo-0_busan2_mongo-" + id:           "",
		"coredns-1_kube-system_coredns-" + id:  "",
		"seoul-1_default_seoul-" + id:          "",
		"of-no-container_seoul_frontend-short": "",
	} {
		if got := c.tagOf("/var/log/containers/" + name + ".log"); got != want {
			t.Errorf("the tag of %s is %q, want %q", name, got, want)
		}
	}
}

func TestRefusedConfiguration(t *testing.T) {
	const whole = `{service: {flush: 1, log_level: warn}, pipeline: {inputs: [{name: tail, path: a, tag: b, ` +
		`tag_regex: c, db: d, multiline.parser: cri, skip_long_lines: true}], ` +
		`outputs: [{name: forward, match_regex: e, host: f, port: "1", retry_limit: 1}]}}`
	none := func(string) (string, bool) { return "", false }
	if _, err := parse([]byte(whole), none); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"retry_limit: 1", "retry_limit: 1, tls: on", `unknown field "tls"`},
		{"pipeline: {", "pipeline: {filters: [], ", `unknown field "filters"`},
		{"name: forward", "name: http", `name of the output: "http"`},
		{"name: tail", "name: systemd", `name of the input: "systemd"`},
		{"multiline.parser: cri", "multiline.parser: docker", `multiline.parser: "docker"`},
		{"skip_long_lines: true", "skip_long_lines: false", "skip_long_lines"},
		{"inputs: [", "inputs: [{name: tail}, ", "2 inputs and 1 outputs"},
		{"db: d, ", "", "db: "},
		{"flush: 1", "flush: 0", "flush 0"},
		{"log_level: warn", "log_level: loud", "loud"},
		{"host: f", "host: '${HOST}'", "${HOST} is not set"},
		{"match_regex: e", "match_regex: (", "match_regex: "},
		{"tag_regex: c", "tag_regex: (", "tag_regex: "},
		{`port: "1"`, `port: many`, "port: "},
	} {
		text := strings.Replace(whole, test.old, test.new, 1)
		if _, err := parse([]byte(text), none); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.new, err, test.want)
		}
	}
}

// node is a directory of log files, and an agent that sends them to a server.
type node struct {
	t      *testing.T
	dir    string
	config *config
	log    watched
	got    watched // what the server prints
}

// watched is an output that a test reads while it is written.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *watched) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *watched) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func newNode(t *testing.T) *node {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, dir: t.TempDir(), config: stack(t, "127.0.0.1", fmt.Sprint(port))}
	n.config.path = filepath.Join(n.dir, "*.log")
	n.config.positions = filepath.Join(n.dir, "positions")
	n.config.flush = 10 * time.Millisecond
	return n
}

// serve runs the server until the test ends.
func (n *node) serve() {
	n.t.Helper()
	address := net.JoinHostPort(n.config.host, fmt.Sprint(n.config.port))
	listener, err := new(net.ListenConfig).Listen(n.t.Context(), "tcp", address)
	if err != nil {
		n.t.Fatal(err)
	}
	go func() { _ = collect(n.t.Context(), listener, &n.got) }()
}

// agent runs an agent, until stop.
func (n *node) agent() (stop func()) {
	ctx, cancel := context.WithCancel(n.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- newAgent(n.config, slog.New(slog.NewTextHandler(&n.log, nil))).run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(stop)
	return stop
}

// write appends lines to a container's log, each "stdout F text".
func (n *node) write(container string, lines ...string) {
	n.t.Helper()
	file, err := os.OpenFile(n.file(container), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer file.Close()
	for _, line := range lines {
		if _, err := fmt.Fprintln(file, "2026-11-29T10:00:00.123456789Z", line); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *node) file(container string) string { return filepath.Join(n.dir, container+"-"+id+".log") }

// sent waits until the server has exactly these texts, of any file.
func (n *node) sent(want ...string) {
	n.t.Helper()
	text := regexp.MustCompile(`"log":"([^"]*)"`)
	eventually.Succeeds(n.t, time.Minute, "the lines are sent", func(context.Context) error {
		var got []string
		for _, match := range text.FindAllStringSubmatch(n.got.String(), -1) {
			got = append(got, match[1])
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("%q, want %q; the agent says %s", got, want, n.log.String())
		}
		return nil
	})
}

func TestLines(t *testing.T) {
	n := newNode(t)
	n.serve()
	n.write("a_seoul_c", "stdout F 1 before the agent")
	n.write("a_incheon_c", "stdout F 0 of another namespace")
	stop := n.agent()
	n.sent("1 before the agent")
	want := `seoul.a.c {"_p":"F","log":"1 before the agent","stream":"stdout",` +
		`"time":"2026-11-29T10:00:00.123456789Z"}` + "\n"
	if got := n.got.String(); got != want {
		t.Errorf("the server has %q, want %q", got, want)
	}
	n.write("a_seoul_c", "stdout P 2 a long ", "stderr F 3 between", "stdout P line, ", "stdout F joined")
	n.sent("1 before the agent", "2 a long line, joined", "3 between")

	// The kubelet gives a file that is too large another name, and the runtime begins a new one.
	n.write("a_seoul_c", "stdout F 4 the last one")
	if err := os.Rename(n.file("a_seoul_c"), filepath.Join(n.dir, "old")); err != nil {
		t.Fatal(err)
	}
	n.write("a_seoul_c", "stdout F 5 of a new file")
	n.sent("1 before the agent", "2 a long line, joined", "3 between", "4 the last one", "5 of a new file")

	stop()
	n.write("a_seoul_c", "stdout F 6 without an agent", "stdout F "+strings.Repeat("long", lineLimit))
	n.write("b_busan_c", "stdout F 7 of a new container")
	n.agent()
	n.sent("1 before the agent", "2 a long line, joined", "3 between", "4 the last one", "5 of a new file",
		"6 without an agent", "7 of a new container")
	if said := n.log.String(); !strings.Contains(said, "a long line is skipped") {
		t.Errorf("the agent says %s", said)
	}
}

// TestNotFromHead starts an agent that leaves out what was there before, as Fluent Bit does without read_from_head.
func TestNotFromHead(t *testing.T) {
	n := newNode(t)
	n.config.fromHead = false
	n.serve()
	n.write("a_seoul_c", "stdout F 1 before")
	n.agent()
	eventually.Succeeds(t, time.Minute, "the agent's positions", func(context.Context) error {
		_, err := os.Stat(n.config.positions)
		return err
	})
	n.write("a_seoul_c", "stdout F 2 after")
	n.write("b_seoul_c", "stdout F 3 of a later file")
	n.sent("2 after", "3 of a later file")
}

// TestServerThatComesLate has the agent try until there is a server, and give up lines after the configured number of
// retries.
func TestServerThatComesLate(t *testing.T) {
	n := newNode(t)
	said := func(text string) {
		t.Helper()
		eventually.Succeeds(t, time.Minute, text, func(context.Context) error {
			if said := n.log.String(); !strings.Contains(said, text) {
				return fmt.Errorf("the agent says %s", said)
			}
			return nil
		})
	}
	n.config.retries = 1 << 30
	n.write("a_seoul_c", "stdout F 1 kept")
	n.agent()
	said("sent again")
	n.serve()
	n.sent("1 kept")

	n = newNode(t)
	n.config.retries = 1
	n.write("a_seoul_c", "stdout F 1 given up")
	n.agent()
	said("lines are lost")
	n.serve()
	n.write("a_seoul_c", "stdout F 2 sent")
	n.sent("2 sent")
}

// TestForms takes messages of all forms, of which Fluent Bit sends another one than this agent.
func TestForms(t *testing.T) {
	record := map[string]any{"log": "x"}
	entry, err := msgp.AppendIntf(nil, []any{1, record})
	if err != nil {
		t.Fatal(err)
	}
	chunk := map[string]any{"chunk": "c1"}
	for name, message := range map[string][]any{
		"Message":       {"tag", 1, record, chunk},
		"Forward":       {"tag", []any{[]any{1, record}}, chunk},
		"PackedForward": {"tag", entry, chunk},
	} {
		data, err := msgp.AppendIntf(nil, message)
		if err != nil {
			t.Fatal(err)
		}
		var printed, answered bytes.Buffer
		messages := msgp.NewReader(bytes.NewReader(data))
		err = take(messages, &answered, func(line []byte) error { printed.Write(line); return nil })
		if err != nil || printed.String() != "tag {\"log\":\"x\"}\n" {
			t.Errorf("%s: %v, %q", name, err, printed.String())
		}
		if answer, err := msgp.NewReader(&answered).ReadIntf(); err != nil || fmt.Sprint(answer) != "map[ack:c1]" {
			t.Errorf("%s: %v, answered %v", name, err, answer)
		}
	}
	for _, bad := range []any{"text", []any{}, []any{"tag"}} {
		data, err := msgp.AppendIntf(nil, bad)
		if err != nil {
			t.Fatal(err)
		}
		if err := take(msgp.NewReader(bytes.NewReader(data)), io.Discard, nil); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
