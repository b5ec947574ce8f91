package standin

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/chores"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

// script is the command of a hardened database's container, as the program's golden file has it.
func script(t *testing.T) string {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	objects, err := os.ReadFile("../../../tests/testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`- bash\n +- -c\n( +)- \|-\n((?: +.*\n)+?) +- mongod\n`).FindSubmatch(objects)
	if block == nil {
		t.Fatal("tests/testdata/objects.yaml has no command of a database")
	}
	return strings.ReplaceAll(string(block[2]), string(block[1])+"  ", "")
}

// newMember makes the Pod of a member of the hardened database, whose init container has run.
func newMember(t *testing.T, name string) *pod {
	t.Helper()
	p := newPod(t, name)
	key := p.secret("replica-set-key", "a2V5a2V5a2V5")
	if out, err := p.command("install", "-m", "0400", key, p.dir+"/keys/key").CombinedOutput(); err != nil {
		t.Fatalf("install: %v: %s", err, out)
	}
	p.env = append(p.env, "MONGO_INITDB_ROOT_USERNAME=root",
		"MONGO_INITDB_ROOT_PASSWORD_FILE="+p.secret("root", "of-root\n"))
	return p
}

// startMember starts the member's container.
func (p *pod) startMember() *process {
	return p.start("bash", "-c", script(p.t), "mongod", "--replSet", "rs0", "--keyFile", p.dir+"/keys/key",
		"--bind_ip_all", "--wiredTigerCacheSizeGB", "0.25", "--port", p.port, "--dbpath", p.dir+"/db")
}

func (p *pod) host() string { return "127.0.0.1:" + p.port }

// probe runs the container's probe.
func (p *pod) probe(kind string) (string, error) {
	cfg := config.Probe{URI: "mongodb://" + p.host() + "/?directConnection=true", Timeout: 5 * time.Second}
	return chores.Probe(p.t.Context(), cfg, kind)
}

func secret(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(text), 0o400); err != nil {
		t.Fatal(err)
	}
	return file
}

// setup runs "guestbook setup" for the members.
func setup(t *testing.T, rootPassword string, members ...*pod) (config.Mongo, error) {
	t.Helper()
	var hosts []string
	for _, m := range members {
		hosts = append(hosts, m.host())
	}
	app := config.Mongo{
		MongoURI: "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=rs0", MongoDatabase: "guestbook",
		MongoUser: "guestbook", MongoPassFile: secret(t, "of-app"), MongoAuthSource: "admin", MongoTimeout: 5 * time.Second,
	}
	return app, chores.Setup(t.Context(), config.Setup{
		Mongo: app, RootUser: "root", RootPassFile: secret(t, rootPassword),
		BackupUser: "backup", BackupPassFile: secret(t, "of-backup"), Timeout: time.Minute,
	}, slog.New(slog.DiscardHandler))
}

func open(t *testing.T, m config.Mongo) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{
		URI: m.MongoURI, Database: m.MongoDatabase, Username: m.MongoUser, PasswordFile: m.MongoPassFile,
		AuthSource: "admin", Timeout: 10 * time.Second, Connections: 2, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	return s
}

func sign(t *testing.T, s *store.Store, message string) {
	t.Helper()
	if _, err := s.Add(t.Context(), entry.Draft{Form: message, Name: "이름", Message: message}); err != nil {
		t.Fatalf("sign %q: %v", message, err)
	}
}

// read returns the entries, when the database answers.
func read(t *testing.T, s *store.Store) string {
	t.Helper()
	var texts []string
	apptest.Eventually(t, "the entries can be read", func() bool {
		entries, _, err := s.Page(t.Context(), 0, 10)
		texts = nil
		for _, e := range entries {
			texts = append(texts, e.Message)
		}
		return err == nil
	})
	return strings.Join(texts, " ")
}

// The hardened profile's Pods with three members: from an empty volume to a restored backup, and through restarts.
func TestHardened(t *testing.T) {
	var pods []*pod
	var processes []*process
	for _, name := range []string{"mongo-0", "mongo-1", "mongo-2"} {
		p := newMember(t, name)
		pods, processes = append(pods, p), append(processes, p.startMember())
	}
	first := strings.SplitN(processes[0].log.String(), "\n", 2)[0]
	if !strings.Contains(first, "a stand-in for MongoDB: FerretDB") {
		t.Errorf("the first line of the log does not say what it is: %s", first)
	}
	if got, err := pods[0].probe(chores.Startup); err != nil || !strings.Contains(got, "not initiated") {
		t.Errorf("startup before setup: %q, %v", got, err)
	}
	if got, err := pods[0].probe(chores.Ready); err == nil {
		t.Errorf("ready before setup: %q", got)
	}
	_, err := setup(t, "wrong", pods...)
	if err == nil || !strings.Contains(err.Error(), "rejects the password of user root") {
		t.Errorf("setup with a wrong password of root: %v", err)
	}
	var app config.Mongo
	app, err = setup(t, "of-root", pods...)
	for range 2 {
		if err != nil {
			t.Fatalf("setup: %v\n%s", err, processes[0].log)
		}
		app, err = setup(t, "of-root", pods...)
	}
	for i, want := range []string{"primary of rs0", "secondary of rs0", "secondary of rs0"} {
		if got, err := pods[i].probe(chores.Ready); err != nil || got != want {
			t.Errorf("ready, member %d: %q, %v; want %q", i, got, err, want)
		}
	}
	s := open(t, app)
	sign(t, s, "하나")
	saved := backup(t, app)
	sign(t, s, "둘")
	refused(t, app)
	processes[0].kill()
	processes[0] = pods[0].startMember()
	if got := read(t, s); got != "둘 하나" {
		t.Errorf("after kill -9: %q", got)
	}
	for _, p := range processes {
		p.stop()
	}
	for i, p := range pods {
		processes[i] = p.startMember()
	}
	for _, p := range pods {
		apptest.Eventually(t, "every member is ready again", func() bool {
			_, err := p.probe(chores.Ready)
			return err == nil
		})
	}
	sign(t, s, "셋")
	saved("restore")
	if got := read(t, s); got != "하나" {
		t.Errorf("after the restore: %q", got)
	}
	if _, err := setup(t, "of-root", pods[0]); err != nil {
		t.Errorf("setup of a smaller replica set: %v", err)
	}
}

// backupTo has the settings of backup and restore.
func backupTo(t *testing.T, app config.Mongo, bucket *apptest.ObjectStore) config.Backup {
	t.Helper()
	cfg := config.Backup{
		Mongo: app, Namespace: "tenancy", Bucket: "backups", KeepDays: 30, Timeout: time.Minute,
		Auth: "config_file", ConfigFile: bucket.ConfigFile, ConfigProfile: "DEFAULT", Endpoint: bucket.URL,
	}
	cfg.MongoUser, cfg.MongoPassFile = "backup", secret(t, "of-backup")
	return cfg
}

// backup saves the database, and returns a function that restores it.
func backup(t *testing.T, app config.Mongo) func(string) {
	t.Helper()
	bucket := apptest.StartObjectStore(t)
	cfg := backupTo(t, app, bucket)
	log := slog.New(slog.DiscardHandler)
	if err := chores.Backup(t.Context(), cfg, "test", log); err != nil {
		t.Fatalf("backup: %v", err)
	}
	return func(what string) {
		t.Helper()
		if err := chores.Restore(t.Context(), cfg, bucket.Names()[0], log); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// refused checks that passwords and roles count.
func refused(t *testing.T, app config.Mongo) {
	t.Helper()
	find := bson.D{{Key: "find", Value: "messages"}}
	for name, c := range map[string]struct {
		user, password, database string
		command                  bson.D
		want                     string
	}{
		"wrong password":   {"guestbook", "of-backup", "guestbook", find, "AuthenticationFailed"},
		"no such user":     {"nobody", "of-app", "guestbook", find, "AuthenticationFailed"},
		"another database": {"guestbook", "of-app", "other", find, "not authorized on other"},
		"no role for users": {
			"guestbook", "of-app", "admin", bson.D{{Key: "usersInfo", Value: 1}}, "not authorized on admin",
		},
		"no role for the replica set": {
			"backup", "of-backup", "admin", bson.D{{Key: "replSetStepDown", Value: 1}}, "not authorized on admin",
		},
	} {
		client, err := store.Connect(store.Config{
			URI: app.MongoURI, Username: c.user, PasswordFile: secret(t, c.password), AuthSource: "admin",
			Timeout: 5 * time.Second, Connections: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		err = client.Database(c.database).RunCommand(t.Context(), c.command).Err()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		_ = client.Disconnect(t.Context())
	}
}

// newPrimary starts a member and sets it up. stepDown takes the role of the primary from it, for a second.
func newPrimary(t *testing.T) (p *pod, app config.Mongo, stepDown func() error) {
	t.Helper()
	p = newMember(t, "mongo-0")
	p.startMember()
	app, err := setup(t, "of-root", p)
	if err != nil {
		t.Fatal(err)
	}
	root, err := store.Connect(store.Config{
		URI: app.MongoURI, Username: "root", PasswordFile: secret(t, "of-root"), AuthSource: "admin",
		Timeout: 5 * time.Second, Connections: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Disconnect(context.Background()) })
	return p, app, func() error {
		command := bson.D{{Key: "replSetStepDown", Value: 1}}
		return root.Database("admin").RunCommand(t.Context(), command).Err()
	}
}

// A primary that steps down is the primary again, and the frontend waits for it.
func TestStepDown(t *testing.T) {
	p, app, stepDown := newPrimary(t)
	if err := stepDown(); err != nil {
		t.Fatal(err)
	}
	if got, err := p.probe(chores.Ready); err != nil || got != "secondary of rs0" {
		t.Errorf("after the step down: %q, %v", got, err)
	}
	sign(t, open(t, app), "while there is no primary")
}

// A primary that steps down during a backup, and during a restore, delays them.
func TestStepDownDuringChores(t *testing.T) {
	_, app, stepDown := newPrimary(t)
	s := open(t, app)
	sign(t, s, "하나")
	bucket, log := apptest.StartObjectStore(t), &apptest.Buffer{}
	cfg := backupTo(t, app, bucket)
	cfg.MongoTimeout = 500 * time.Millisecond // shorter than a step down
	stepDowns := 0
	stepDownAt := func(method, path string) { // the first such request
		before := stepDowns
		bucket.Refuse = func(r *http.Request) (int, string) {
			if r.Method == method && strings.Contains(r.URL.Path, path) && stepDowns == before {
				stepDowns++
				if err := stepDown(); err != nil {
					t.Error(err)
				}
			}
			return 0, ""
		}
	}
	stepDownAt(http.MethodGet, "/o") // the backup has begun, and reads next
	if err := chores.Backup(t.Context(), cfg, "test", slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatalf("backup: %v\n%s", err, log)
	}
	sign(t, s, "둘")
	stepDownAt(http.MethodGet, "/o/") // the restore has begun, and drops the collection next
	name := bucket.Names()[0]
	if err := chores.Restore(t.Context(), cfg, name, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatalf("restore: %v\n%s", err, log)
	}
	if got := read(t, s); got != "하나" {
		t.Errorf("after the restore: %q", got)
	}
	if stepDowns != 2 || !strings.Contains(log.String(), "waiting: cannot reach the database's primary yet") {
		t.Errorf("%d step downs, want one during each:\n%s", stepDowns, log)
	}
}

// The tutorial's container: as root, without command, replica set or password.
func TestTutorial(t *testing.T) {
	p := newPod(t, "mongo-0")
	args := []string{"docker-entrypoint.sh", "--bind_ip", "0.0.0.0", "--port", p.port, "--dbpath", p.dir + "/db"}
	server := p.start(args...)
	s := open(t, config.Mongo{MongoURI: "mongodb://" + p.host(), MongoDatabase: "guestbook"})
	sign(t, s, "하나")
	var info struct{ Version, StandIn string }
	client, err := store.Connect(store.Config{URI: "mongodb://" + p.host(), Timeout: 5 * time.Second, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(t.Context()) }()
	err = client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info)
	if err != nil || info.Version == "" || !strings.Contains(info.StandIn, "FerretDB") {
		t.Errorf("buildInfo: %+v, %v", info, err)
	}
	var stats struct {
		Used        float64 `bson:"fsUsedSize"`
		Total       float64 `bson:"fsTotalSize"`
		Collections float64
	}
	err = client.Database("guestbook").RunCommand(t.Context(), bson.D{{Key: "dbStats", Value: 1}}).Decode(&stats)
	if err != nil || stats.Used <= 0 || stats.Used > stats.Total || stats.Collections == 0 {
		t.Errorf("dbStats: %+v, %v", stats, err)
	}
	out, err := p.command(args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another mongod uses") {
		t.Errorf("a second mongod on the same data: %v: %s", err, out)
	}
	server.stop()
	p.start(args...)
	if got := read(t, s); got != "하나" {
		t.Errorf("after a restart: %q", got)
	}
}

// What the official image refuses, and what the stand-in does not have.
func TestRefused(t *testing.T) {
	p := newPod(t, "mongo-0")
	open, short := p.secret("open", "a2V5a2V5"), p.secret("short", "a2V5")
	for _, c := range []struct {
		want string
		env  []string
		args []string
	}{
		{"permissions on " + open + " are too open", nil, []string{"mongod", "--keyFile", open}},
		{"--keyFile: stat /nowhere", nil, []string{"mongod", "--keyFile", "/nowhere"}},
		{"mongod takes 0.25 to 10000", nil, []string{"mongod", "--wiredTigerCacheSizeGB", "0.1"}},
		{"flag provided but not defined: -shardsvr", nil, []string{"mongod", "--shardsvr"}},
		{"--dbpath: open /nowhere/mongod.lock", nil, []string{"mongod", "--dbpath", "/nowhere"}},
		{"both must be specified", []string{"MONGO_INITDB_ROOT_USERNAME=root"}, []string{"docker-entrypoint.sh", "mongod"}},
		{
			"are exclusive",
			[]string{"MONGO_INITDB_ROOT_USERNAME=root", "MONGO_INITDB_ROOT_USERNAME_FILE=" + short},
			[]string{"docker-entrypoint.sh"},
		},
		{"executable file not found", nil, []string{"bash", "-c", "exec mongosh --version"}},
		{"runs scripts of its command line only", nil, []string{"bash"}},
		{"no such file", nil, []string{"install", "/nowhere/a", p.dir + "/tmp"}},
	} {
		cmd := p.command(c.args...)
		cmd.Env = append(cmd.Env, c.env...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: %v: %s; want %q", c.args, err, out, c.want)
		}
	}
}
