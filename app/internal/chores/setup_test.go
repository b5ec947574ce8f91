package chores

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/front"
)

// password writes a file with a password.
func password(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	return file
}

// settings are those of Setup for the first n servers of s.
func (s *set) settings(n int) config.Setup {
	return config.Setup{
		Mongo: config.Mongo{
			MongoURI: "mongodb://" + strings.Join(s.hosts[:n], ",") + "/?replicaSet=rs0", MongoDatabase: "guestbook",
			MongoUser: "guestbook", MongoPassFile: password(s.t, "of-app"), MongoAuthSource: "admin",
			MongoTimeout: 5 * time.Second,
		},
		RootUser: "root", RootPassFile: password(s.t, "of-root"),
		BackupUser: "backup", BackupPassFile: password(s.t, "of-backup"), Timeout: time.Minute,
	}
}

const (
	appRoles    = ` [{"role":"readWrite","db":"guestbook"}]`
	backupRoles = ` [backup restore]`
)

func init() { firstPause, longestPause = 10*time.Millisecond, 50*time.Millisecond }

func TestSetup(t *testing.T) {
	created := []string{"createUser guestbook of-app" + appRoles, "createUser backup of-backup" + backupRoles, "index"}
	updated := []string{"updateUser guestbook of-app" + appRoles, "updateUser backup of-backup" + backupRoles}
	for name, c := range map[string]struct {
		servers, members, wanted int
		prepare                  func(s *set)
		want                     []string
	}{
		"new": {1, 0, 1, nil, append([]string{"initiate [m0]"}, created...)},
		"new, of three": {3, 0, 3, nil, append([]string{
			"initiate [m0]", "m0 reconfigures to [m0 m1], forced false", "m0 reconfigures to [m0 m1 m2], forced false",
		}, created...)},
		"interrupted before the users": {1, 1, 1, nil, created},
		"interrupted between the users": {
			1, 1, 1, func(s *set) { s.users["guestbook"] = "x" },
			[]string{updated[0], created[1], created[2]},
		},
		"led by another": {3, 3, 3, func(s *set) { s.primary = s.hosts[2] }, created},
		"grown": {3, 1, 3, nil, append([]string{
			"m0 reconfigures to [m0 m1], forced false", "m0 reconfigures to [m0 m1 m2], forced false",
		}, created...)},
		"shrunk": {3, 3, 1, nil, append([]string{"m0 reconfigures to [m0], forced true"}, created...)},
		"shrunk, without a primary": {
			3, 3, 1, func(s *set) { s.primary = "" },
			append([]string{"m0 reconfigures to [m0], forced true"}, created...),
		},
		"the primary moves between the users": {3, 3, 3, func(s *set) {
			s.disturb = func(_, command string) bson.D {
				if command == "createUser" && s.users["guestbook"] != nil && s.primary == s.hosts[0] {
					s.primary = s.hosts[1]
				}
				return nil
			}
		}, []string{created[0], updated[0], created[1], created[2]}},
		"the primary moves before a member is added": {3, 2, 3, func(s *set) {
			s.disturb = func(_, command string) bson.D {
				if command == "replSetReconfig" && s.primary == s.hosts[0] {
					s.primary = s.hosts[1]
				}
				return nil
			}
		}, append([]string{"m1 reconfigures to [m0 m1 m2], forced false"}, created...)},
		"a member cannot be reached for a while": {2, 1, 2, func(s *set) {
			n := 0
			s.disturb = func(_, command string) bson.D {
				if command == "replSetReconfig" {
					if n++; n <= 3 {
						return front.Failure(74, "NodeNotFound")
					}
				}
				return nil
			}
		}, append([]string{"m0 reconfigures to [m0 m1], forced false"}, created...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSet(t, c.servers, c.members)
			if c.prepare != nil {
				c.prepare(s)
			}
			log := &apptest.Buffer{}
			cfg := s.settings(c.wanted)
			if err := Setup(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil))); err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			if !slices.Equal(s.done, c.want) {
				t.Errorf("done\n%s\nwant\n%s\n%s", strings.Join(s.done, "\n"), strings.Join(c.want, "\n"), log)
			}
			if strings.Contains(log.String(), "of-") {
				t.Errorf("the log has a password: %s", log)
			}
			// Once more it changes nothing but passwords, to those of today.
			s.done = nil
			cfg.MongoPassFile = password(t, "of-another-app")
			if err := Setup(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			if want := []string{"updateUser guestbook of-another-app" + appRoles, updated[1]}; !slices.Equal(s.done, want) {
				t.Errorf("once more\n%s\nwant\n%s", strings.Join(s.done, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// What waiting cannot change ends Setup at once, and says what to do; the rest ends it after the time limit.
func TestSetupFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *set, cfg *config.Setup)
		want   string
	}{
		"wrong password of root": {func(s *set, cfg *config.Setup) {
			cfg.RootPassFile = password(s.t, "of-nobody")
		}, "the database rejects the password of user root"},
		"missing file": {func(_ *set, cfg *config.Setup) {
			cfg.BackupPassFile = "/nowhere/pw"
		}, "BACKUP_PASSWORD_FILE: open /nowhere/pw"},
		"no replica set": {func(s *set, cfg *config.Setup) {
			cfg.MongoURI = "mongodb://" + s.hosts[0]
		}, "names no replica set"},
		"other members": {func(s *set, _ *config.Setup) {
			s.config = bson.D{{Key: "_id", Value: "rs0"}, {Key: "version", Value: int32(1)}, {Key: "members", Value: bson.A{
				bson.D{{Key: "_id", Value: int32(0)}, {Key: "host", Value: "elsewhere:27017"}},
			}}}
		}, "MONGODB_URI names other members"},
		"root lacks rights": {func(s *set, _ *config.Setup) {
			s.disturb = func(_, command string) bson.D {
				if command == "usersInfo" {
					return front.Failure(13, "Unauthorized")
				}
				return nil
			}
		}, "look for user guestbook"},
		"no primary": {func(s *set, cfg *config.Setup) {
			s.primary, cfg.Timeout = "", 500*time.Millisecond
		}, "within 500ms: the replica set has no primary yet"},
		"nothing listens": {func(s *set, cfg *config.Setup) {
			cfg.MongoURI = "mongodb://" + apptest.FreeAddress(s.t) + "/?replicaSet=rs0"
			cfg.MongoTimeout, cfg.Timeout = 100*time.Millisecond, time.Second
		}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSet(t, 1, 1)
			cfg := s.settings(1)
			c.change(s, &cfg)
			began := time.Now()
			err := Setup(t.Context(), cfg, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "of-") {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if d := time.Since(began); d > cfg.Timeout/2 && cfg.Timeout == time.Minute {
				t.Errorf("it took %v", d)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	s := startSet(t, 2, 1)
	standalone := apptest.StartDB(t).URI
	nobody := apptest.FreeAddress(t)
	for _, c := range []struct {
		uri            string
		startup, ready string // what is answered; "-": it fails
	}{
		{"mongodb://" + s.hosts[0] + "/?directConnection=true", "primary of rs0", "primary of rs0"},
		{"mongodb://" + s.hosts[1] + "/?directConnection=true", "a member of a replica set that is not initiated", "-"},
		{standalone, "-", "-"}, // as during the image's first start
		{"mongodb://" + nobody, "-", "-"},
	} {
		timeout := 20 * time.Second
		if strings.Contains(c.uri, nobody) {
			timeout = 200 * time.Millisecond
		}
		for kind, want := range map[string]string{Startup: c.startup, Ready: c.ready} {
			got, err := Probe(t.Context(), config.Probe{URI: c.uri, Timeout: timeout}, kind)
			if want == "-" && err == nil || want != "-" && (err != nil || got != want) {
				t.Errorf("%s of %s: %q, %v; want %q", kind, c.uri, got, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("%s of %s: more than one line: %v", kind, c.uri, err)
			}
		}
		_, err := Probe(t.Context(), config.Probe{URI: c.uri, Timeout: timeout}, Live)
		if (err == nil) != !strings.Contains(c.uri, nobody) {
			t.Errorf("live of %s: %v", c.uri, err)
		}
	}
	s.mu.Lock()
	s.primary = "another"
	s.mu.Unlock()
	cfg := config.Probe{URI: "mongodb://" + s.hosts[0] + "/?directConnection=true", Timeout: time.Minute}
	got, err := Probe(t.Context(), cfg, Ready)
	if err != nil || got != "secondary of rs0" {
		t.Errorf("secondary: %q, %v", got, err)
	}
}
