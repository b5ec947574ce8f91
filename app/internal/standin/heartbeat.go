package standin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"oke-guestbook/app/internal/front"
)

const (
	heartbeatCommand = "standInHeartbeat"
	interval         = time.Second      // between heartbeats
	silence          = 10 * time.Second // after which a member or the primary counts as lost (electionTimeoutMillis)
)

// heartbeat is what the primary tells the other members every second. They keep it in memory.
type heartbeat struct {
	From, To string // hosts
	Config   *replicaSet
	Users    []user
}

// hear takes a heartbeat of the primary.
func (m *member) hear(command bson.D) bson.D {
	content, err := bson.Marshal(command[0].Value)
	var h heartbeat
	if err == nil {
		err = bson.Unmarshal(content, &h)
	}
	switch {
	case err != nil:
		return front.Failure(2, "BadValue", err)
	case h.Config == nil || h.Config.ID != m.set:
		return front.Failure(93, "InvalidReplicaSetConfig", "this member is of replica set ", m.set)
	case m.disk.read().Config != nil:
		return front.Failure(93, "InvalidReplicaSetConfig", "this member is the primary of its own replica set")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heard.Config == nil {
		m.log.Info("a member of the replica set: it holds no data, and can never become the primary", "primary", h.From)
	}
	m.heard, m.heardAt = h, time.Now()
	return front.Success()
}

// reached reports whether a member has taken a heartbeat lately.
func (m *member) reached(host string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.taken[host]) < silence
}

// beat sends heartbeats until ctx is done, if this member is the primary.
func (m *member) beat(ctx context.Context) {
	clients := map[string]*mongo.Client{}
	defer func() {
		for client := range maps.Values(clients) {
			_ = client.Disconnect(context.WithoutCancel(ctx))
		}
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s := m.disk.read()
		if s.Config == nil {
			continue
		}
		var all sync.WaitGroup
		for _, host := range slices.DeleteFunc(s.Config.hosts(), func(host string) bool { return host == s.Self }) {
			client := clients[host]
			if client == nil {
				var err error
				if client, err = m.connect(host); err != nil {
					m.log.Error("heartbeat", "member", host, "error", err.Error())
					continue
				}
				clients[host] = client
			}
			all.Go(func() { m.tell(ctx, client, heartbeat{From: s.Self, To: host, Config: s.Config, Users: s.Users}) })
		}
		all.Wait()
	}
}

// tell sends one heartbeat. A failure shows in replSetGetStatus, and in the log when it is the first one.
func (m *member) tell(ctx context.Context, client *mongo.Client, h heartbeat) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err := client.Database("admin").RunCommand(ctx, bson.D{{Key: heartbeatCommand, Value: h}}).Err()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.taken[h.To] = time.Now()
		delete(m.failing, h.To)
	case !m.failing[h.To] && ctx.Err() != context.Canceled:
		m.failing[h.To] = true
		m.log.Warn("a member takes no heartbeat", "member", h.To, "error", err.Error())
	}
}

// connect returns a client of another member.
func (m *member) connect(host string) (*mongo.Client, error) {
	opts := options.Client().ApplyURI("mongodb://" + host + "/?directConnection=true").
		SetServerSelectionTimeout(2 * time.Second).SetMaxPoolSize(1)
	if m.key != "" {
		opts.SetAuth(options.Credential{
			AuthMechanism: "SCRAM-SHA-256", AuthSource: "local", Username: "__system", Password: m.key,
		})
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", host, err)
	}
	return client, nil
}
