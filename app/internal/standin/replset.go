package standin

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/front"
)

// replicaSet is a replica set's configuration (MongoDB manual, "Replica Set Configuration").
type replicaSet struct {
	ID      string         `bson:"_id"`
	Version int32          `bson:"version"`
	Members []memberConfig `bson:"members"`
	Other   bson.M         `bson:",inline"`
}

type memberConfig struct {
	ID    int32  `bson:"_id"`
	Host  string `bson:"host"`
	Other bson.M `bson:",inline"`
}

func (r *replicaSet) hosts() []string {
	var hosts []string
	for _, m := range r.Members {
		hosts = append(hosts, m.Host)
	}
	return hosts
}

// decode reads a configuration from a command.
func decode(value any) (*replicaSet, error) {
	content, err := bson.Marshal(value)
	if err != nil {
		return nil, err
	}
	var r replicaSet
	return &r, bson.Unmarshal(content, &r)
}

// standing says what this member is now.
func (m *member) standing() (config *replicaSet, me front.Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.disk.read(); s.Config != nil {
		me = front.Member{Set: s.Config.ID, Version: s.Config.Version, Hosts: s.Config.hosts(), Me: s.Self, Primary: s.Self}
		if time.Now().Before(m.downUntil) {
			me.Primary, me.Secondary = "", true
		}
		return s.Config, me
	}
	h := m.heard
	if h.Config == nil {
		return nil, me
	}
	me = front.Member{Set: h.Config.ID, Version: h.Config.Version, Hosts: h.Config.hosts(), Me: h.To, Primary: h.From}
	if me.Secondary = time.Since(m.heardAt) < silence; !me.Secondary {
		me.Primary = ""
	}
	return h.Config, me
}

// hello returns the fields that a member of a replica set adds to the database's reply.
func (m *member) hello() bson.D {
	if m.set == "" {
		return nil
	}
	config, me := m.standing()
	if config == nil {
		return bson.D{
			{Key: "ismaster", Value: false},
			{Key: "isWritablePrimary", Value: false},
			{Key: "secondary", Value: false},
			{Key: "isreplicaset", Value: true},
			{Key: "info", Value: "Does not have a valid replica set config"},
		}
	}
	return me.Fields()
}

var notYetInitialized = front.Failure(94, "NotYetInitialized", "no replset config has been received")

// replication answers the commands about the replica set.
func (m *member) replication(name string, command bson.D) bson.D {
	if m.set == "" {
		return front.Failure(76, "NoReplicationEnabled", "not running with --replSet")
	}
	config, me := m.standing()
	switch {
	case name == heartbeatCommand:
		return m.hear(command)
	case name == "replSetInitiate":
		return m.initiate(config, command[0].Value)
	case config == nil:
		return notYetInitialized
	case name == "replSetGetConfig":
		return front.Success(bson.E{Key: "config", Value: config})
	case name == "replSetGetStatus":
		return m.status(config, me)
	case name == "replSetReconfig":
		return m.reconfigure(config, me, command)
	case name == "replSetStepDown":
		return m.stepDown(me, command[0].Value)
	}
	return front.Failure(59, "CommandNotFound", "no such command: '", name, "'")
}

func (m *member) initiate(known *replicaSet, value any) bson.D {
	if known != nil {
		return front.Failure(23, "AlreadyInitialized", "already initialized")
	}
	config := &replicaSet{}
	if d, ok := value.(bson.D); ok && len(d) > 0 {
		var err error
		if config, err = decode(d); err != nil {
			return front.Failure(93, "InvalidReplicaSetConfig", err)
		}
	} else {
		name, _ := os.Hostname()
		host := net.JoinHostPort(name, strconv.Itoa(m.port))
		*config = replicaSet{ID: m.set, Members: []memberConfig{{Host: host}}}
	}
	config.Version = max(1, config.Version)
	self := m.self(config)
	switch {
	case config.ID != m.set:
		return front.Failure(93, "InvalidReplicaSetConfig", "Attempting to initiate a replica set with name ", config.ID,
			", but command line reports ", m.set, "; rejecting")
	case self == "":
		return front.Failure(93, "InvalidReplicaSetConfig", "No host described in new configuration maps to this node")
	}
	m.log.Info("initiated the replica set: this member is the primary for good, as the stand-in has no elections")
	return m.result(m.disk.change(func(s *state) { s.Config, s.Self = config, self }))
}

// self returns this member's host in a first configuration: its only one, or the one with this host's name and port.
func (m *member) self(config *replicaSet) string {
	if len(config.Members) == 1 {
		return config.Members[0].Host
	}
	name, _ := os.Hostname()
	for _, host := range config.hosts() {
		h, port, err := net.SplitHostPort(host)
		if err != nil {
			h, port = host, "27017"
		}
		if first, _, _ := strings.Cut(h, "."); first == name && port == strconv.Itoa(m.port) {
			return host
		}
	}
	return ""
}

func (m *member) reconfigure(known *replicaSet, me front.Member, command bson.D) bson.D {
	next, err := decode(command[0].Value)
	if err != nil {
		return front.Failure(93, "InvalidReplicaSetConfig", err)
	}
	forced := front.Lookup(command, "force") == true
	changed := 0
	for _, host := range append(next.hosts(), known.hosts()...) {
		if !slices.Contains(next.hosts(), host) || !slices.Contains(known.hosts(), host) {
			changed++
		}
	}
	switch {
	case me.Primary != me.Me:
		return front.Failure(10107, "NotWritablePrimary", "the primary takes a new configuration, also a forced one")
	case !slices.Contains(next.hosts(), me.Me):
		return front.Failure(74, "NodeNotFound", "No host described in new configuration maps to this node")
	case forced:
		next.Version = max(next.Version, known.Version+1)
	case next.Version <= known.Version:
		return front.Failure(103, "NewReplicaSetConfigurationIncompatible", "version must be above ", known.Version)
	case changed > 1:
		return front.Failure(103, "NewReplicaSetConfigurationIncompatible",
			"Non force replica set reconfig can only add or remove at most 1 voting member.")
	}
	m.log.Info("new configuration of the replica set", "members", next.hosts())
	return m.result(m.disk.change(func(s *state) { s.Config = next }))
}

func (m *member) stepDown(me front.Member, value any) bson.D {
	if me.Primary != me.Me {
		return front.Failure(10107, "NotWritablePrimary", "not primary so can't step down")
	}
	period := 60 * time.Second
	if n, err := strconv.Atoi(strings.TrimSuffix(fmt.Sprint(value), ".0")); err == nil && n > 0 {
		period = time.Duration(n) * time.Second
	}
	m.log.Info("stepping down: the replica set has no primary meanwhile", "for", period.String())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.downUntil = time.Now().Add(period)
	return front.Success()
}

// status answers replSetGetStatus.
func (m *member) status(config *replicaSet, me front.Member) bson.D {
	members := bson.A{}
	mine := 2
	for _, c := range config.Members {
		number, text, health := int32(2), "SECONDARY", 1.0
		switch {
		case c.Host == me.Primary:
			number, text = 1, "PRIMARY"
		case c.Host != me.Me && me.Primary == me.Me && !m.reached(c.Host):
			number, text, health = 8, "(not reachable/healthy)", 0.0
		case c.Host == me.Me && !me.Secondary:
			number, text = 0, "STARTUP"
		}
		if c.Host == me.Me {
			mine = int(number)
		}
		members = append(members, bson.D{
			{Key: "_id", Value: c.ID},
			{Key: "name", Value: c.Host},
			{Key: "health", Value: health},
			{Key: "state", Value: number},
			{Key: "stateStr", Value: text},
			{Key: "self", Value: c.Host == me.Me},
		})
	}
	return front.Success(bson.E{Key: "set", Value: config.ID}, bson.E{Key: "myState", Value: int32(mine)},
		bson.E{Key: "members", Value: members})
}
