package chores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/retry"
	"oke-guestbook/app/internal/store"
)

// Codes of errors (MongoDB, src/mongo/base/error_codes.yml).
const (
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
	codeAlreadyInitialized   = 23
	codeNamespaceExists      = 48
	codeInvalidConfig        = 93
	codeNotYetInitialized    = 94
)

// longestPause is the longest time between two passes of Setup, which wait for elections and for members that catch up.
var longestPause = 2 * time.Second

// setup is one run of Setup.
type setup struct {
	cfg   config.Setup
	log   *slog.Logger
	hosts []string // the members that there have to be; the first is where the data is if there is no replica set yet
	set   string   // the replica set's name
	added []string // the members that this run has added

	passwords map[string]string // by file
}

// Setup makes the replica set and its members what the URI says, then the users with their passwords of today, then the
// index of the entries. Each step finds out whether it has been done. A run that is disturbed, as when another member
// becomes the primary, begins again, until the time limit.
func Setup(ctx context.Context, cfg config.Setup, log *slog.Logger) error {
	opts := options.Client().ApplyURI(cfg.MongoURI)
	if err := opts.Validate(); err != nil {
		return fmt.Errorf("MONGODB_URI: %w", err)
	}
	if opts.ReplicaSet == nil {
		return errors.New("MONGODB_URI names no replica set: add its name, as in mongodb://mongo-0:27017/?replicaSet=rs0")
	}
	s := &setup{cfg: cfg, log: log, hosts: opts.Hosts, set: *opts.ReplicaSet, passwords: map[string]string{}}
	for variable, file := range map[string]string{
		"MONGODB_ROOT_PASSWORD_FILE": cfg.RootPassFile, "MONGODB_PASSWORD_FILE": cfg.MongoPassFile,
		"BACKUP_PASSWORD_FILE": cfg.BackupPassFile,
	} {
		var err error
		if s.passwords[file], err = store.ReadPassword(variable, file); err != nil {
			return err
		}
	}
	policy := retry.Policy{Timeout: cfg.Timeout, First: longestPause / 10, Longest: longestPause, Log: log}
	if err := policy.Do(ctx, "set the database up", s.pass); err != nil {
		return err
	}
	log.Info("the database is set up", slog.Int("members", len(s.hosts)))
	return nil
}

// member is a member in the replica set's configuration; the other fields stay as they are.
type member struct {
	ID    int            `bson:"_id"`
	Host  string         `bson:"host"`
	Other map[string]any `bson:",inline"`
}

// replicaSet is a replica set's configuration (MongoDB manual, "Replica Set Configuration").
type replicaSet struct {
	ID      string         `bson:"_id"`
	Version int            `bson:"version"`
	Members []member       `bson:"members"`
	Other   map[string]any `bson:",inline"`
}

func (r replicaSet) has(host string) bool {
	return slices.ContainsFunc(r.Members, func(m member) bool { return m.Host == host })
}

// pass does all steps once.
func (s *setup) pass(ctx context.Context) error {
	first, err := s.connect(s.hosts[0])
	if err != nil {
		return retry.Final(err)
	}
	defer disconnect(first)
	known, err := readConfig(ctx, first)
	if hasCode(err, codeNotYetInitialized) {
		s.log.Info("initiating the replica set", slog.String("member", s.hosts[0]))
		one := replicaSet{ID: s.set, Version: 1, Members: []member{{ID: 0, Host: s.hosts[0]}}}
		err = run(ctx, first, bson.D{{Key: "replSetInitiate", Value: one}}, nil)
		if err != nil && !hasCode(err, codeAlreadyInitialized) {
			return s.explain("initiate the replica set", err)
		}
		return errors.New("the replica set has been initiated and has no primary yet")
	}
	if err != nil {
		return s.explain("read the replica set's configuration from "+s.hosts[0], err)
	}
	if err := s.removeMembers(ctx, first, known); err != nil {
		return err
	}
	var h hello
	if err := run(ctx, first, bson.D{{Key: "hello", Value: 1}}, &h); err != nil {
		return s.explain("ask "+s.hosts[0]+" for the primary", err)
	}
	if h.Primary == "" {
		return errors.New("the replica set has no primary yet")
	}
	// Members and users are written on the primary, which another member may have become.
	primary, err := s.connect(h.Primary)
	if err != nil {
		return retry.Final(err)
	}
	defer disconnect(primary)
	if err := s.addMembers(ctx, primary); err != nil {
		return err
	}
	if err := s.users(ctx, primary); err != nil {
		return err
	}
	return s.index(ctx)
}

// removeMembers removes the members that there should not be. The reconfiguration is forced: they may have ended
// already, and the majority with them.
func (s *setup) removeMembers(ctx context.Context, first *mongo.Client, known replicaSet) error {
	unwanted := func(m member) bool { return !slices.Contains(s.hosts, m.Host) }
	if !slices.ContainsFunc(known.Members, unwanted) {
		return nil
	}
	known.Members = slices.DeleteFunc(known.Members, unwanted)
	if !known.has(s.hosts[0]) {
		return retry.Final(fmt.Errorf("%s is no member of its replica set's configuration: MONGODB_URI names other members "+
			"than the replica set has", s.hosts[0]))
	}
	known.Version++
	s.log.Info("removing members", slog.Int("left", len(known.Members)))
	err := run(ctx, first, bson.D{{Key: "replSetReconfig", Value: known}, {Key: "force", Value: true}}, nil)
	return s.explain("remove members", err)
}

// addMembers adds the members that are missing: one at a time, which is all that a replica set takes, and each has to
// catch up before the next.
func (s *setup) addMembers(ctx context.Context, primary *mongo.Client) error {
	known, err := readConfig(ctx, primary)
	if err != nil {
		return s.explain("read the replica set's configuration", err)
	}
	if err := s.caughtUp(ctx, primary); err != nil {
		return err
	}
	for _, host := range s.hosts {
		if known.has(host) {
			continue
		}
		id := 0
		for _, m := range known.Members {
			id = max(id, m.ID+1)
		}
		known.Members = append(known.Members, member{ID: id, Host: host})
		known.Version++
		s.log.Info("adding a member", slog.String("member", host))
		if err := run(ctx, primary, bson.D{{Key: "replSetReconfig", Value: known}}, nil); err != nil {
			return s.explain("add "+host, err)
		}
		s.added = append(s.added, host)
		return fmt.Errorf("%s has been added and has to catch up", host)
	}
	return nil
}

// caughtUp returns an error while a member that this run has added is neither primary nor secondary.
func (s *setup) caughtUp(ctx context.Context, primary *mongo.Client) error {
	if len(s.added) == 0 {
		return nil
	}
	var status struct {
		Members []struct {
			Name  string `bson:"name"`
			State string `bson:"stateStr"`
		} `bson:"members"`
	}
	if err := run(ctx, primary, bson.D{{Key: "replSetGetStatus", Value: 1}}, &status); err != nil {
		return s.explain("read the replica set's state", err)
	}
	for _, m := range status.Members {
		if slices.Contains(s.added, m.Name) && m.State != "SECONDARY" && m.State != "PRIMARY" {
			return fmt.Errorf("%s is catching up: its state is %s", m.Name, m.State)
		}
	}
	return nil
}

// users makes the users and gives them their passwords and roles of today.
func (s *setup) users(ctx context.Context, primary *mongo.Client) error {
	for _, u := range []struct {
		name, file string
		roles      bson.A
	}{
		{s.cfg.MongoUser, s.cfg.MongoPassFile, bson.A{
			bson.D{{Key: "role", Value: "readWrite"}, {Key: "db", Value: s.cfg.MongoDatabase}},
		}},
		{s.cfg.BackupUser, s.cfg.BackupPassFile, bson.A{"backup", "restore"}},
	} {
		var found struct {
			Users []bson.Raw `bson:"users"`
		}
		if err := run(ctx, primary, bson.D{{Key: "usersInfo", Value: u.name}}, &found); err != nil {
			return s.explain("look for user "+u.name, err)
		}
		command := "createUser"
		if len(found.Users) > 0 {
			command = "updateUser"
		}
		err := run(ctx, primary, bson.D{
			{Key: command, Value: u.name},
			{Key: "pwd", Value: s.passwords[u.file]},
			{Key: "roles", Value: u.roles},
			{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}},
		}, nil)
		if err != nil {
			return s.explain("set up user "+u.name, err)
		}
	}
	return nil
}

// index makes the index as the guestbook's user, which shows that the user can log in.
func (s *setup) index(ctx context.Context) error {
	db, err := store.Open(store.Config{
		URI: s.cfg.MongoURI, Database: s.cfg.MongoDatabase, Username: s.cfg.MongoUser, PasswordFile: s.cfg.MongoPassFile,
		AuthSource: s.cfg.MongoAuthSource, Timeout: s.cfg.MongoTimeout, Connections: 1, Log: s.log,
	})
	if err != nil {
		return retry.Final(err)
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	return db.EnsureIndexes(ctx)
}

// connect returns a client of one member, as root.
func (s *setup) connect(host string) (*mongo.Client, error) {
	return store.Connect(store.Config{
		URI: "mongodb://" + host + "/?directConnection=true", Username: s.cfg.RootUser, PasswordFile: s.cfg.RootPassFile,
		AuthSource: "admin", Timeout: s.cfg.MongoTimeout, Connections: 1,
	})
}

// explain says what failed. Some errors stay, and are Final: a wrong password of root, and missing rights.
func (s *setup) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	explained := fmt.Errorf("%s: %w", what, err)
	switch {
	case hasCode(err, codeAuthenticationFailed):
		return retry.Final(fmt.Errorf("%w: the database rejects the password of user %s in %s. It is set when the volume is "+
			"new. If that first start was interrupted, the user does not exist: delete the claim of a volume without entries",
			explained, s.cfg.RootUser, s.cfg.RootPassFile))
	case hasCode(err, codeUnauthorized), hasCode(err, codeInvalidConfig):
		return retry.Final(explained)
	}
	return explained
}

func hasCode(err error, code int) bool {
	var e mongo.ServerError
	return errors.As(err, &e) && e.HasErrorCode(code)
}

func readConfig(ctx context.Context, client *mongo.Client) (replicaSet, error) {
	var answer struct {
		Config replicaSet `bson:"config"`
	}
	err := run(ctx, client, bson.D{{Key: "replSetGetConfig", Value: 1}}, &answer)
	return answer.Config, err
}

// commandTimeout limits a command of setup; a new configuration is waited for until a majority has it.
const commandTimeout = 30 * time.Second

// run runs a command on the database admin and decodes the answer, unless out is nil.
func run(ctx context.Context, client *mongo.Client, command bson.D, out any) error {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	result := client.Database("admin").RunCommand(ctx, command)
	if out == nil || result.Err() != nil {
		return result.Err()
	}
	return result.Decode(out)
}

func disconnect(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Disconnect(ctx)
}
