// Package chores does the guestbook's work other than serving pages: it probes a member of the database, sets the
// database up, saves it to Object Storage and restores it from there.
package chores

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/store"
)

// The kinds of probes of a container with a member of a replica set.
const (
	// Startup succeeds when the member answers. A server that is no member of a replica set does not count: the image of
	// MongoDB runs one, for itself, before the first start of the member.
	Startup = "startup"
	// Ready succeeds when the member is the primary or a secondary: it holds the data.
	Ready = "ready"
	// Live succeeds when the server answers. A server that hangs still accepts connections.
	Live = "live"
)

// hello is what the program reads of a server's answer to the command hello (MongoDB manual, "hello").
type hello struct {
	WritablePrimary bool   `bson:"isWritablePrimary"`
	Secondary       bool   `bson:"secondary"`
	SetName         string `bson:"setName"`
	// Uninitiated is true for a member of a replica set without a configuration (Server Discovery and Monitoring
	// specification, type RSGhost).
	Uninitiated bool   `bson:"isreplicaset"`
	Primary     string `bson:"primary"`
	Me          string `bson:"me"`
}

func (h hello) String() string {
	switch {
	case h.Uninitiated:
		return "a member of a replica set that is not initiated"
	case h.SetName == "":
		return "a server outside of replica sets"
	case h.WritablePrimary:
		return "primary of " + h.SetName
	case h.Secondary:
		return "secondary of " + h.SetName
	}
	return "a member of " + h.SetName + " that is neither primary nor secondary: starting, catching up or removed"
}

// Probe asks one server, without a user, and returns what it is.
func Probe(ctx context.Context, cfg config.Probe, kind string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	client, err := store.Connect(store.Config{URI: cfg.URI, Timeout: cfg.Timeout, Connections: 1})
	if err != nil {
		return "", err
	}
	defer disconnect(client)
	command := "hello"
	if kind == Live {
		command = "ping"
	}
	var h hello
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: command, Value: 1}}).Decode(&h)
	switch {
	case err != nil:
		return "", fmt.Errorf("the database does not answer: %w", err)
	case kind == Live:
		return "the database answers", nil
	case kind == Startup && h.SetName == "" && !h.Uninitiated, kind == Ready && !h.WritablePrimary && !h.Secondary,
		kind == Ready && h.SetName == "":
		return "", fmt.Errorf("not yet: this is %v", h)
	}
	return h.String(), nil
}
