package apptest

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/front"
)

// Proxy is a server in front of the embedded database, with passwords, TLS and membership in a replica set.
type Proxy struct {
	front.Server
	Address string
	Members []string // addresses of the replica set; empty: a standalone server
	Primary atomic.Bool
	// Hello, if not nil, returns fields that replace those of the database's reply to hello.
	Hello func() bson.D
	// Answer, if not nil, is called with each command before it is forwarded. Its reply, if not nil, is the database's.
	Answer func(name string, command bson.D) bson.D

	mu        sync.Mutex
	passwords map[string]string // by user; empty: no authentication
}

// StartProxy starts a proxy that listens on address, with TLS if conf is not nil. Its fields may be changed before the
// first client connects.
func StartProxy(t *testing.T, address, backendURI string, conf *tls.Config) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), passwords: map[string]string{}}
	backend := strings.Trim(strings.TrimPrefix(backendURI, "mongodb://"), "/")
	p.Dial = func() (net.Conn, error) { return net.Dial("tcp", backend) }
	p.Credentials, p.Amend, p.Server.Answer = p.credentials, p.amend, p.answer
	p.LoginRequired = func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.passwords) > 0
	}
	p.Primary.Store(true)
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	t.Cleanup(func() { l.Close() })
	go func() { _ = p.Serve(l) }()
	return p
}

// SetPassword makes the proxy ask for the password of a user, which it adds if it does not exist.
func (p *Proxy) SetPassword(user, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passwords[user] = password
}

func (p *Proxy) credentials(_, user string) (scram.StoredCredentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	password, ok := p.passwords[user]
	if !ok {
		return scram.StoredCredentials{}, errors.New("unknown user")
	}
	return front.StoredCredentials(user, password, "saltsaltsaltsalt", 4096)
}

func (p *Proxy) answer(_ *front.Client, name string, command bson.D) bson.D {
	switch {
	case name == "insert" && !p.Primary.Load():
		// Servers from 4.4 on label the errors after which a driver may retry.
		label := bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}}
		return append(front.Failure(10107, "NotWritablePrimary"), label)
	case name == "createIndexes" && !p.Primary.Load():
		return front.Failure(10107, "NotWritablePrimary") // drivers do not retry this command
	case p.Answer != nil:
		return p.Answer(name, command)
	}
	return nil
}

func (p *Proxy) amend(_ *front.Client, name string) (fields bson.D) {
	if name != "hello" {
		return nil
	}
	if p.Members != nil {
		member := front.Member{Set: "rs0", Version: 1, Hosts: p.Members, Me: p.Address, Secondary: !p.Primary.Load()}
		if p.Primary.Load() {
			member.Primary = p.Address
		}
		fields = member.Fields()
	}
	if p.Hello != nil {
		fields = append(fields, p.Hello()...)
	}
	return fields
}
