package store

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/app/internal/entry"
)

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// mount writes a password as Kubernetes mounts a Secret: the file is a symbolic
// link through ..data, which is switched to a new directory in one step.
func mount(t *testing.T, dir, version, password string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, version, "password"), []byte(password+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "..tmp")
	if err := os.Symlink(version, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	_ = os.Symlink("..data/password", filepath.Join(dir, "password"))
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// passwordStore opens a store on a database that wants "old-secret", with a mounted password file that says something.
func passwordStore(t *testing.T, says string) (p *proxy, s *Store, dir string, log *syncBuffer) {
	t.Helper()
	p = startProxy(t, "127.0.0.1:0", startDB(t, t.TempDir(), "127.0.0.1:0").URI, nil)
	p.setPassword("old-secret")
	dir, log = t.TempDir(), &syncBuffer{}
	mount(t, dir, "1", says)
	s, err := Open(Config{
		URI: "mongodb://" + p.address, Database: "guestbook", Timeout: 5 * time.Second, Connections: 5,
		Username: "guest", PasswordFile: filepath.Join(dir, "password"), AuthSource: "admin",
		Recheck: 20 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return p, s, dir, log
}

// The password changes while visitors sign: nobody sees it.
func TestPasswordChanges(t *testing.T) {
	p, s, dir, log := passwordStore(t, "not-the-secret")
	ctx := context.Background()
	if err := s.Ready(ctx); err == nil || !strings.Contains(err.Error(), "auth") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("with a wrong password: %v", err)
	}
	mount(t, dir, "2", "old-secret")
	eventually(t, "the right password is used", func() bool { return s.Ready(ctx) == nil })

	stop, signed := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				signed <- n
				return
			default:
			}
			n++
			if _, err := s.Add(ctx, entry.Draft{Form: "f", Message: fmt.Sprint("message ", n)}); err != nil {
				t.Errorf("entry %d: %v", n, err)
			}
		}
	}()
	p.setPassword("new-secret")
	mount(t, dir, "3", "new-secret")
	eventually(t, "the store has the new password", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.password == "new-secret"
	})
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log tells of the missing file", func() bool { return strings.Contains(log.String(), "no such file") })
	close(stop)
	n := <-signed
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != n {
		t.Errorf("%d entries of %d, %v", total, n, err)
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("the log holds a password")
	}
	if count := strings.Count(log.String(), "no such file"); count != 1 {
		t.Errorf("the log tells of the missing file %d times", count)
	}
}

// The file changes to something that the database does not take: entries are
// written as before, until the password in it works.
func TestPasswordIsTriedFirst(t *testing.T) {
	p, s, dir, log := passwordStore(t, "old-secret")
	ctx, n := context.Background(), 0
	sign := func(when string) {
		t.Helper()
		n++
		if _, err := s.Add(ctx, entry.Draft{Form: "f", Message: fmt.Sprint("message ", n)}); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	sign("at first")
	for version, password := range map[string]string{"2": "another-secret", "3": "new-se"} {
		refused := p.refusals()
		mount(t, dir, version, password)
		// Tried again and again: the database may learn it after the file.
		eventually(t, "the database refuses "+password+" twice", func() bool { return p.refusals() >= refused+2 })
		sign("while the file holds " + password)
		p.cut() // connections end for many reasons; new ones are made with what works
		sign("after the connections were cut, while the file holds " + password)
	}
	if count := strings.Count(log.String(), "the database does not take the new password"); count == 0 || count > 2 {
		t.Errorf("the log tells of two refused passwords %d times:\n%s", count, log.String())
	}
	mount(t, dir, "4", "new-secret")
	p.setPassword("new-secret")
	eventually(t, "the new password is used", func() bool { return strings.Contains(log.String(), "the database password has changed") })
	p.cut()
	sign("with the new password")
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != n {
		t.Errorf("%d entries of %d, %v", total, n, err)
	}
	for _, secret := range []string{"secret", "new-se"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer web.Close()
	p := startProxy(t, "127.0.0.1:0", startDB(t, t.TempDir(), "127.0.0.1:0").URI, web.TLS)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{
		"?tls=true&tlsCAFile=" + ca: true,
		"?tls=true":                 false, // an unknown authority
		"":                          false, // no TLS
	} {
		timeout := time.Second
		if want {
			timeout = 20 * time.Second
		}
		s, err := Open(Config{
			URI: "mongodb://" + p.address + "/" + query, Database: "guestbook",
			Timeout: timeout, Connections: 1, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(context.Background()); (err == nil) != want {
			t.Errorf("%q: %v", query, err)
		}
		_ = s.Close(context.Background())
	}
}

// The primary steps down, and another member of the replica set takes over.
func TestReplicaSet(t *testing.T) {
	backend := startDB(t, t.TempDir(), "127.0.0.1:0").URI
	addresses := []string{freeAddress(t), freeAddress(t)}
	var members []*proxy
	for i, address := range addresses {
		p := startProxy(t, address, backend, nil)
		p.members = addresses
		p.primary.Store(i == 0)
		members = append(members, p)
	}
	s := open(t, "mongodb://"+strings.Join(addresses, ",")+"/?replicaSet=rs0")
	ctx := context.Background()
	for i := range 20 {
		if i == 10 {
			members[0].primary.Store(false)
			members[1].primary.Store(true)
		}
		if _, err := s.Add(ctx, entry.Draft{Form: "f", Message: fmt.Sprint(i)}); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != 20 {
		t.Errorf("%d entries, %v", total, err)
	}
}
