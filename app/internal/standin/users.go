package standin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/front"
)

// user is a user with what is stored of the password.
type user struct {
	DB, Name string
	Roles    []role
	Secret   scram.StoredCredentials
}

type role struct {
	Role string `bson:"role"`
	DB   string `bson:"db"`
}

// system is the user as whom members of a replica set talk to each other. Its password is the key file's content.
const system = "local.__system"

// iterations are MongoDB's for SCRAM-SHA-256 (MongoDB manual, scramSHA256IterationCount).
const iterations = 15000

func newUser(db, name, password string, roles []role) (user, error) {
	secret, err := front.StoredCredentials(name, password, rand.Text(), iterations)
	return user{DB: db, Name: name, Roles: roles, Secret: secret}, err
}

func (u user) id() string { return u.DB + "." + u.Name }

func (m *member) user(id string) (user, bool) {
	users := m.state().Users
	i := slices.IndexFunc(users, func(u user) bool { return u.id() == id })
	if i < 0 {
		return user{}, false
	}
	return users[i], true
}

func (m *member) credentials(db, name string) (scram.StoredCredentials, error) {
	if db+"."+name == system && m.key != "" {
		return m.keySecret, nil
	}
	u, ok := m.user(db + "." + name)
	if !ok {
		return scram.StoredCredentials{}, errors.New("unknown user")
	}
	return u.Secret, nil
}

// Commands by what a user needs for them (MongoDB manual, "Built-In Roles"). Those in none of the lists need root.
var (
	reads = strings.Fields("find aggregate count distinct getMore killCursors listCollections listIndexes collStats " +
		"dbStats explain dataSize listDatabases")
	writes = strings.Fields("insert update delete findAndModify create drop createIndexes dropIndexes collMod")
	free   = strings.Fields("hello isMaster ismaster ping buildInfo buildinfo connectionStatus logout endSessions " +
		"getParameter whatsmyuri")
)

// allowed reports whether the user with an id may run a command on a database.
func (m *member) allowed(id, name, db string) bool {
	if id == system || slices.Contains(free, name) {
		return true
	}
	u, _ := m.user(id)
	return slices.ContainsFunc(u.Roles, func(r role) bool {
		switch r.Role {
		case "root":
			return true
		case "read", "readWrite":
			return r.DB == db && (slices.Contains(reads, name) || r.Role == "readWrite" && slices.Contains(writes, name))
		case "backup":
			return slices.Contains(reads, name)
		case "restore":
			return slices.Contains(writes, name)
		}
		return false
	})
}

// users answers the commands about users, which need the role root.
func (m *member) users(name string, command bson.D) bson.D {
	db, _ := front.Lookup(command, "$db").(string)
	if name == "usersInfo" {
		return m.usersInfo(command[0].Value, db)
	}
	subject, _ := command[0].Value.(string)
	u, exists := m.user(db + "." + subject)
	switch {
	case subject == "":
		return front.Failure(2, "BadValue", name, " wants the name of a user")
	case name == "createUser" && exists:
		return front.Failure(51003, "Location51003", "User \"", subject, "@", db, "\" already exists")
	case name != "createUser" && !exists:
		return front.Failure(11, "UserNotFound", "Could not find user \"", subject, "\" for db \"", db, "\"")
	}
	roles, err := rolesOf(front.Lookup(command, "roles"), db)
	if err != nil {
		return front.Failure(2, "BadValue", err)
	}
	password, _ := front.Lookup(command, "pwd").(string)
	switch {
	case name == "grantRolesToUser":
		roles = append(slices.Clone(u.Roles), roles...)
	case name == "updateUser" && roles == nil, name == "dropUser":
		roles = u.Roles
	case name == "createUser" && password == "":
		return front.Failure(2, "BadValue", "Must provide a 'pwd' field for all user documents")
	}
	secret := u.Secret
	if password != "" {
		if u, err = newUser(db, subject, password, nil); err != nil {
			return front.Failure(2, "BadValue", err)
		}
		secret = u.Secret
	}
	next := user{DB: db, Name: subject, Roles: roles, Secret: secret}
	return m.result(m.disk.change(func(s *state) {
		s.Users = slices.DeleteFunc(slices.Clone(s.Users), func(u user) bool { return u.id() == next.id() })
		if name != "dropUser" {
			s.Users = append(s.Users, next)
		}
	}))
}

// rolesOf reads a list of roles: names of roles of the database db, or documents.
func rolesOf(value any, db string) ([]role, error) {
	var roles []role
	list, _ := value.(bson.A)
	for _, item := range list {
		r := role{DB: db}
		switch item := item.(type) {
		case string:
			r.Role = item
		case bson.D:
			r.Role, _ = front.Lookup(item, "role").(string)
			r.DB, _ = front.Lookup(item, "db").(string)
		}
		if !slices.Contains([]string{"root", "read", "readWrite", "backup", "restore"}, r.Role) || r.DB == "" {
			return nil, fmt.Errorf("no role %v: the stand-in has root, read, readWrite, backup and restore", item)
		}
		roles = append(roles, r)
	}
	return roles, nil
}

// usersInfo answers for one user, by name or document, or for all users of the database.
func (m *member) usersInfo(subject any, db string) bson.D {
	name, _ := subject.(string)
	if d, ok := subject.(bson.D); ok {
		name, _ = front.Lookup(d, "user").(string)
		db, _ = front.Lookup(d, "db").(string)
	}
	found := bson.A{}
	for _, u := range m.state().Users {
		if u.DB == db && (name == "" || u.Name == name) {
			found = append(found, bson.D{
				{Key: "_id", Value: u.id()},
				{Key: "user", Value: u.Name},
				{Key: "db", Value: u.DB},
				{Key: "roles", Value: u.Roles},
				{Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}},
			})
		}
	}
	return front.Success(bson.E{Key: "users", Value: found})
}
