// Package devdb runs an embedded database (FerretDB on SQLite), which speaks MongoDB's protocol, for tests and
// development. The guestbook's binary must not import it.
package devdb

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// DB is a running database.
type DB struct {
	URI    string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // result of Run; read only after done is closed
}

// Start runs a database on address: host:port, where port 0 selects a free one, or the absolute path of a Unix socket,
// which has no URI. Its files are in dir, which Start creates.
func Start(dir, address string) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded database: %w", err)
	}
	listener := ferretdb.ListenerConfig{TCP: address}
	if filepath.IsAbs(address) {
		listener = ferretdb.ListenerConfig{Unix: address}
	}
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  listener,
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
	})
	if err != nil {
		return nil, fmt.Errorf("embedded database in %s: %w", dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	db := &DB{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(db.done)
		db.err = f.Run(ctx)
	}()
	if uri := f.MongoDBURI(); listener.TCP != "" { // it waits until the database listens
		db.URI = uri
	}
	return db, nil
}

// Stop closes all connections and waits until the database has stopped. It keeps the files and is idempotent.
func (db *DB) Stop() error {
	db.cancel()
	<-db.done
	return db.err
}
