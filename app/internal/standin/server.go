package standin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/devdb"
	"oke-guestbook/app/internal/front"
)

// member is the server: a member of a replica set, or a standalone one.
type member struct {
	flags
	key       string
	keySecret scram.StoredCredentials
	disk      *disk
	log       *slog.Logger

	mu        sync.Mutex
	downUntil time.Time // when a primary that has stepped down is the primary again
	heard     heartbeat // of the primary, by another member
	heardAt   time.Time
	taken     map[string]time.Time // the last heartbeat that each member took
	failing   map[string]bool      // members that took none when last asked
}

// what says what the server is.
func what() string {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/FerretDB/FerretDB" {
				version = " " + d.Version
			}
		}
	}
	return "a stand-in for MongoDB: FerretDB" + version + " on SQLite. Replica sets have no replication and no " +
		"elections: the first member has all data"
}

// mongod serves until ctx is done.
func mongod(ctx context.Context, args []string, log *slog.Logger) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	log.Info(what())
	m := &member{flags: o, log: log, taken: map[string]time.Time{}, failing: map[string]bool{}}
	if m.key, err = o.key(); err != nil {
		return err
	}
	if m.keySecret, err = front.StoredCredentials("__system", m.key, "standin", iterations); err != nil {
		return err
	}
	locked, err := lock(o.dbPath)
	if err != nil {
		return err
	}
	defer locked.Close()
	if m.disk, err = openDisk(o.dbPath); err != nil {
		return err
	}
	if err := m.disk.change(func(*state) {}); err != nil {
		return err
	}
	sockets, err := os.MkdirTemp("", "mongod-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(sockets)
	socket := filepath.Join(sockets, "db")
	db, err := devdb.Start(filepath.Join(o.dbPath, "ferretdb"), socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Stop()) }()
	return m.serve(ctx, func() (net.Conn, error) { return dial(ctx, socket) })
}

// dial connects to the database, which may be about to listen.
func dial(ctx context.Context, socket string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (m *member) serve(ctx context.Context, database func() (net.Conn, error)) error {
	server := &front.Server{
		Dial: database, Credentials: m.credentials, LoginRequired: func() bool { return m.auth },
		Answer: m.answer, Amend: m.amend,
	}
	failed := make(chan error, 8)
	for _, address := range m.addresses() {
		l, err := m.listen(address)
		if err != nil {
			return err
		}
		defer l.Close()
		go func() { failed <- server.Serve(l) }()
	}
	m.log.Info("Waiting for connections", "addresses", m.addresses(), "replSet", m.set, "authentication", m.auth)
	beating, stop := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { m.beat(beating) })
	defer func() {
		stop()
		beats.Wait()
		server.CloseClients(true)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		m.log.Info("shutting down")
		return nil
	}
}

func (m *member) listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil || m.tlsFile == "" {
		return l, err
	}
	pair, err := tls.LoadX509KeyPair(m.tlsFile, m.tlsFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--tlsCertificateKeyFile: %w", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

// state returns the users that this member knows, and its configuration.
func (m *member) state() state {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heard.Config != nil {
		return state{Users: m.heard.Users, Config: m.heard.Config}
	}
	return m.disk.read()
}

// amend says what the server is, and how full its file system.
func (m *member) amend(_ *front.Client, name string) bson.D {
	switch name {
	case "hello":
		return m.hello()
	case "dbStats":
		return fileSystem(m.dbPath)
	}
	return bson.D{{Key: "standIn", Value: what()}}
}

// answer answers the commands that the database lacks, or may not be given.
func (m *member) answer(c *front.Client, name string, command bson.D) bson.D {
	db, _ := front.Lookup(command, "$db").(string)
	if name == heartbeatCommand && m.key != "" && c.User != system || m.auth && !m.allowed(c.User, name, db) {
		return front.Failure(13, "Unauthorized", "not authorized on ", db, " to execute command ", name)
	}
	if strings.HasPrefix(name, "replSet") || name == heartbeatCommand {
		return m.replication(name, command)
	}
	if reply := m.elsewhere(name, command); reply != nil {
		return reply
	}
	switch name {
	case "createUser", "updateUser", "usersInfo", "grantRolesToUser", "dropUser":
		return m.users(name, command)
	case "logout":
		c.User = ""
		return front.Success()
	}
	return nil
}

// elsewhere refuses a command that needs the data, unless this member has it.
func (m *member) elsewhere(name string, command bson.D) bson.D {
	if m.set == "" || slices.Contains(free, name) || name == "usersInfo" {
		return nil
	}
	config, me := m.standing()
	switch {
	case config == nil:
		return front.Failure(13436, "NotPrimaryOrSecondary", "node is not in primary or recovering state")
	case me.Primary == me.Me:
		return nil
	case slices.Contains(reads, name):
		return front.Failure(13435, "NotPrimaryNoSecondaryOk", "not primary, and a stand-in's secondary holds no data")
	}
	reply := front.Failure(10107, "NotWritablePrimary", "not primary")
	if front.Lookup(command, "txnNumber") != nil {
		reply = append(reply, bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
	}
	return reply
}

// result is the reply to a command that changes the state.
func (m *member) result(err error) bson.D {
	if err != nil {
		m.log.Error("the state cannot be saved", "error", err.Error())
		return front.Failure(1, "InternalError", err)
	}
	return front.Success()
}
