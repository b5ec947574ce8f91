package certs

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Storage keeps certificates, their keys, the ACME account and locks in a collection of MongoDB, for all frontends. It
// implements certmagic.Storage. A document is a file or a lock.
type Storage struct {
	// Collection returns the collection for one operation, after which done must be called.
	Collection func() (coll *mongo.Collection, done func())
	// Lease is how long a lock outlives the frontend that holds it, if that was killed. Default 30 s.
	Lease time.Duration

	mu   sync.Mutex
	held map[string]heldLock // by name
}

var _ certmagic.Storage = (*Storage)(nil)

// file is the document of a value. Its keys are paths without spaces.
type file struct {
	Key      string    `bson:"_id"`
	Value    []byte    `bson:"value"`
	Modified time.Time `bson:"modified"`
}

// lock is the document of a lock. Its holder counts up beats while it lives. Whoever waits for it takes it over when
// they have not changed for the length of a lease by the own clock: the clocks of the nodes need not agree.
type lock struct {
	Key   string `bson:"_id"`
	Owner string `bson:"owner"` // differs for each time that a lock was taken
	Beats int64  `bson:"beats"`
}

// heldLock is a lock of this process.
type heldLock struct {
	owner string
	stop  context.CancelFunc
}

func byKey(key string) bson.D { return bson.D{{Key: "_id", Value: key}} }

// below matches the keys below a prefix, in ascending order: '0' is the character after '/'.
func below(prefix string) bson.D {
	if prefix == "" {
		return bson.D{}
	}
	return byRange(prefix+"/", prefix+"0")
}

func byRange(from, to string) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lt", Value: to}}}}
}

// atOrBelow matches a key and the keys below it.
func atOrBelow(key string) bson.D {
	return bson.D{{Key: "$or", Value: bson.A{byKey(key), below(key)}}}
}

// Store implements certmagic.Storage.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	coll, done := s.Collection()
	defer done()
	_, err := coll.ReplaceOne(ctx, byKey(key), file{key, value, time.Now()}, options.Replace().SetUpsert(true))
	return err
}

// Load implements certmagic.Storage.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	f, err := s.find(ctx, byKey(key))
	return f.Value, err
}

func (s *Storage) find(ctx context.Context, filter bson.D) (f file, err error) {
	coll, done := s.Collection()
	defer done()
	err = coll.FindOne(ctx, filter).Decode(&f)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = fs.ErrNotExist
	}
	return f, err
}

// Delete implements certmagic.Storage.
func (s *Storage) Delete(ctx context.Context, key string) error {
	coll, done := s.Collection()
	defer done()
	_, err := coll.DeleteMany(ctx, atOrBelow(key))
	return err
}

// Exists implements certmagic.Storage.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	_, err := s.find(ctx, atOrBelow(key))
	return err == nil
}

// List implements certmagic.Storage.
func (s *Storage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	coll, done := s.Collection()
	defer done()
	cursor, err := coll.Find(ctx, below(path), options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}).
		SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var files []file
	if err := cursor.All(ctx, &files); err != nil {
		return nil, err
	}
	var keys []string
	for _, f := range files {
		key := f.Key
		if !recursive {
			rest := strings.TrimPrefix(key[len(path):], "/")
			name, _, _ := strings.Cut(rest, "/")
			key = strings.TrimSuffix(key, rest) + name
		}
		if n := len(keys); !strings.HasPrefix(key, lockPrefix) && (n == 0 || keys[n-1] != key) {
			keys = append(keys, key)
		}
	}
	if keys == nil {
		return nil, fs.ErrNotExist
	}
	return keys, nil
}

// Stat implements certmagic.Storage.
func (s *Storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	f, err := s.find(ctx, atOrBelow(key))
	if err != nil || f.Key != key {
		return certmagic.KeyInfo{Key: key}, err
	}
	return certmagic.KeyInfo{Key: key, Modified: f.Modified, Size: int64(len(f.Value)), IsTerminal: true}, nil
}

// Expires returns when the certificate of a host expires that was obtained from an ACME server.
func (s *Storage) Expires(ctx context.Context, directory, host string) (time.Time, error) {
	issuer := (&certmagic.ACMEIssuer{CA: directory}).IssuerKey()
	chain, err := s.Load(ctx, certmagic.StorageKeys.SiteCert(issuer, host))
	if err != nil {
		return time.Time{}, err
	}
	block, _ := pem.Decode(chain)
	if block == nil {
		return time.Time{}, errors.New("the stored certificate is not PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return leaf.NotAfter, nil
}

// lockPrefix begins the keys of locks, and no file's.
const lockPrefix = "lock "

func (s *Storage) lease() time.Duration {
	if s.Lease > 0 {
		return s.Lease
	}
	return 30 * time.Second
}

// Lock implements certmagic.Storage. It waits while another frontend holds the lock and lives.
func (s *Storage) Lock(ctx context.Context, name string) error {
	mine := lock{Key: lockPrefix + name, Owner: rand.Text()}
	poll := time.NewTicker(s.lease() / 15)
	defer poll.Stop()
	var seen lock
	var since time.Time
	for {
		found, err := s.take(ctx, mine, seen, !since.IsZero() && time.Since(since) > s.lease())
		if err != nil {
			return fmt.Errorf("lock %s: %w", name, err)
		}
		if found == mine {
			s.hold(name, mine)
			return nil
		}
		if found != seen || since.IsZero() {
			seen, since = found, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
		}
	}
}

// take takes a lock that nobody holds, or that of dead in case of abandoned, and returns the lock as it is then.
func (s *Storage) take(ctx context.Context, mine, dead lock, abandoned bool) (lock, error) {
	coll, done := s.Collection()
	defer done()
	if abandoned {
		result, err := coll.ReplaceOne(ctx, dead, mine)
		if err != nil || result.MatchedCount == 1 {
			return mine, err
		}
	}
	_, err := coll.InsertOne(ctx, mine)
	if !mongo.IsDuplicateKeyError(err) {
		return mine, err
	}
	var found lock
	err = coll.FindOne(ctx, byKey(mine.Key)).Decode(&found)
	if errors.Is(err, mongo.ErrNoDocuments) { // released just now
		return lock{}, nil
	}
	return found, err
}

// hold counts up the beats of a lock until it is unlocked.
func (s *Storage) hold(name string, mine lock) {
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[string]heldLock{}
	}
	s.held[name] = heldLock{mine.Owner, stop}
	beat := time.NewTicker(s.lease() / 3)
	go func() {
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
			}
			coll, done := s.Collection()
			// A failure is made up for by the next beat, or another frontend takes the lock: certmagic tolerates that.
			_, _ = coll.UpdateOne(ctx, owned(name, mine.Owner), bson.D{{Key: "$inc", Value: bson.D{{Key: "beats", Value: 1}}}})
			done()
		}
	}()
}

// Unlock implements certmagic.Storage. It works after ctx was cancelled, too, as at the end of the program.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	held := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if held.stop == nil {
		return fmt.Errorf("lock %s is not held", name)
	}
	held.stop()
	coll, done := s.Collection()
	defer done()
	_, err := coll.DeleteOne(context.WithoutCancel(ctx), owned(name, held.owner))
	return err
}

func owned(name, owner string) bson.D {
	return bson.D{{Key: "_id", Value: lockPrefix + name}, {Key: "owner", Value: owner}}
}
