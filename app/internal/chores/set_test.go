package chores

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/front"
)

// set simulates what servers say and do as members of a replica set. Documents are in one embedded database behind all
// of them.
type set struct {
	t       *testing.T
	hosts   []string // addresses of the servers, whether they are members or not
	proxies []*apptest.Proxy

	mu       sync.Mutex
	config   bson.D         // nil: not initiated
	primary  string         // empty: none
	election int            // questions for the primary until there is one
	syncing  map[string]int // questions for the state until a new member has caught up
	users    map[string]any // roles by user
	done     []string       // the changes, in order
	// disturb, if not nil, is called with each command. It returns a reply, or nil.
	disturb func(host, command string) bson.D
}

// startSet starts n servers with the root user. The first members of them are a replica set, led by the first one.
func startSet(t *testing.T, n, members int) *set {
	t.Helper()
	s := &set{t: t, syncing: map[string]int{}, users: map[string]any{"root": "root"}}
	backend := apptest.StartDB(t).URI
	for range n {
		p := apptest.StartProxy(t, "127.0.0.1:0", backend, nil)
		p.SetPassword("root", "of-root")
		host := p.Address
		p.Hello = func() bson.D { return s.hello(host) }
		p.Answer = func(name string, command bson.D) bson.D { return s.answer(host, name, command) }
		s.hosts, s.proxies = append(s.hosts, host), append(s.proxies, p)
	}
	if members > 0 {
		var list bson.A
		for i, host := range s.hosts[:members] {
			list = append(list, bson.D{{Key: "_id", Value: int32(i)}, {Key: "host", Value: host}, {Key: "priority", Value: 1.5}})
		}
		s.config = bson.D{
			{Key: "_id", Value: "rs0"},
			{Key: "version", Value: int32(7)},
			{Key: "term", Value: int32(3)},
			{Key: "members", Value: list},
			{Key: "settings", Value: bson.D{{Key: "electionTimeoutMillis", Value: int32(9000)}}},
		}
		s.primary = s.hosts[0]
	}
	return s
}

func membersOf(config bson.D) []string {
	var out []string
	list, _ := front.Lookup(config, "members").(bson.A)
	for _, m := range list {
		out = append(out, front.Lookup(m.(bson.D), "host").(string))
	}
	return out
}

func (s *set) hello(host string) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	members := membersOf(s.config)
	if !slices.Contains(members, host) {
		return bson.D{
			{Key: "isreplicaset", Value: true},
			{Key: "ismaster", Value: false},
			{Key: "isWritablePrimary", Value: false},
			{Key: "secondary", Value: false},
		}
	}
	out := front.Member{
		Set: "rs0", Version: 1, Hosts: members, Me: host, Primary: s.primary, Secondary: s.primary != host,
	}.Fields()
	if s.election--; s.election == 0 {
		s.primary = members[len(members)-1]
	}
	return out
}

// record notes a change, with the servers by number.
func (s *set) record(text string, args ...any) {
	text = fmt.Sprintf(text, args...)
	for i, host := range s.hosts {
		text = strings.ReplaceAll(text, host, fmt.Sprint("m", i))
	}
	s.done = append(s.done, text)
}

func (s *set) answer(host, name string, command bson.D) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disturb != nil {
		if reply := s.disturb(host, name); reply != nil {
			return reply
		}
	}
	ok := bson.D{{Key: "ok", Value: 1.0}}
	subject := command[0].Value
	switch name {
	case "createUser", "updateUser", "createIndexes", "create", "drop", "insert":
		if host != s.primary {
			label := bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}} // drivers retry inserts only
			return append(front.Failure(10107, "NotWritablePrimary"), label)
		}
	case "listCollections", "listIndexes", "find", "getMore":
		if host != s.primary {
			return front.Failure(13435, "NotPrimaryNoSecondaryOk")
		}
	case "replSetReconfig", "replSetGetStatus", "usersInfo":
		if s.config == nil {
			return front.Failure(94, "NotYetInitialized")
		}
	}
	switch name {
	case "replSetGetConfig":
		if s.config == nil {
			return front.Failure(94, "NotYetInitialized")
		}
		return append(ok, bson.E{Key: "config", Value: s.config})
	case "replSetInitiate":
		if s.config != nil {
			return front.Failure(23, "AlreadyInitialized")
		}
		s.config = subject.(bson.D)
		s.election = 5
		s.record("initiate %v", membersOf(s.config))
	case "replSetReconfig":
		return s.reconfigure(host, command)
	case "replSetGetStatus":
		return append(ok, bson.E{Key: "members", Value: s.status()})
	case "usersInfo":
		found := bson.A{}
		if roles, exists := s.users[subject.(string)]; exists {
			found = append(found, bson.D{{Key: "user", Value: subject}, {Key: "roles", Value: roles}})
		}
		return append(ok, bson.E{Key: "users", Value: found})
	case "createUser", "updateUser":
		user := subject.(string)
		if _, exists := s.users[user]; exists != (name == "updateUser") {
			return front.Failure(51003, "user exists: "+fmt.Sprint(exists))
		}
		s.users[user] = front.Lookup(command, "roles")
		password := front.Lookup(command, "pwd").(string)
		for _, p := range s.proxies {
			p.SetPassword(user, password)
		}
		s.record("%s %s %s %v", name, user, password, s.users[user])
	default:
		if name == "createIndexes" {
			s.record("index")
		}
		return nil // the embedded database's
	}
	return ok
}

// reconfigure checks a new configuration as servers do: its version, that one member at a time is added, and that it is
// sent to the primary or forced.
func (s *set) reconfigure(host string, command bson.D) bson.D {
	config, _ := command[0].Value.(bson.D)
	forced := front.Lookup(command, "force") == true
	old, members := membersOf(s.config), membersOf(config)
	ids := map[any]bool{}
	list, _ := front.Lookup(config, "members").(bson.A)
	for _, m := range list {
		ids[front.Lookup(m.(bson.D), "_id")] = true
	}
	version, _ := front.Lookup(config, "version").(int32)
	was, _ := front.Lookup(s.config, "version").(int32)
	settings := fmt.Sprint(front.Lookup(s.config, "settings"))
	switch {
	case !forced && host != s.primary:
		return front.Failure(10107, "NotWritablePrimary")
	case version <= was || len(ids) != len(list) || fmt.Sprint(front.Lookup(config, "settings")) != settings:
		return front.Failure(103, "NewReplicaSetConfigurationIncompatible")
	case !forced && len(members) != len(old)+1:
		return front.Failure(103, "more than one member changes")
	case !forced && len(s.syncing) > 0:
		s.t.Errorf("a member is added while %v is catching up", s.syncing)
	}
	for _, member := range members {
		if !slices.Contains(old, member) {
			s.syncing[member] = 3
		}
	}
	s.config = config
	if forced {
		s.primary, s.election = "", 5
	}
	s.record("%s reconfigures to %v, forced %v", host, members, forced)
	return bson.D{{Key: "ok", Value: 1.0}}
}

func (s *set) status() bson.A {
	var out bson.A
	for _, member := range membersOf(s.config) {
		state := "SECONDARY"
		if member == s.primary {
			state = "PRIMARY"
		}
		if n, syncing := s.syncing[member]; syncing {
			state = "STARTUP2"
			if s.syncing[member] = n - 1; n == 1 {
				delete(s.syncing, member)
			}
		}
		out = append(out, bson.D{{Key: "name", Value: member}, {Key: "stateStr", Value: state}})
	}
	return out
}
