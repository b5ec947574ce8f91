package certs

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/store"
)

// storages returns as many storages as there are frontends, all of one database.
func storages(t *testing.T, frontends int) []*Storage {
	t.Helper()
	uri := apptest.StartDB(t).URI
	out := make([]*Storage, frontends)
	for i := range out {
		out[i] = storageOf(t, uri)
	}
	return out
}

func storageOf(t *testing.T, uri string) *Storage {
	t.Helper()
	db, err := store.Open(store.Config{
		URI: uri, Database: "guestbook", Timeout: time.Second, Connections: 5, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return &Storage{Collection: db.Certificates, Lease: 600 * time.Millisecond}
}

func TestStorage(t *testing.T) {
	s, ctx := storages(t, 1)[0], t.Context()
	if _, err := s.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load of what is not there: %v", err)
	}
	if _, err := s.List(ctx, "a", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of what is not there: %v", err)
	}
	for _, key := range []string{"a/b", "a/c/d", "a/c/e", "ab", "a.b"} {
		for _, value := range []string{"first", "of " + key} {
			if err := s.Store(ctx, key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Lock(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if value, err := s.Load(ctx, "a/c/d"); err != nil || string(value) != "of a/c/d" {
		t.Errorf("loaded %q, %v", value, err)
	}
	for _, c := range []struct {
		path      string
		recursive bool
		want      []string
	}{
		{"a", true, []string{"a/b", "a/c/d", "a/c/e"}},
		{"a", false, []string{"a/b", "a/c"}},
		{"", false, []string{"a", "a.b", "ab"}},
	} {
		got, err := s.List(ctx, c.path, c.recursive)
		if slices.Sort(got); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("list %q, recursive %t: %q, %v, want %q", c.path, c.recursive, got, err, c.want)
		}
	}
	info, err := s.Stat(ctx, "a/b")
	if err != nil || !info.IsTerminal || info.Size != 6 || time.Since(info.Modified) > time.Minute {
		t.Errorf("file: %+v, %v", info, err)
	}
	if info, err := s.Stat(ctx, "a/c"); err != nil || info.IsTerminal {
		t.Errorf("directory: %+v, %v", info, err)
	}
	if err := s.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"a": false, "a/b": false, "a/c/d": false, "ab": true, "a.b": true} {
		if got := s.Exists(ctx, key); got != want {
			t.Errorf("after the directory was deleted, %s exists: %t", key, got)
		}
	}
	if err := s.Unlock(ctx, "a"); err != nil {
		t.Errorf("the lock was deleted with the directory of its name: %v", err)
	}
}

// A lock is held as long as its frontend lives, and until a lease has passed if that was killed.
func TestLock(t *testing.T) {
	all := storages(t, 2)
	living, waiting := all[0], all[1]
	if err := living.Lock(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*living.Lease)
	defer cancel()
	if err := waiting.Lock(ctx, "order"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a lock whose frontend lives was taken: %v", err)
	}
	living.held["order"].stop() // as if it was killed
	began := time.Now()
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := waiting.Lock(ctx, "order"); err != nil || time.Since(began) < living.Lease {
		t.Fatalf("an abandoned lock was taken after %v: %v", time.Since(began), err)
	}
	// The frontend was only slow. It must not release what is another's now.
	if err := living.Unlock(ctx, "order"); err != nil {
		t.Error(err)
	}
	third := make(chan error)
	go func() { third <- living.Lock(ctx, "order") }()
	select {
	case err := <-third:
		t.Fatalf("a lock was released by a frontend that had lost it: %v", err)
	case <-time.After(2 * living.Lease):
	}
	canceled, stop := context.WithCancel(ctx)
	stop()
	if err := waiting.Unlock(canceled, "order"); err != nil {
		t.Error(err)
	}
	if err := <-third; err != nil {
		t.Error(err)
	}
	if err := waiting.Unlock(ctx, "order"); err == nil {
		t.Error("a lock that is not held was released")
	}
}
