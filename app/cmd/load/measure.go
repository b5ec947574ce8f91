package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"oke-guestbook/app/internal/devdb"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

type config struct {
	app           string // path of the guestbook's binary
	duration      time.Duration
	clients, runs int
	entries       int
	idle          int // number of idle connections
}

func (c config) check() error {
	if c.app == "" || c.clients < 1 || c.clients > 1000 || c.runs < 1 || c.entries < 0 ||
		c.idle < 0 || c.idle > 20000 || c.duration <= 0 || c.duration > time.Minute {
		return errors.New("want -app, 1 to 1000 -clients, at least 1 of -runs, a -duration up to 1m, and up to 20000 -idle")
	}
	return nil
}

// memoryLimit is the memory limit of the guestbook's Pod in bytes.
const memoryLimit = 64e6

type report struct {
	rows     []row // one for each kind of request
	peak     int64 // peak memory in bytes after all runs
	peakIdle int64 // peak memory in bytes after the idle connections were opened
}

type row struct {
	name        string
	rate        float64 // successful requests per second
	median, p99 time.Duration
	failed      int
}

// check returns an error if a request failed or the memory limit was exceeded.
func (r report) check() error {
	var problems []error
	for _, row := range r.rows {
		if row.failed > 0 {
			problems = append(problems, fmt.Errorf("%s: %d requests failed", row.name, row.failed))
		}
	}
	if most := max(r.peak, r.peakIdle); most > memoryLimit {
		problems = append(problems, fmt.Errorf("the guestbook took %.1f MB of memory, over the limit of %.0f MB",
			float64(most)/1e6, memoryLimit/1e6))
	}
	return errors.Join(problems...)
}

// measure starts the database and the guestbook, and measures all kinds of requests.
func measure(c config) (report, error) {
	if err := c.check(); err != nil {
		return report{}, err
	}
	dir, err := os.MkdirTemp("", "guestbook-load-")
	if err != nil {
		return report{}, err
	}
	defer os.RemoveAll(dir)
	db, err := devdb.Start(filepath.Join(dir, "db"), "127.0.0.1:0")
	if err != nil {
		return report{}, err
	}
	defer func() { _ = db.Stop() }()
	if err := seed(db.URI, c.entries); err != nil {
		return report{}, err
	}
	base, cmd, err := startApp(c.app, db.URI)
	if err != nil {
		return report{}, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()

	var out report
	if out.rows, err = measureRequests(c, base); err != nil {
		return report{}, err
	}
	if out.peak, err = peakMemory(cmd.Process.Pid); err != nil {
		return report{}, err
	}
	if err := openIdle(strings.TrimPrefix(base, "http://"), c.idle); err != nil {
		return report{}, err
	}
	out.peakIdle, err = peakMemory(cmd.Process.Pid)
	return out, err
}

// measureRequests runs each kind of request c.runs times, and returns the run with the median rate.
func measureRequests(c config, base string) ([]row, error) {
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConns: c.clients, MaxIdleConnsPerHost: c.clients},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
	kinds, err := requestKinds(client, base)
	if err != nil {
		return nil, err
	}
	var rows []row
	n := 0 // requests so far
	for _, k := range kinds {
		var runs []row
		for range c.runs {
			r, sent, err := drive(client, c, k.status, n, k.request)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.name, err)
			}
			n += sent
			r.name = k.name
			runs = append(runs, r)
		}
		slices.SortFunc(runs, func(a, b row) int { return cmp.Compare(a.rate, b.rate) })
		rows = append(rows, runs[len(runs)/2])
	}
	return rows, nil
}

type requestKind struct {
	name    string
	status  int                                // expected status code
	request func(n int) (*http.Request, error) // returns the request number n; no two have the same number
}

func requestKinds(client *http.Client, base string) ([]requestKind, error) {
	tag, err := entriesTag(client, base)
	if err != nil {
		return nil, err
	}
	const token = "AAAAAAAAAAAAAAAAAAAAAA"
	get := func(path string) func(int) (*http.Request, error) {
		return func(int) (*http.Request, error) { return http.NewRequest("GET", base+path, nil) }
	}
	return []requestKind{
		{"first page", http.StatusOK, get("/")},
		{"page 2 (asks the database)", http.StatusOK, get("/?page=2")},
		{"nothing new (304)", http.StatusNotModified, func(n int) (*http.Request, error) {
			r, err := get("/entries")(n)
			r.Header.Set("If-None-Match", tag)
			return r, err
		}},
		{"entry", http.StatusSeeOther, func(n int) (*http.Request, error) {
			form := url.Values{
				"token": {token}, "form": {fmt.Sprintf("%022d", n)},
				"name": {"민수"}, "message": {fmt.Sprintf("안녕하세요 %d", n)},
			}
			r, err := http.NewRequest("POST", base+"/", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(&http.Cookie{Name: "guestbook_token", Value: token})
			return r, err
		}},
	}, nil
}

// openIdle opens connections, sends one request on each, and closes them all when it returns.
func openIdle(address string, connections int) error {
	for i := range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: guestbook\r\n\r\n"); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		_ = res.Body.Close()
	}
	return nil
}

// seed writes entries to the database.
func seed(uri string, entries int) error {
	s, err := store.Open(store.Config{URI: uri, Database: "guestbook", Timeout: 10 * time.Second, Connections: 1})
	if err != nil {
		return err
	}
	defer s.Close(context.Background())
	for i := range entries {
		message := fmt.Sprintf("Entry number %d. %s", i, strings.Repeat("안녕 ", 20))
		if _, err := s.Add(context.Background(), entry.Draft{Form: "seed", Name: "Ada", Message: message}); err != nil {
			return err
		}
	}
	return nil
}

// startApp starts the binary with the environment of the image, and waits until it is ready.
func startApp(app, uri string) (base string, cmd *exec.Cmd, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd = exec.Command(app)
	cmd.Env = []string{
		"GOMEMLIMIT=52MiB", "MONGODB_URI=" + uri, "LISTEN_ADDRESS=" + address, "METRICS_ADDRESS=127.0.0.1:0",
		"DRAIN_DELAY=0s", "SIGNS_PER_MINUTE=1000000", "READS_PER_SECOND=1000000",
	}
	cmd.Stderr = os.Stderr // the log on standard output is written to the null device
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	base = "http://" + address
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(base + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return base, cmd, nil
			}
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return "", nil, errors.New("the guestbook is not ready after 10 s")
		}
	}
}

// entriesTag returns the ETag of the current entries.
func entriesTag(client *http.Client, base string) (string, error) {
	res, err := client.Get(base + "/entries")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.Header.Get("ETag"), err
}

// drive sends requests from all clients for c.duration, and expects the status code want. The requests are numbered
// from first on. It returns the result and how many numbers it used.
func drive(
	client *http.Client, c config, want, first int, request func(n int) (*http.Request, error),
) (row, int, error) {
	type result struct {
		took   []time.Duration
		failed int
		err    error
	}
	results := make([]result, c.clients)
	const most = 1 << 20 // limit of one client's requests
	began := time.Now()
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			r := &results[i]
			for n := 0; n < most && time.Since(began) < c.duration; n++ {
				req, err := request(first + n*c.clients + i)
				if err != nil {
					r.err = err
					return
				}
				sent := time.Now()
				res, err := client.Do(req)
				if err != nil {
					r.failed++
					continue
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != want {
					r.failed++
					continue
				}
				r.took = append(r.took, time.Since(sent))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	var all []time.Duration
	out, longest := row{}, 0
	for _, r := range results {
		if r.err != nil {
			return row{}, 0, r.err
		}
		all = append(all, r.took...)
		out.failed += r.failed
		longest = max(longest, len(r.took)+r.failed)
	}
	if len(all) == 0 {
		return row{}, 0, fmt.Errorf("all %d requests failed", out.failed)
	}
	slices.Sort(all)
	out.rate = float64(len(all)) / elapsed.Seconds()
	out.median, out.p99 = all[len(all)/2], all[len(all)*99/100]
	return out, longest * c.clients, nil
}

// peakMemory returns the peak resident set size of a process in bytes (proc(5), VmHWM).
func peakMemory(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmHWM:" {
			kb, err := strconv.ParseInt(fields[1], 10, 64)
			return kb * 1024, err
		}
	}
	return 0, errors.New("no VmHWM in /proc")
}
