package chores

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/archive"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/front"
	"oke-guestbook/app/internal/store"
)

// site is a guestbook with entries and a bucket.
type site struct {
	t      *testing.T
	bucket *apptest.ObjectStore
	db     *mongo.Database
	cfg    config.Backup
	log    *apptest.Buffer
	refuse string // command that the database refuses
}

func newSite(t *testing.T, entries int) *site {
	t.Helper()
	proxy := apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, nil)
	proxy.SetPassword("backup", "of-backup")
	s := newSiteAt(t, "mongodb://"+proxy.Address)
	proxy.Answer = func(name string, _ bson.D) bson.D {
		if name == s.refuse {
			return front.Failure(13, "Unauthorized")
		}
		return nil
	}
	s.sign(entries)
	return s
}

// newSiteAt is a guestbook without entries whose database is at uri, with user backup.
func newSiteAt(t *testing.T, uri string) *site {
	t.Helper()
	s := &site{t: t, bucket: apptest.StartObjectStore(t), log: &apptest.Buffer{}}
	s.cfg = config.Backup{
		Mongo: config.Mongo{
			MongoURI: uri, MongoDatabase: "guestbook", MongoUser: "backup",
			MongoPassFile: password(t, "of-backup"), MongoAuthSource: "admin", MongoTimeout: 5 * time.Second,
		},
		Namespace: "tenancy", Bucket: "backups", KeepDays: 30, Timeout: time.Minute,
		Auth: "config_file", ConfigFile: s.bucket.ConfigFile, ConfigProfile: "DEFAULT", Endpoint: s.bucket.URL,
	}
	client, err := mongo.Connect(options.Client().ApplyURI(s.cfg.MongoURI).
		SetAuth(options.Credential{Username: "backup", Password: "of-backup"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disconnect(client) })
	s.db = client.Database("guestbook")
	return s
}

// sign stores n entries as the frontend does.
func (s *site) sign(n int) {
	s.t.Helper()
	pages, err := store.Open(store.Config{
		URI: s.cfg.MongoURI, Database: "guestbook",
		Username: "backup", PasswordFile: s.cfg.MongoPassFile, AuthSource: "admin",
		Timeout: time.Minute, Connections: 1, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer pages.Close(s.t.Context())
	for i := range n {
		d := entry.Draft{Form: fmt.Sprint(i), Name: "이름", Message: fmt.Sprint("메시지 ", i)}
		if _, err := pages.Add(s.t.Context(), d); err != nil {
			s.t.Fatal(err)
		}
	}
}

// holds returns all documents and indexes of the database, but the record of the last backup.
func (s *site) holds() string {
	s.t.Helper()
	var out strings.Builder
	names, err := s.db.ListCollectionNames(s.t.Context(), bson.D{})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == store.Backups })
	for _, name := range names {
		for doc, err := range documents(s.t.Context(), s.db.Collection(name)) {
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintln(&out, name, doc)
		}
		indexes, err := s.db.Collection(name).Indexes().ListSpecifications(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, i := range indexes {
			fmt.Fprintln(&out, name, i.Name, i.KeysDocument, i.Unique != nil && *i.Unique)
		}
	}
	return out.String()
}

func (s *site) backup() error {
	return Backup(s.t.Context(), s.cfg, "test", slog.New(slog.NewTextHandler(s.log, nil)))
}

func (s *site) restore(name string) error {
	return Restore(s.t.Context(), s.cfg, name, slog.New(slog.NewTextHandler(s.log, nil)))
}

// A restore brings back what the backup saved, however often it is repeated, and leaves other collections alone.
func TestBackupAndRestore(t *testing.T) {
	s := newSite(t, 50)
	saved := bson.D{{Key: "_id", Value: "saved"}, {Key: "n", Value: bson.DateTime(1)}}
	if _, err := s.db.Collection("others").InsertOne(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	want, before := s.holds(), time.Now().UTC().Truncate(time.Second)
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	name := s.bucket.Names()[0]
	if at, err := time.Parse(backupName, name); err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("name %s, %v", name, err)
	}
	if n := strings.Count(want, "messages {"); n != 50 {
		t.Fatalf("%d entries before the backup", n)
	}

	s.sign(60) // 10 more, then others go and one comes that the backup does not know
	if _, err := s.db.Collection("messages").DeleteMany(t.Context(), bson.D{}); err != nil {
		t.Fatal(err)
	}
	s.sign(3)
	if _, err := s.db.Collection("new").InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.restore(name); err != nil {
			t.Fatal(err)
		}
		var got []string // without what the backup does not know
		for line := range strings.Lines(s.holds()) {
			if !strings.HasPrefix(line, "new ") {
				got = append(got, line)
			}
		}
		if strings.Join(got, "") != want {
			t.Errorf("after the restore\n%s\nwant\n%s", strings.Join(got, ""), want)
		}
		if n, err := s.db.Collection("new").CountDocuments(t.Context(), bson.D{}); n != 1 || err != nil {
			t.Errorf("a collection that the backup does not know has %d documents, %v", n, err)
		}
	}
	if strings.Contains(s.log.String(), "of-") || strings.Contains(s.log.String(), "메시지") {
		t.Errorf("the log has a password or an entry: %s", s.log)
	}
}

// A backup has no private key, and a restore leaves the certificate of today.
func TestBackupWithoutCertificates(t *testing.T) {
	s := newSite(t, 1)
	certificates := s.db.Collection(store.Certificates)
	if _, err := certificates.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "before"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	if _, err := certificates.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "after"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.restore(s.bucket.Names()[0]); err != nil {
		t.Fatal(err)
	}
	if n, err := certificates.CountDocuments(t.Context(), bson.D{}); n != 2 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

// The database has a record of the last backup, which a restore does not change. A backup that fails leaves none, and a
// record that fails does not make a backup fail.
func TestBackupRecord(t *testing.T) {
	s := newSite(t, 2)
	last := func() (store.Backup, bool) {
		t.Helper()
		pages, err := store.Open(store.Config{
			URI: s.cfg.MongoURI, Database: "guestbook", Username: "backup", PasswordFile: s.cfg.MongoPassFile,
			AuthSource: "admin", Timeout: time.Minute, Connections: 1, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer pages.Close(t.Context())
		b, found, err := pages.LastBackup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b, found
	}
	if b, found := last(); found {
		t.Errorf("before the first backup: %+v", b)
	}
	for range 2 {
		if err := s.backup(); err != nil {
			t.Fatal(err)
		}
	}
	names := s.bucket.Names()
	b, found := last()
	if !found || b.Name != names[len(names)-1] || b.Documents != 2 || b.Bytes < 1 || time.Since(b.At) > time.Minute {
		t.Errorf("after a backup: %+v, %t", b, found)
	}
	if err := s.restore(names[0]); err != nil {
		t.Fatal(err)
	}
	if after, _ := last(); after.Name != b.Name {
		t.Errorf("after a restore: %+v", after)
	}
	s.refuse = "insert"
	if err := s.backup(); err != nil || !strings.Contains(s.log.String(), "does not take the record") {
		t.Errorf("a record that is refused: %v: %s", err, s.log)
	}
}

// The backup is a gzip archive of mongodump: its metadata has the fields that mongorestore reads.
func TestBackupFormat(t *testing.T) {
	s := newSite(t, 1)
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	uncompressed, err := gzip.NewReader(bytes.NewReader(s.bucket.Get(s.bucket.Names()[0])))
	if err != nil {
		t.Fatal(err)
	}
	in, err := archive.NewReader(uncompressed)
	if err != nil {
		t.Fatal(err)
	}
	if in.Header.ServerVersion == "" || in.Header.ToolVersion != "guestbook test" || len(in.Collections) != 1 {
		t.Errorf("header %+v, collections %+v", in.Header, in.Collections)
	}
	for _, want := range []string{
		`"options":{`, `"collectionName":"messages"`, `"type":"collection"`, `"name":"form"`, `"unique":true`,
	} {
		if !strings.Contains(in.Collections[0].Metadata, want) {
			t.Errorf("metadata %s, want %s", in.Collections[0].Metadata, want)
		}
	}
}

// Only what has the name of a backup, and is too old, is deleted, and only after a backup has been made.
func TestRetention(t *testing.T) {
	s := newSite(t, 1)
	now := time.Now().UTC()
	ago := func(days int, less time.Duration) string {
		return now.Add(-time.Duration(days)*24*time.Hour + less).Format(backupName)
	}
	const margin = 10 * time.Minute // of a slow machine
	old := []string{ago(4000, 0), ago(31, 0), ago(30, -margin)}
	kept := []string{
		ago(30, margin), ago(29, 0), ago(1, 0), ago(-1, 0),
		// A person put these there.
		"0-before-the-move.archive.gz", "2020.archive.gz", "before " + ago(31, 0), ago(31, 0) + ".old",
		strings.TrimSuffix(ago(31, 0), ".archive.gz"), `"` + ago(31, 0) + `"`, "a,[b]", "*", "-",
		"2020-02-31T00-00-00Z.archive.gz",
	}
	for _, name := range append(slices.Clone(kept), old...) {
		s.bucket.Put(name, []byte("x"))
	}
	s.bucket.Refuse = func(r *http.Request) (int, string) {
		if r.Method == http.MethodPut {
			return 400, "X"
		}
		return 0, ""
	}
	if err := s.backup(); err == nil || len(s.bucket.Names()) != len(kept)+len(old) {
		t.Errorf("a failed upload: %v, the bucket has %q", err, s.bucket.Names())
	}
	s.bucket.Refuse = nil
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	got := s.bucket.Names()
	for _, name := range kept {
		if !slices.Contains(got, name) {
			t.Errorf("%s was deleted", name)
		}
	}
	for _, name := range old {
		if slices.Contains(got, name) {
			t.Errorf("%s was kept", name)
		}
	}
	if len(got) != len(kept)+1 {
		t.Errorf("the bucket has %q", got)
	}
}

// A policy that takes effect late delays backup and restore; a bucket that is missing ends them with its name.
func TestLatePolicy(t *testing.T) {
	s := newSite(t, 3)
	calls := 0
	late := func(*http.Request) (int, string) {
		if calls++; calls <= 2 {
			return 404, "NotAuthorizedOrNotFound"
		}
		return 0, ""
	}
	s.bucket.Refuse = late
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	calls = 0
	if err := s.restore(s.bucket.Names()[0]); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(s.log.String(), "waiting"); n != 2 {
		t.Errorf("%d lines about waiting, want 2:\n%s", n, s.log)
	}
	s.cfg.Bucket, s.cfg.Timeout = "missing", time.Second
	for name, err := range map[string]error{"backup": s.backup(), "restore": s.restore("x")} {
		if err == nil || !strings.Contains(err.Error(), "bucket missing in namespace tenancy does not exist") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A primary that steps down, at whatever command, delays backup and restore: they wait for the next one, for longer
// than a command may take, and begin again. The bucket has one whole backup, the database every entry once.
func TestPrimaryMoves(t *testing.T) {
	for _, c := range []struct{ chore, command string }{
		{"backup", "listCollections"},
		{"backup", "listIndexes"},
		{"backup", "find"},
		{"backup", "getMore"},
		{"restore", "drop"},
		{"restore", "create"},
		{"restore", "insert"},
		{"restore", "createIndexes"},
	} {
		t.Run(c.chore+" at "+c.command, func(t *testing.T) {
			t.Parallel()
			set := startSet(t, 3, 3)
			for _, p := range set.proxies {
				p.SetPassword("backup", "of-backup")
			}
			s := newSiteAt(t, "mongodb://"+strings.Join(set.hosts, ",")+"/?replicaSet=rs0")
			s.sign(1)
			var more []any
			for i := range 150 { // over the first batch of a cursor
				more = append(more, bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "form", Value: fmt.Sprint("more ", i)}})
			}
			if _, err := s.db.Collection("messages").InsertMany(t.Context(), more); err != nil {
				t.Fatal(err)
			}
			want, moved := s.holds(), 0
			s.cfg.MongoTimeout = 500 * time.Millisecond
			run := func(chore string, work func() error) {
				t.Helper()
				set.mu.Lock()
				set.disturb = func(host, command string) bson.D {
					if chore == c.chore && command == c.command && host == set.primary && moved == 0 {
						set.primary, set.election, moved = "", 6, moved+1 // two questions to each member
					}
					return nil
				}
				set.mu.Unlock()
				if err := work(); err != nil {
					t.Fatalf("%s: %v\n%s", chore, err, s.log)
				}
			}
			run("backup", s.backup)
			if names := s.bucket.Names(); len(names) != 1 || s.bucket.Uploads() != 0 {
				t.Errorf("the bucket has %q, and %d uploads that have not ended", names, s.bucket.Uploads())
			}
			run("restore", func() error { return s.restore(s.bucket.Names()[0]) })
			if got := s.holds(); got != want {
				t.Errorf("after the restore\n%s\nwant\n%s", got, want)
			}
			if moved != 1 {
				t.Errorf("the primary has moved %d times", moved)
			}
		})
	}
}

// A replica set without a primary ends backup and restore after the time limit, and nothing has changed.
func TestNoPrimary(t *testing.T) {
	set := startSet(t, 1, 1)
	set.proxies[0].SetPassword("backup", "of-backup")
	s := newSiteAt(t, "mongodb://"+set.hosts[0]+"/?replicaSet=rs0")
	s.sign(1)
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	set.mu.Lock()
	set.primary = ""
	set.mu.Unlock()
	s.cfg.Timeout, s.cfg.MongoTimeout = time.Second, 100*time.Millisecond
	names := s.bucket.Names()
	for what, err := range map[string]error{"backup": s.backup(), "restore": s.restore(names[0])} {
		if err == nil || !strings.Contains(err.Error(), "cannot reach the database's primary within 1s") ||
			strings.Contains(err.Error(), "incomplete") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := s.bucket.Names(); !slices.Equal(after, names) || s.bucket.Uploads() != 0 {
		t.Errorf("the bucket has %q, and had %q", after, names)
	}
}

// A bucket that is silent until the time limit is not asked again, as a database is.
func TestSilentBucket(t *testing.T) {
	s := newSite(t, 1)
	uploads := 0
	s.bucket.Refuse = func(r *http.Request) (int, string) {
		if r.Method == http.MethodPut {
			uploads++
			_, _ = io.Copy(io.Discard, r.Body) // the server sees the end of a connection only then
			<-r.Context().Done()
		}
		return 0, ""
	}
	s.cfg.Timeout = time.Second
	if err := s.backup(); err == nil || !strings.Contains(err.Error(), "cannot upload ") || uploads != 1 {
		t.Errorf("after %d uploads: %v", uploads, err)
	}
}

// A restore that cannot succeed changes nothing.
func TestRestoreRefused(t *testing.T) {
	s := newSite(t, 5)
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	name := s.bucket.Names()[0]
	content := s.bucket.Get(name)
	compress := func(collections ...archive.Collection) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := archive.NewWriter(w, "8.0.0", "test", collections); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		return out.Bytes()
	}
	for object, bad := range map[string][]byte{
		"cut off": content[:len(content)-20], "text": []byte("hello"),
		"other":      compress(archive.Collection{Database: "other", Name: "messages", Type: "view"}),
		"series":     compress(archive.Collection{Database: "guestbook", Name: "messages", Type: "timeseries"}),
		"metadata":   compress(archive.Collection{Database: "guestbook", Name: "messages", Type: "view", Metadata: "{"}),
		"incomplete": compress(archive.Collection{Database: "guestbook", Name: "messages", Type: "collection"}),
	} {
		s.bucket.Put(object, bad)
	}
	before := s.holds()
	for object, want := range map[string]string{
		"cut off": "unexpected EOF", "text": "not compressed", "other": "no collection of database guestbook",
		"series": "time series", "metadata": "description of messages", "incomplete": "guestbook.messages is missing",
		"none": "the last names in the bucket are",
	} {
		err := s.restore(object)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", object, err, want)
		}
	}
	s.bucket.Deliver = func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	if err := s.restore(name); err == nil || !strings.Contains(err.Error(), "is corrupt") {
		t.Errorf("corrupted: %v", err)
	}
	s.bucket.Deliver = nil
	s.cfg.MongoPassFile = password(t, "of-nobody")
	for what, err := range map[string]error{"backup": s.backup(), "restore": s.restore(name)} {
		if err == nil || !strings.Contains(err.Error(), "AuthenticationFailed") ||
			strings.Contains(err.Error(), "of-nobody") {
			t.Errorf("%s with a wrong password: %v", what, err)
		}
	}
	if after := s.holds(); after != before {
		t.Errorf("the database has changed:\n%s\nwant\n%s", after, before)
	}
	if !slices.Contains(s.bucket.Names(), name) || s.bucket.Uploads() != 0 {
		t.Errorf("the bucket has %q", s.bucket.Names())
	}
}

// A large database is saved in parts and comes back.
func TestLargeBackup(t *testing.T) {
	s := newSite(t, 0)
	random, data := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
	for i := range 20 { // over one part
		_, _ = random.Read(data)
		doc := bson.D{{Key: "_id", Value: i}, {Key: "data", Value: bson.Binary{Data: data}}}
		if _, err := s.db.Collection("large").InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.backup(); err != nil {
		t.Fatal(err)
	}
	want := s.holds()
	if err := s.db.Collection("large").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.restore(s.bucket.Names()[0]); err != nil {
		t.Fatal(err)
	}
	if s.holds() != want {
		t.Error("the documents are not the same")
	}
}
