package chores

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"oke-guestbook/app/internal/archive"
	"oke-guestbook/app/internal/bucket"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/retry"
	"oke-guestbook/app/internal/store"
)

// backupName is the form of a backup's name, its time in UTC. Objects with other names are not touched.
const backupName = "2006-01-02T15-04-05Z.archive.gz"

// firstPause is the time before a request is repeated. It doubles each time, up to 15 s.
var firstPause = time.Second

// longest is a limit for the work with the database, which a context without a deadline would give MONGODB_TIMEOUT.
const longest = 6 * time.Hour

// metadata describes a collection in an archive (mongo-tools, mongodump/metadata_dump.go).
type metadata struct {
	Options    bson.Raw   `bson:"options"`
	Indexes    []bson.Raw `bson:"indexes"`
	UUID       string     `bson:"uuid,omitempty"`
	Collection string     `bson:"collectionName"`
	Type       string     `bson:"type"`
}

// Backup saves the database to the bucket under the time of now, then deletes the backups that are too old. version is
// the program's.
func Backup(ctx context.Context, cfg config.Backup, version string, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	b, err := openBucket(ctx, cfg, log)
	if err != nil {
		return err
	}
	// First, so that a missing right is found out before the database is read.
	names, err := b.List(ctx)
	if err != nil {
		return err
	}
	client, err := connect(cfg)
	if err != nil {
		return err
	}
	defer disconnect(client)
	now := time.Now().UTC()
	name := now.Format(backupName)
	var documents int
	var size int64
	err = steadily(ctx, cfg, client, log, func() (err error) {
		size, err = b.Upload(ctx, name, func(w io.Writer) error {
			compressed := gzip.NewWriter(w)
			if documents, err = dump(ctx, client.Database(cfg.MongoDatabase), version, compressed); err != nil {
				return fmt.Errorf("read the database: %w", err)
			}
			return compressed.Close()
		})
		return err
	})
	if err != nil {
		return err
	}
	log.Info("saved", slog.String("backup", name), slog.Int("documents", documents), slog.Int64("bytes", size))
	record := store.Backup{Name: name, At: now, Bytes: size, Documents: documents}
	if err := store.RecordBackup(ctx, client.Database(cfg.MongoDatabase), record); err != nil {
		// The backup is good. Its age shows too large until the next one.
		log.Warn("the database does not take the record of the backup", slog.String("error", err.Error()))
	}
	for _, old := range expired(names, now.AddDate(0, 0, -cfg.KeepDays)) {
		if err := b.Delete(ctx, old); err != nil {
			return err
		}
		log.Info("deleted", slog.String("backup", old), slog.Int("older than days", cfg.KeepDays))
	}
	return nil
}

// expired returns the names of backups from before oldest.
func expired(names []string, oldest time.Time) []string {
	var out []string
	for _, name := range names {
		if at, err := time.Parse(backupName, name); err == nil && at.Before(oldest) && at.Format(backupName) == name {
			out = append(out, name)
		}
	}
	return out
}

func policy(cfg config.Backup, log *slog.Logger) retry.Policy {
	return retry.Policy{Timeout: cfg.Timeout, First: firstPause, Longest: 15 * time.Second, Log: log}
}

func openBucket(ctx context.Context, cfg config.Backup, log *slog.Logger) (*bucket.Bucket, error) {
	return bucket.Open(ctx, bucket.Config{
		Namespace: cfg.Namespace, Name: cfg.Bucket, Auth: cfg.Auth, Region: cfg.Region,
		ConfigFile: cfg.ConfigFile, ConfigProfile: cfg.ConfigProfile, Endpoint: cfg.Endpoint,
	}, policy(cfg, log))
}

func connect(cfg config.Backup) (*mongo.Client, error) {
	return store.Connect(store.Config{
		URI: cfg.MongoURI, Username: cfg.MongoUser, PasswordFile: cfg.MongoPassFile, AuthSource: cfg.MongoAuthSource,
		Timeout: cfg.MongoTimeout, Connections: 1,
	})
}

// dump writes the database's collections and returns the number of documents.
func dump(ctx context.Context, db *mongo.Database, version string, w io.Writer) (int, error) {
	var server struct {
		Version string `bson:"version"`
	}
	if err := db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&server); err != nil {
		return 0, err
	}
	collections, err := describe(ctx, db)
	if err != nil {
		return 0, err
	}
	out, err := archive.NewWriter(w, server.Version, "guestbook "+version, collections)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, c := range collections {
		if c.Type == "view" {
			continue
		}
		n, err := out.Write(c, documents(ctx, db.Collection(c.Name)))
		if err != nil {
			return 0, fmt.Errorf("collection %s: %w", c.Name, err)
		}
		total += n
	}
	return total, nil
}

// describe returns the database's collections, without the system's and the record of the last backup.
func describe(ctx context.Context, db *mongo.Database) ([]archive.Collection, error) {
	cursor, err := db.ListCollections(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var found []struct {
		Name    string   `bson:"name"`
		Type    string   `bson:"type"`
		Options bson.Raw `bson:"options"`
		Info    struct {
			UUID bson.Binary `bson:"uuid"`
		} `bson:"info"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	var out []archive.Collection
	for _, c := range found {
		if strings.HasPrefix(c.Name, "system.") || c.Name == store.Backups || c.Name == store.Certificates {
			continue
		}
		m := metadata{Options: c.Options, Collection: c.Name, Type: c.Type, UUID: hex.EncodeToString(c.Info.UUID.Data)}
		switch c.Type {
		case "collection":
			indexes, err := db.Collection(c.Name).Indexes().List(ctx)
			if err != nil {
				return nil, fmt.Errorf("indexes of %s: %w", c.Name, err)
			}
			if err := indexes.All(ctx, &m.Indexes); err != nil {
				return nil, fmt.Errorf("indexes of %s: %w", c.Name, err)
			}
		case "view":
		default:
			return nil, fmt.Errorf("%s is a %s, which this program does not save: use mongodump", c.Name, c.Type)
		}
		if m.Options == nil {
			m.Options = bson.Raw{5, 0, 0, 0, 0} // {}
		}
		text, err := bson.MarshalExtJSON(m, true, false)
		if err != nil {
			return nil, err
		}
		out = append(out, archive.Collection{Database: db.Name(), Name: c.Name, Metadata: string(text), Type: c.Type})
	}
	slices.SortFunc(out, func(a, b archive.Collection) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// documents iterates over the documents of a collection.
func documents(ctx context.Context, coll *mongo.Collection) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		cursor, err := coll.Find(ctx, bson.D{})
		if err != nil {
			yield(nil, err)
			return
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		for cursor.Next(ctx) {
			if !yield(cursor.Current, nil) {
				return
			}
		}
		if err := cursor.Err(); err != nil {
			yield(nil, err)
		}
	}
}
