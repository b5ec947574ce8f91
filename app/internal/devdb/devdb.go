// Package devdb runs a database that speaks MongoDB's protocol in this process
// (FerretDB on SQLite), for tests and for development. The guestbook's own
// binary must not import it.
package devdb

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// DB is a running database.
type DB struct {
	URI    string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of the run; read after done
}

// Start runs a database on address ("127.0.0.1:0" picks a free port) with its
// files in dir, which it creates.
func Start(dir, address string) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded database: %w", err)
	}
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: address},
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
	db.URI = f.MongoDBURI()
	return db, nil
}

// Stop closes every connection and waits for the end. The files stay. It may be called again.
func (db *DB) Stop() error {
	db.cancel()
	<-db.done
	return db.err
}
