// Package apptest holds what the tests of several packages share.
package apptest

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"oke-guestbook/app/internal/devdb"
)

// StartDB runs an embedded database in a temporary directory until the test ends.
func StartDB(t *testing.T) *devdb.DB {
	t.Helper()
	return StartDBAt(t, t.TempDir(), "127.0.0.1:0")
}

// StartDBAt runs an embedded database with its files in dir until the test ends.
func StartDBAt(t *testing.T, dir, address string) *devdb.DB {
	t.Helper()
	db, err := devdb.Start(dir, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Stop() })
	return db
}

// Eventually fails the test if ok does not return true within a minute. The test continues only if it does.
func Eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// Buffer collects a log. It is safe for concurrent use.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// FreeAddress returns a loopback address on which nothing listens.
func FreeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
