package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/front"
)

func open(t *testing.T, uri string) *Store {
	t.Helper()
	s, err := Open(Config{
		URI: uri, Database: "guestbook", Timeout: time.Minute, Connections: 20, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// collection returns the collection of the entries, on a client of its own.
func collection(t *testing.T, uri string) *mongo.Collection {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database("guestbook").Collection("messages")
}

func TestSignReadAndPage(t *testing.T) {
	s := open(t, apptest.StartDB(t).URI)
	ctx := context.Background()

	if got, total, err := s.Page(ctx, 0, 10); err != nil || len(got) != 0 || total != 0 {
		t.Fatalf("empty database: entries %v, total %d, error %v", got, total, err)
	}
	before := time.Now().Truncate(time.Second)
	for i := range 25 {
		d := entry.Draft{Form: "f", Name: fmt.Sprint("name ", i), Message: fmt.Sprintf("안녕 %d <b> 👨‍👩‍👧\n둘째 줄", i)}
		if i%5 == 0 {
			d.Name = ""
		}
		if _, err := s.Add(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	var all []entry.Entry
	for skip := 0; skip < 30; skip += 10 {
		page, total, err := s.Page(ctx, skip, 10)
		if err != nil || total != 25 {
			t.Fatalf("page after %d: total %d, error %v", skip, total, err)
		}
		all = append(all, page...)
	}
	if len(all) != 25 {
		t.Fatalf("the pages have %d entries, want 25", len(all))
	}
	for i, e := range all {
		n := 24 - i // newest first
		name := fmt.Sprint("name ", n)
		if n%5 == 0 {
			name = ""
		}
		if want := fmt.Sprintf("안녕 %d <b> 👨‍👩‍👧\n둘째 줄", n); e.Message != want || e.Name != name {
			t.Errorf("entry %d: message %q, name %q, want %q, %q", i, e.Message, e.Name, want, name)
		}
		if e.Time.Before(before) || e.Time.After(time.Now()) {
			t.Errorf("entry %d: time %v", i, e.Time)
		}
	}
	if got, total, err := s.Page(ctx, 30, 10); err != nil || len(got) != 0 || total != 25 {
		t.Errorf("after the last page: entries %v, total %d, error %v", got, total, err)
	}
}

// 100 concurrent writers send their form to two replicas each: each entry is stored once.
func TestManyWriters(t *testing.T) {
	db := apptest.StartDB(t)
	replicas := []*Store{open(t, db.URI), open(t, db.URI)}
	const writers = 100
	ids := make([][2]string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		for j, s := range replicas {
			wg.Go(func() {
				d := entry.Draft{Form: fmt.Sprint("form ", i), Message: fmt.Sprint("message ", i)}
				e, err := s.Add(context.Background(), d)
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
				ids[i][j] = e.ID
			})
		}
	}
	wg.Wait()
	got, total, err := replicas[0].Page(context.Background(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range got {
		seen[e.Message]++
	}
	if total != writers || len(got) != writers || len(seen) != writers {
		t.Errorf("%d counted, %d read, %d different, want %d", total, len(got), len(seen), writers)
	}
	for i, pair := range ids {
		if pair[0] != pair[1] {
			t.Errorf("writer %d: the replicas returned different entries, %s and %s", i, pair[0], pair[1])
		}
	}
}

func TestSameFormOtherText(t *testing.T) {
	s := open(t, apptest.StartDB(t).URI)
	for _, message := range []string{"one", "two", "one", "two"} { // the back button, an edit, a reload
		if _, err := s.Add(context.Background(), entry.Draft{Form: "f", Message: message}); err != nil {
			t.Fatal(err)
		}
	}
	if _, total, err := s.Page(context.Background(), 0, 10); err != nil || total != 2 {
		t.Errorf("%d entries, want 2; error %v", total, err)
	}
}

// After the collection and its index were dropped, entries are still stored once.
func TestCollectionDropped(t *testing.T) {
	db := apptest.StartDB(t)
	replicas := []*Store{open(t, db.URI), open(t, db.URI)}
	ctx := context.Background()
	messages := collection(t, db.URI)
	for round := range 3 {
		for i := range 10 { // each form twice
			d := entry.Draft{Form: fmt.Sprint("form ", i), Message: fmt.Sprint("round ", round)}
			var wg sync.WaitGroup
			for _, s := range replicas {
				wg.Go(func() {
					if _, err := s.Add(ctx, d); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				})
			}
			wg.Wait()
		}
		if _, total, err := replicas[0].Page(ctx, 0, 1); err != nil || total != 10 {
			t.Errorf("round %d: %d entries, want 10; error %v", round, total, err)
		}
		if err := messages.Drop(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabaseStopsAndStarts(t *testing.T) {
	dir, address := t.TempDir(), apptest.FreeAddress(t)
	db := apptest.StartDBAt(t, dir, address)
	s, err := Open(Config{
		URI: "mongodb://" + address, Database: "guestbook", Timeout: 3 * time.Second, Connections: 20,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	ctx := context.Background()
	if _, err := s.Add(ctx, entry.Draft{Form: "f", Message: "before"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}

	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	during := entry.Draft{Form: "f", Message: "during"}
	if _, err := s.Add(ctx, during); err == nil {
		t.Error("an entry was added while the database was down")
	}
	if err := s.Ready(ctx); err == nil {
		t.Error("ready while the database is down")
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("two operations with a timeout of 3 s took %v", took)
	}

	apptest.StartDBAt(t, dir, address)
	apptest.Eventually(t, "ready after the database is back", func() bool { return s.Ready(ctx) == nil })
	if _, err := s.Add(ctx, during); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Page(ctx, 0, 10)
	if err != nil || len(got) != 2 || got[0].Message != "during" || got[1].Message != "before" {
		t.Errorf("after the restart: entries %v, error %v", got, err)
	}
}

// The timeout covers all database operations of an entry together, so that the response is sent before the server's
// WriteTimeout.
func TestOneTimeoutForAnEntry(t *testing.T) {
	const timeout, slow = 4 * time.Second, 2 * time.Second
	p := apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, nil)
	inserts := make(chan time.Duration, 10) // time limit of each insert
	p.Answer = func(name string, command bson.D) bson.D {
		switch name {
		case "listIndexes":
			<-time.After(slow)
		case "insert":
			ms, _ := front.Lookup(command, "maxTimeMS").(int64)
			inserts <- time.Duration(ms) * time.Millisecond
			<-t.Context().Done() // no reply
		}
		return nil
	}
	s, err := Open(Config{
		URI: "mongodb://" + p.Address, Database: "guestbook", Timeout: timeout, Connections: 5,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if _, err := s.Add(context.Background(), entry.Draft{Form: "f", Message: "slow"}); err == nil {
		t.Error("Add succeeded without a reply to the insert")
	}
	if len(inserts) != 1 {
		t.Fatalf("%d inserts were sent, want 1: no retry after the timeout", len(inserts))
	}
	if left := <-inserts; left <= 0 || left > timeout-slow {
		t.Errorf("time limit of the insert: %v, want at most the remaining %v", left, timeout-slow)
	}
}

// The index is created once, unique and sparse. The test reads the command, because the embedded database does not
// report whether an index is sparse.
func TestIndex(t *testing.T) {
	p := apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, nil)
	created := make(chan any, 10)
	p.Answer = func(name string, command bson.D) bson.D {
		if name == "createIndexes" {
			created <- front.Lookup(command, "indexes")
		}
		return nil
	}
	s := open(t, "mongodb://"+p.Address)
	for range 2 {
		if err := s.EnsureIndexes(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if len(created) != 1 {
		t.Fatalf("createIndexes was sent %d times, want 1", len(created))
	}
	want := bson.A{bson.D{
		{Key: "key", Value: bson.D{{Key: "form", Value: int32(1)}}},
		{Key: "name", Value: "form"},
		{Key: "sparse", Value: true},
		{Key: "unique", Value: true},
	}}
	if got := <-created; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("indexes %v, want %v", got, want)
	}
}

// Entries are interchangeable with the tutorial's frontend, which inserts {message} and shows the field message of each
// document.
func TestTutorialFrontend(t *testing.T) {
	db := apptest.StartDB(t)
	s := open(t, db.URI)
	ctx := context.Background()
	messages := collection(t, db.URI)

	tutorial := []any{
		bson.D{{Key: "message", Value: "from the tutorial"}},
		bson.D{{Key: "message", Value: ",from the tutorial,once more"}}, // it sends its whole list of messages
		bson.D{{Key: "message", Value: nil}},                            // cmd=set without a value
		bson.D{{Key: "_id", Value: "no ObjectID"}, {Key: "message", Value: "imported"}},
	}
	if _, err := messages.InsertMany(ctx, tutorial); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, entry.Draft{Form: "f", Name: "민수", Message: "우리 글"}); err != nil {
		t.Fatal(err)
	}
	if _, err := messages.InsertOne(ctx, bson.D{{Key: "message", Value: "after the index exists"}}); err != nil {
		t.Fatal(err)
	}

	got, total, err := s.Page(ctx, 0, 10)
	if err != nil || total != 6 {
		t.Fatalf("%d entries, want 6; error %v", total, err)
	}
	var lines []string
	for _, e := range got {
		lines = append(lines, e.Name+"|"+e.Message)
		if imported := e.Message == "imported"; imported != e.Time.IsZero() || e.ID == "" {
			t.Errorf("%q: id %q, time %v", e.Message, e.ID, e.Time)
		}
	}
	want := []string{
		"|after the index exists", "민수|우리 글", "|", "|,from the tutorial,once more", "|from the tutorial", "|imported",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("entries\n%q\nwant\n%q", lines, want)
	}

	cur, err := messages.Find(ctx, bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var docs []struct {
		Message string `bson:"message"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(docs)
	for _, message := range []string{"우리 글", "from the tutorial", "imported"} {
		if !strings.Contains(shown, "{"+message+"}") {
			t.Errorf("the tutorial's frontend shows %s, want %q too", shown, message)
		}
	}
}

// Documents of other programs are shown as far as possible, and none makes the page fail.
func TestOddDocuments(t *testing.T) {
	db := apptest.StartDB(t)
	s := open(t, db.URI)
	ctx := context.Background()
	messages := collection(t, db.URI)
	if err := s.Ready(ctx); err != nil { // creates the index
		t.Fatal(err)
	}
	docs := []any{
		bson.D{{Key: "_id", Value: "text"}},
		bson.D{{Key: "_id", Value: int32(7)}, {Key: "message", Value: "numeric id"}, {Key: "name", Value: int64(1)}},
		bson.D{{Key: "_id", Value: 7.5}, {Key: "message", Value: int32(42)}},
		bson.D{
			{Key: "_id", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
			{Key: "message", Value: true},
			{Key: "name", Value: "Ada"},
		},
		bson.D{
			{Key: "_id", Value: bson.D{{Key: "a", Value: "b"}}},
			{Key: "message", Value: bson.D{{Key: "text", Value: "nested"}}},
		},
		bson.D{{Key: "_id", Value: time.Unix(0, 0)}, {Key: "message", Value: bson.A{"value[]=x"}}},
	}
	if _, err := messages.InsertMany(ctx, docs); err != nil {
		t.Fatal(err)
	}
	got, total, err := s.Page(ctx, 0, 10)
	if err != nil || total != len(docs) || len(got) != len(docs) {
		t.Fatalf("%d counted, %d read, want %d; error %v", total, len(got), len(docs), err)
	}
	ids, shown := map[string]bool{}, map[string]int{}
	for _, e := range got {
		ids[e.ID] = true
		shown[e.Name+"|"+e.Message]++
		if e.ID == "" || !e.Time.IsZero() {
			t.Errorf("%+v: want an id and no time", e)
		}
	}
	if len(ids) != len(docs) || shown["|"] != 4 || shown["|numeric id"] != 1 || shown["Ada|"] != 1 {
		t.Errorf("%d ids for %d documents; shown %v", len(ids), len(docs), shown)
	}
}

func TestBadSettings(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"no scheme":      {Config{URI: "mongo:27017"}, "MONGODB_URI: "},
		"another scheme": {Config{URI: "http://mongo"}, "MONGODB_URI: "},
		"no host":        {Config{URI: "mongodb://"}, "MONGODB_URI: "},
		"bad port":       {Config{URI: "mongodb://mongo:port"}, "MONGODB_URI: "},
		"bad option":     {Config{URI: "mongodb://mongo/?tls=perhaps"}, "MONGODB_URI: "},
		"secret":         {Config{URI: "mongodb://user:hunter2@mongo:port"}, "MONGODB_URI: "},
		"no CA file":     {Config{URI: "mongodb://mongo/?tls=true&tlsCAFile=/nowhere/ca.pem"}, "MONGODB_URI: "},
		"two users":      {Config{URI: "mongodb://u:hunter2@mongo", Username: "v"}, "MONGODB_USERNAME"},
		"no password file": {
			Config{URI: "mongodb://mongo", Username: "u", PasswordFile: "/nowhere/password"},
			"MONGODB_PASSWORD_FILE: open /nowhere/password",
		},
		"empty password": {Config{URI: "mongodb://mongo", Username: "u", PasswordFile: empty}, "is empty"},
	} {
		c.cfg.Timeout, c.cfg.Connections, c.cfg.Log = time.Second, 1, slog.New(slog.DiscardHandler)
		s, err := Open(c.cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			_ = s.Close(context.Background())
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want %q and no password", name, err, c.want)
		}
	}
}
