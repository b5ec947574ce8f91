package chores

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/archive"
	"oke-guestbook/app/internal/bucket"
	"oke-guestbook/app/internal/config"
)

// Restore loads a backup in place of what its collections hold. Nothing is dropped before the whole backup has been
// downloaded and checked. Collections that the backup does not have stay. It may be repeated: each run begins anew.
func Restore(ctx context.Context, cfg config.Backup, name string, log *slog.Logger) (err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	b, err := openBucket(ctx, cfg, log)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "restore-*")
	if err != nil {
		return fmt.Errorf("a file for the backup (TMPDIR): %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	size, err := b.Download(ctx, name, file)
	if err != nil {
		return newest(ctx, b, err)
	}
	log.Info("downloaded", slog.String("backup", name), slog.Int64("bytes", size))
	collections, err := check(file, cfg.MongoDatabase)
	if err != nil {
		return fmt.Errorf("%s cannot be restored, and nothing has been changed: %w", name, err)
	}
	client, err := connect(cfg)
	if err != nil {
		return err
	}
	defer disconnect(client)
	n, begun := 0, false
	err = steadily(ctx, cfg, client, log, func() (err error) {
		begun = true
		n, err = load(ctx, client.Database(cfg.MongoDatabase), file, collections)
		return err
	})
	if begun && err != nil {
		return fmt.Errorf("restore %s: %w (the database is incomplete: run the restore again)", name, err)
	}
	if err != nil {
		return err
	}
	log.Info("restored", slog.String("backup", name), slog.Int("collections", len(collections)), slog.Int("documents", n))
	return nil
}

// newest adds the names of the newest backups to an error, if the bucket can be listed.
func newest(ctx context.Context, b *bucket.Bucket, err error) error {
	if !errors.Is(err, bucket.ErrNotFound) {
		return err
	}
	names, listErr := b.List(ctx)
	if listErr != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: the bucket is empty", err)
	}
	return fmt.Errorf("%w: the last names in the bucket are %s", err, strings.Join(names[max(0, len(names)-3):], ", "))
}

// check reads the whole backup and returns the database's collections.
func check(file io.ReadSeeker, database string) ([]archive.Collection, error) {
	in, err := open(file)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(in.Collections, func(c archive.Collection) bool { return c.Database != database })
	if len(mine) == 0 {
		return nil, fmt.Errorf("it has no collection of database %s", database)
	}
	for _, c := range mine {
		if c.Type == "timeseries" {
			return nil, fmt.Errorf("%s is a time series, which this program does not restore: use mongorestore", c.Name)
		}
		if _, err := parse(c); err != nil {
			return nil, err
		}
	}
	for err == nil {
		_, _, _, err = in.Next()
	}
	if errors.Is(err, io.EOF) {
		return mine, nil
	}
	return nil, err
}

func open(file io.ReadSeeker) (*archive.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	uncompressed, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("it is not compressed by gzip: %w", err)
	}
	return archive.NewReader(uncompressed)
}

func parse(c archive.Collection) (metadata, error) {
	var m metadata
	if c.Metadata == "" {
		return m, nil
	}
	if err := bson.UnmarshalExtJSON([]byte(c.Metadata), false, &m); err != nil {
		return m, fmt.Errorf("description of %s: %w", c.Name, err)
	}
	return m, nil
}

// load replaces the collections by those of the backup and returns the number of documents.
func load(ctx context.Context, db *mongo.Database, file io.ReadSeeker, collections []archive.Collection) (int, error) {
	for _, c := range collections {
		if err := create(ctx, db, c); err != nil {
			return 0, fmt.Errorf("create %s: %w", c.Name, err)
		}
	}
	in, err := open(file)
	if err != nil {
		return 0, err
	}
	n, batch := 0, batch{db: db}
	for {
		database, collection, doc, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
		if database != db.Name() {
			continue
		}
		n++
		if err := batch.add(ctx, collection, doc); err != nil {
			return n, err
		}
	}
	if err := batch.flush(ctx); err != nil {
		return n, err
	}
	for _, c := range collections {
		if err := createIndexes(ctx, db, c); err != nil {
			return n, fmt.Errorf("indexes of %s: %w", c.Name, err)
		}
	}
	return n, nil
}

// create makes an empty collection in place of the one of this name.
func create(ctx context.Context, db *mongo.Database, c archive.Collection) error {
	if err := db.Collection(c.Name).Drop(ctx); err != nil {
		return err
	}
	m, err := parse(c)
	if err != nil {
		return err
	}
	command := bson.D{{Key: "create", Value: c.Name}}
	if m.Options != nil {
		var more bson.D
		if err := bson.Unmarshal(m.Options, &more); err != nil {
			return err
		}
		command = append(command, more...)
	}
	err = db.RunCommand(ctx, command).Err()
	if hasCode(err, codeNamespaceExists) {
		return nil // a frontend has stored an entry meanwhile
	}
	return err
}

func createIndexes(ctx context.Context, db *mongo.Database, c archive.Collection) error {
	m, err := parse(c)
	if err != nil {
		return err
	}
	var indexes bson.A
	for _, raw := range m.Indexes {
		var index bson.D
		if err := bson.Unmarshal(raw, &index); err != nil {
			return err
		}
		// As mongorestore does: the server chooses the version; servers before 4.4 named the collection.
		index = slices.DeleteFunc(index, func(e bson.E) bool { return e.Key == "v" || e.Key == "ns" })
		if !slices.ContainsFunc(index, func(e bson.E) bool { return e.Key == "name" && e.Value == "_id_" }) {
			indexes = append(indexes, index)
		}
	}
	if len(indexes) == 0 {
		return nil
	}
	return db.RunCommand(ctx, bson.D{{Key: "createIndexes", Value: c.Name}, {Key: "indexes", Value: indexes}}).Err()
}

// batch collects documents of one collection, so that they are inserted many at a time.
type batch struct {
	db         *mongo.Database
	collection string
	docs       []bson.Raw
	size       int
}

// batchSize is the size of a batch in bytes.
const batchSize = 4 << 20

func (b *batch) add(ctx context.Context, collection string, doc bson.Raw) error {
	if collection != b.collection || b.size > batchSize {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.collection, b.docs, b.size = collection, append(b.docs, doc), b.size+len(doc)
	return nil
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.docs) == 0 {
		return nil
	}
	_, err := b.db.Collection(b.collection).InsertMany(ctx, b.docs,
		options.InsertMany().SetOrdered(false).SetBypassDocumentValidation(true))
	if err != nil {
		return fmt.Errorf("insert into %s: %w", b.collection, err)
	}
	b.docs, b.size = nil, 0
	return nil
}
