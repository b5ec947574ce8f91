// Package store keeps the guestbook's entries in MongoDB.
//
// An entry is a document of the collection "messages": message (string), and name (string) if the visitor gave one. Its
// time is the time in its ObjectID. The Kubernetes tutorial's frontend uses the same collection with documents
// {message}: each frontend shows the other's entries.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/entry"
)

// Collection is the collection of the entries, the same as that of the tutorial's frontend.
const Collection = "messages"

// Certificates is the collection of Store.Certificates.
const Certificates = "certificates"

// formKey is the field with the draft's key. Its unique index makes Add idempotent. The index is sparse, because
// documents of the tutorial's frontend have no such field.
const formKey = "form"

// Config is the configuration of a Store.
type Config struct {
	URI          string
	Database     string
	Username     string        // empty: authenticate as the URI says
	PasswordFile string        // file with the password; reloaded when its content changes
	AuthSource   string        // database in which the user is defined
	Timeout      time.Duration // of one operation, including its retries
	Connections  int           // maximum size of the connection pool; maxPoolSize in the URI takes precedence
	Recheck      time.Duration // interval at which the password file is read; default 5s
	Log          *slog.Logger
}

// Store reads and writes entries. It is safe for concurrent use.
type Store struct {
	cfg     Config
	stop    context.CancelFunc
	stopped chan struct{}

	mu       sync.RWMutex // guards current and password
	current  *session
	password string
}

// session is a database client with the number of its running operations.
type session struct {
	client *mongo.Client
	busy   sync.WaitGroup
}

// Open checks the settings and returns a store, which connects on first use: it is no error if the database is down.
// Each error names the environment variable of its setting.
func Open(cfg Config) (*Store, error) {
	if cfg.Recheck == 0 {
		cfg.Recheck = 5 * time.Second
	}
	s := &Store{cfg: cfg, stopped: make(chan struct{})}
	if cfg.PasswordFile != "" {
		password, err := ReadPassword(passwordVariable, cfg.PasswordFile)
		if err != nil {
			return nil, err
		}
		s.password = password
	}
	client, err := connect(cfg, s.password)
	if err != nil {
		return nil, err
	}
	s.current = &session{client: client}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.watch(ctx)
	return s, nil
}

// Close waits for running operations until ctx is done, and disconnects.
func (s *Store) Close(ctx context.Context) error {
	s.stop()
	<-s.stopped
	return s.current.client.Disconnect(ctx)
}

// messages returns the collection for one operation. The caller must call done after the operation; until then the
// client stays connected.
func (s *Store) messages() (coll *mongo.Collection, done func()) {
	return s.collection(Collection)
}

// Certificates returns the collection of the certificate and what belongs to it, as messages does. It is not part of
// backups, which would have the private key.
func (s *Store) Certificates() (coll *mongo.Collection, done func()) {
	return s.collection(Certificates)
}

func (s *Store) collection(name string) (coll *mongo.Collection, done func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.current.busy.Add(1)
	return s.current.client.Database(s.cfg.Database).Collection(name), s.current.busy.Done
}

// Ready creates the index if it is missing and reads one document, which needs the same rights as serving does.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.EnsureIndexes(ctx); err != nil {
		return err
	}
	coll, done := s.messages()
	defer done()
	err := coll.FindOne(ctx, bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// EnsureIndexes creates the unique index that Add relies on if it is missing. It checks each time, because dropping
// the collection drops the index too. It lists the indexes first, because the driver retries reads when a replica set
// elects a new primary, but not the creation of an index.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	coll, done := s.messages()
	defer done()
	indexes, err := coll.Indexes().ListSpecifications(ctx)
	if err != nil {
		return fmt.Errorf("list the indexes of %s.%s: %w", s.cfg.Database, Collection, err)
	}
	for _, index := range indexes {
		if index.Name == formKey && index.Unique != nil && *index.Unique {
			return nil
		}
	}
	_, err = coll.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: formKey, Value: 1}},
		Options: options.Index().SetName(formKey).SetUnique(true).SetSparse(true),
	})
	if err != nil {
		return fmt.Errorf("create the index of %s.%s: %w", s.cfg.Database, Collection, err)
	}
	return nil
}

// Page returns up to limit entries, newest first, after the first skip ones, and the number of all entries.
func (s *Store) Page(ctx context.Context, skip, limit int) ([]entry.Entry, int, error) {
	coll, done := s.messages()
	defer done()
	total, err := coll.EstimatedDocumentCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count the entries: %w", err)
	}
	if total <= int64(skip) {
		return nil, int(total), nil
	}
	cur, err := coll.Find(ctx, bson.D{}, options.Find().
		SetSort(bson.D{{Key: "_id", Value: -1}}).SetSkip(int64(skip)).SetLimit(int64(limit)))
	if err != nil {
		return nil, 0, fmt.Errorf("read the entries: %w", err)
	}
	var raws []bson.Raw
	if err := cur.All(ctx, &raws); err != nil {
		return nil, 0, fmt.Errorf("read the entries: %w", err)
	}
	entries := make([]entry.Entry, len(raws))
	for i, raw := range raws {
		entries[i] = decode(raw)
	}
	return entries, int(total), nil
}

// Add stores a draft and returns its entry. It is idempotent across processes: the same draft from the same form is
// stored once.
func (s *Store) Add(ctx context.Context, d entry.Draft) (entry.Entry, error) {
	// One timeout for all operations together: the response must be sent before the server's WriteTimeout.
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.EnsureIndexes(ctx); err != nil {
		return entry.Entry{}, err
	}
	coll, done := s.messages()
	defer done()
	id := bson.NewObjectID()
	doc := bson.D{{Key: "_id", Value: id}, {Key: "message", Value: d.Message}}
	if d.Name != "" {
		doc = append(doc, bson.E{Key: "name", Value: d.Name})
	}
	doc = append(doc, bson.E{Key: formKey, Value: d.Key()})

	_, err := coll.InsertOne(ctx, doc)
	if mongo.IsNetworkError(err) && ctx.Err() == nil {
		// The driver retries writes on replica sets only. The unique index makes a retry safe on a standalone server
		// too: if the first attempt succeeded, the second one fails as a duplicate.
		_, err = coll.InsertOne(ctx, doc)
	}
	switch {
	case err == nil:
		return entry.Entry{ID: id.Hex(), Name: d.Name, Message: d.Message, Time: id.Timestamp()}, nil
	case !mongo.IsDuplicateKeyError(err):
		return entry.Entry{}, fmt.Errorf("write the entry: %w", err)
	}
	raw, err := coll.FindOne(ctx, bson.D{{Key: formKey, Value: d.Key()}}).Raw()
	if err != nil {
		return entry.Entry{}, fmt.Errorf("read the existing entry: %w", err)
	}
	return decode(raw), nil
}

// decode accepts any document, because other programs write to the collection too.
func decode(raw bson.Raw) entry.Entry {
	var e entry.Entry
	id := raw.Lookup("_id")
	if oid, ok := id.ObjectIDOK(); ok {
		e.ID, e.Time = oid.Hex(), oid.Timestamp()
	} else {
		sum := sha256.Sum256(append([]byte{byte(id.Type)}, id.Value...))
		e.ID = hex.EncodeToString(sum[:12])
	}
	e.Message = text(raw.Lookup("message"))
	e.Name = text(raw.Lookup("name"))
	return e
}

func text(v bson.RawValue) string {
	s, _ := v.StringValueOK()
	return strings.ToValidUTF8(s, "\ufffd")
}
