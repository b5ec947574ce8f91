package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/devdb"
	"oke-guestbook/app/internal/store"
)

// guestbook is one running replica.
type guestbook struct {
	url, metrics string
	stop         context.CancelFunc // what SIGTERM does
	ended        chan error
	log          *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startDB(t *testing.T) *devdb.DB {
	t.Helper()
	db, err := devdb.Start(t.TempDir(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Stop() })
	return db
}

func start(t *testing.T, env map[string]string) *guestbook {
	t.Helper()
	all := map[string]string{
		"LISTEN_ADDRESS": "127.0.0.1:0", "METRICS_ADDRESS": "127.0.0.1:0", "DRAIN_DELAY": "0s",
		"SIGNS_PER_MINUTE": "100000", "READS_PER_SECOND": "100000",
	}
	maps.Copy(all, env)
	ctx, cancel := context.WithCancel(context.Background())
	g := &guestbook{stop: cancel, ended: make(chan error, 1), log: &lockedBuffer{}}
	started := make(chan struct{})
	go func() {
		g.ended <- run(ctx, nil, func(key string) string { return all[key] }, g.log, func(pages, metrics net.Addr) {
			g.url, g.metrics = "http://"+pages.String(), "http://"+metrics.String()
			close(started)
		})
	}()
	select {
	case <-started:
	case err := <-g.ended:
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return g
}

// get asks once, on a connection of its own; last tells that the server closes it.
func get(t *testing.T, url string) (status int, body string, last bool) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Close
}

func TestBadEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"nothing set": {map[string]string{}, []string{"MONGODB_URI is not set"}},
		"many at once": {map[string]string{
			"MONGODB_URI": "mongodb://mongo", "PAGE_SIZE": "0", "DRAIN_DELAY": "soon", "TIME_ZONE": "Mars/Base",
			"TRUSTED_PROXIES": "10.0.0.1", "LISTEN_ADDRESS": "8080", "METRICS_ADDRESS": ":99999", "LOG_LEVEL": "loud",
			"MONGODB_DATABASE": "a/b", "MONGODB_USERNAME": "u", "SIGNS_PER_MINUTE": "-1",
		}, []string{
			`PAGE_SIZE "0": want a whole number from 1 to 100`, `DRAIN_DELAY "soon"`, `TIME_ZONE "Mars/Base"`,
			`TRUSTED_PROXIES "10.0.0.1": want CIDR`, `LISTEN_ADDRESS "8080"`, `METRICS_ADDRESS ":99999"`, `LOG_LEVEL "loud": want debug`,
			`MONGODB_DATABASE "a/b"`, "MONGODB_USERNAME and MONGODB_PASSWORD_FILE go together", `SIGNS_PER_MINUTE "-1"`,
		}},
		"wrong database URL":    {map[string]string{"MONGODB_URI": "postgres://mongo"}, []string{"MONGODB_URI: "}},
		"missing password file": {map[string]string{"MONGODB_URI": "mongodb://mongo", "MONGODB_USERNAME": "u", "MONGODB_PASSWORD_FILE": "/nowhere/pw"}, []string{"MONGODB_PASSWORD_FILE: open /nowhere/pw: no such file"}},
		"address in use":        {map[string]string{"MONGODB_URI": "mongodb://mongo", "LISTEN_ADDRESS": occupied(t)}, []string{"LISTEN_ADDRESS: ", "address already in use"}},
	} {
		err := run(context.Background(), nil, func(key string) string { return c.env[key] }, io.Discard, nil)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in: %v", name, want, err)
			}
		}
	}
	err := run(context.Background(), []string{"serve"}, func(key string) string { return map[string]string{"MONGODB_URI": "mongodb://mongo"}[key] }, io.Discard, nil)
	if err == nil || !strings.Contains(err.Error(), `"indexes"`) {
		t.Errorf("an unknown argument: %v", err)
	}
}

func occupied(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestIndexesCommand(t *testing.T) {
	db := startDB(t)
	env := func(key string) string { return map[string]string{"MONGODB_URI": db.URI}[key] }
	for range 2 { // a Job may run again
		if err := run(context.Background(), []string{"indexes"}, env, io.Discard, nil); err != nil {
			t.Fatal(err)
		}
	}
	client, err := mongo.Connect(options.Client().ApplyURI(db.URI))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	indexes, err := client.Database("guestbook").Collection(store.Collection).Indexes().ListSpecifications(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// That it is sparse, the embedded database does not tell: TestIndex in internal/store.
	if len(indexes) != 2 || indexes[1].Name != "form" || indexes[1].Unique == nil || !*indexes[1].Unique {
		t.Errorf("indexes %+v, want one on _id and the unique one on form", indexes)
	}
}

func TestProbesWithoutDatabase(t *testing.T) {
	g := start(t, map[string]string{"MONGODB_URI": "mongodb://" + occupied(t), "MONGODB_TIMEOUT": "200ms"})
	for _, base := range []string{g.url, g.metrics} {
		if status, body, _ := get(t, base+"/livez"); status != 200 {
			t.Errorf("livez: %d %s", status, body)
		}
		if status, body, _ := get(t, base+"/readyz"); status != 503 || body != "the database cannot be used\n" {
			t.Errorf("readyz: %d %s", status, body)
		}
	}
	if _, body, _ := get(t, g.metrics+"/metrics"); !strings.Contains(body, "guestbook_database_up 0") {
		t.Error("no guestbook_database_up 0 among the metrics")
	}
	if !strings.Contains(g.log.String(), `"msg":"not ready"`) {
		t.Error("the log does not say why it is not ready")
	}
}

// After SIGTERM the replica is not ready at once, answers everybody for the
// whole delay, finishes what runs, and only then ends.
func TestDrain(t *testing.T) {
	db := startDB(t)
	g := start(t, map[string]string{"MONGODB_URI": db.URI, "DRAIN_DELAY": "1500ms"})
	if status, body, _ := get(t, g.url+"/readyz"); status != 200 {
		t.Fatalf("readyz: %d %s", status, body)
	}
	// A request that began before SIGTERM, and sends its body at the very end of the delay.
	slow, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n")

	began := time.Now()
	g.stop()
	for time.Since(began) < 1200*time.Millisecond {
		if status, _, _ := get(t, g.metrics+"/readyz"); status != 503 && time.Since(began) > 100*time.Millisecond {
			t.Fatalf("readyz: %d while draining", status)
		}
		status, _, last := get(t, g.url+"/")
		if status != 200 {
			t.Fatalf("a page: %d while draining", status)
		}
		if time.Since(began) > 300*time.Millisecond && !last {
			t.Fatal("an answer while draining keeps the connection")
		}
	}
	select {
	case err := <-g.ended:
		t.Fatalf("ended after %v: %v", time.Since(began), err)
	default:
	}
	time.AfterFunc(600*time.Millisecond, func() { _, _ = io.WriteString(slow, "message=x") })
	_ = slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(slow)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 403") {
		t.Errorf("the request under way was answered %.40q, %v", answer, err)
	}
	select {
	case err := <-g.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still running 10 s after the delay")
	}
}
