package store

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
)

// mount writes a password file as Kubernetes mounts a Secret: the file is a symbolic link through ..data, which is
// atomically replaced by a link to a new directory.
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

// passwordStore opens a store with a mounted password file on a database with the password "old-secret".
func passwordStore(t *testing.T, password string) (p *apptest.Proxy, s *Store, dir string, log *apptest.Buffer) {
	t.Helper()
	p = apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, nil)
	p.SetPassword("guest", "old-secret")
	dir, log = t.TempDir(), &apptest.Buffer{}
	mount(t, dir, "1", password)
	s, err := Open(Config{
		URI: "mongodb://" + p.Address, Database: "guestbook", Timeout: 5 * time.Second, Connections: 5,
		Username: "guest", PasswordFile: filepath.Join(dir, "password"), AuthSource: "admin",
		Recheck: 20 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return p, s, dir, log
}

// A change of the password makes no operation fail.
func TestPasswordChanges(t *testing.T) {
	p, s, dir, log := passwordStore(t, "not-the-secret")
	ctx := context.Background()
	err := s.Ready(ctx)
	if err == nil || !strings.Contains(err.Error(), "auth") || strings.Contains(err.Error(), "secret") {
		t.Fatalf("with a wrong password: %v", err)
	}
	mount(t, dir, "2", "old-secret")
	apptest.Eventually(t, "the correct password is used", func() bool { return s.Ready(ctx) == nil })

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
	p.SetPassword("guest", "new-secret")
	mount(t, dir, "3", "new-secret")
	apptest.Eventually(t, "the store has the new password", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.password == "new-secret"
	})
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	apptest.Eventually(t, "the missing file is logged", func() bool {
		return strings.Contains(log.String(), "no such file")
	})
	close(stop)
	n := <-signed
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != n {
		t.Errorf("%d entries, want %d; error %v", total, n, err)
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("the log contains a password")
	}
	if count := strings.Count(log.String(), "no such file"); count != 1 {
		t.Errorf("the missing file is logged %d times, want 1", count)
	}
}

// While the file has a password that the database rejects, the store uses the previous one.
func TestRejectedPassword(t *testing.T) {
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
		rejected := p.Rejections()
		mount(t, dir, version, password)
		// The store retries, because the database may be changed after the file.
		apptest.Eventually(t, "the database has rejected "+password+" twice", func() bool {
			return p.Rejections() >= rejected+2
		})
		sign("while the file has " + password)
		p.CloseClients(false) // new connections must use the previous password
		sign("on a new connection, while the file has " + password)
	}
	if count := strings.Count(log.String(), "the database rejects the new password"); count == 0 || count > 2 {
		t.Errorf("two rejected passwords are logged %d times:\n%s", count, log.String())
	}
	mount(t, dir, "4", "new-secret")
	p.SetPassword("guest", "new-secret")
	apptest.Eventually(t, "the new password is used", func() bool {
		return strings.Contains(log.String(), "the database password has changed")
	})
	p.CloseClients(false)
	sign("with the new password")
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != n {
		t.Errorf("%d entries, want %d; error %v", total, n, err)
	}
	for _, secret := range []string{"secret", "new-se"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log contains %q", secret)
		}
	}
}

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // only its certificate is used
	defer web.Close()
	p := apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, web.TLS)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
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
			URI: "mongodb://" + p.Address + "/" + query, Database: "guestbook",
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

// Writes succeed when another member of the replica set becomes primary.
func TestReplicaSet(t *testing.T) {
	backend := apptest.StartDB(t).URI
	addresses := []string{apptest.FreeAddress(t), apptest.FreeAddress(t)}
	var members []*apptest.Proxy
	for i, address := range addresses {
		p := apptest.StartProxy(t, address, backend, nil)
		p.Members = addresses
		p.Primary.Store(i == 0)
		members = append(members, p)
	}
	s := open(t, "mongodb://"+strings.Join(addresses, ",")+"/?replicaSet=rs0")
	ctx := context.Background()
	for i := range 20 {
		if i == 10 {
			members[0].Primary.Store(false)
			members[1].Primary.Store(true)
		}
		if _, err := s.Add(ctx, entry.Draft{Form: "f", Message: fmt.Sprint(i)}); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	if _, total, err := s.Page(ctx, 0, 1); err != nil || total != 20 {
		t.Errorf("%d entries, %v", total, err)
	}
}
