// Package store keeps the guestbook's entries in MongoDB.
//
// An entry is a document of the collection "messages": message (string), and,
// where the visitor gave one, name (string). Its time is the time in its
// ObjectID. Documents of the Kubernetes tutorial's frontend, {message} alone,
// are entries like any other, and that frontend shows ours.
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

// Collection is where the tutorial's frontend keeps its messages.
const Collection = "messages"

// formKey is the field that makes a request sent twice one entry. Its index is
// unique and sparse: documents of the tutorial's frontend have no such field.
const formKey = "form"

// Config says where the database is.
type Config struct {
	URI          string
	Database     string
	Username     string        // empty: no authentication beyond what the URI says
	PasswordFile string        // its first line is the password; read again when it changes
	AuthSource   string        // the database that knows the user
	Timeout      time.Duration // of one operation, retries included
	Connections  int           // at most, unless the URI sets maxPoolSize
	Recheck      time.Duration // how often the password file is read; default 5s
	Log          *slog.Logger
}

// Store is safe for concurrent use.
type Store struct {
	cfg     Config
	stop    context.CancelFunc
	stopped chan struct{}

	mu       sync.RWMutex // guards what a new password replaces
	current  *session
	password string
}

// session is a client and the operations that run on it.
type session struct {
	client *mongo.Client
	busy   sync.WaitGroup
}

// Open checks the settings and returns a store that connects when it is first
// used: a database that is down is no error here. Every error names its setting.
func Open(cfg Config) (*Store, error) {
	if cfg.Recheck == 0 {
		cfg.Recheck = 5 * time.Second
	}
	s := &Store{cfg: cfg, stopped: make(chan struct{})}
	if cfg.PasswordFile != "" {
		password, err := readPassword(cfg.PasswordFile)
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

// Close waits for running operations as long as ctx allows.
func (s *Store) Close(ctx context.Context) error {
	s.stop()
	<-s.stopped
	return s.current.client.Disconnect(ctx)
}

// messages returns the collection for one operation. Its client is not
// disconnected before done is called.
func (s *Store) messages() (coll *mongo.Collection, done func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.current.busy.Add(1)
	return s.current.client.Database(s.cfg.Database).Collection(Collection), s.current.busy.Done
}

// Ready asks the database for a document, with the rights that reading needs,
// and makes sure of the index.
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

// EnsureIndexes creates the index that Add relies on, unless it is there. It
// looks each time: whoever drops the collection drops the index with it. The
// driver repeats the look when a replica set changes its primary, as it repeats
// the write; it would not repeat a creation.
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

// Page returns entries, newest first, after skipping so many, and how many there are in all.
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

// Add stores a draft and returns its entry. The same draft from the same form
// is stored once, however often Add is called and by however many processes.
func (s *Store) Add(ctx context.Context, d entry.Draft) (entry.Entry, error) {
	// One time-out for all of it: the form must come back before the server gives the connection up.
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
		// The driver repeats writes on replica sets only. Here the index makes
		// it safe on a single server too: whether the first one got through shows below.
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
		return entry.Entry{}, fmt.Errorf("read the entry that was there: %w", err)
	}
	return decode(raw), nil
}

// decode takes what it finds: other programs write to the collection too.
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
