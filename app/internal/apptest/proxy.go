package apptest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Proxy is a proxy in front of the embedded database that adds what it lacks: authentication (SCRAM-SHA-256, RFC 5802),
// TLS and membership in a replica set. It forwards all other commands.
// Message formats: MongoDB Wire Protocol, OP_MSG, OP_QUERY and OP_REPLY.
type Proxy struct {
	Address string
	Members []string // addresses of the replica set; empty: a standalone server
	Primary atomic.Bool
	// Hello, if not nil, returns fields that replace those of the database's reply to hello.
	Hello func() bson.D
	// Answer, if not nil, is called with each command before it is forwarded. Its reply, if not nil, is the database's.
	Answer func(name string, command bson.D) bson.D

	t       *testing.T
	backend string

	mu        sync.Mutex
	passwords map[string]string // by user; empty: no authentication
	rejected  int               // attempts with a wrong password
	clients   map[net.Conn]bool // true: authenticated
}

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

// StartProxy starts a proxy that listens on address, with TLS if conf is not nil. Its fields may be changed before the
// first client connects.
func StartProxy(t *testing.T, address, backendURI string, conf *tls.Config) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		t: t, Address: l.Addr().String(), backend: strings.Trim(strings.TrimPrefix(backendURI, "mongodb://"), "/"),
		passwords: map[string]string{}, clients: map[net.Conn]bool{},
	}
	p.Primary.Store(true)
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// SetPassword makes the proxy ask for the password of a user, which it adds if it does not exist.
func (p *Proxy) SetPassword(user, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passwords[user] = password
}

// Rejections returns the number of attempts with a wrong password.
func (p *Proxy) Rejections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rejected
}

// CloseClients closes the authenticated connections.
func (p *Proxy) CloseClients() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, authenticated := range p.clients {
		if authenticated {
			c.Close()
		}
	}
}

func (p *Proxy) credentials(user string) (scram.StoredCredentials, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	password, ok := p.passwords[user]
	if !ok {
		return scram.StoredCredentials{}, errors.New("unknown user")
	}
	client, err := scram.SHA256.NewClient(user, password, "")
	if err != nil {
		return scram.StoredCredentials{}, err
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "saltsaltsaltsalt", Iters: 4096})
}

func (p *Proxy) conversation() *scram.ServerConversation {
	server, err := scram.SHA256.NewServer(p.credentials)
	if err != nil {
		p.t.Error(err)
		return nil
	}
	return server.NewConversation()
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	p.clients[client] = false
	anonymous := len(p.passwords) == 0
	p.mu.Unlock()
	defer func() {
		client.Close()
		p.mu.Lock()
		delete(p.clients, client)
		p.mu.Unlock()
	}()
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		return
	}
	defer server.Close()
	var login *scram.ServerConversation // nil: the client has not sent a password
	for {
		message, command, err := read(client)
		if err != nil {
			return
		}
		var reply bson.D // nil: the database replies
		switch name := command[0].Key; {
		case name == "saslStart" || name == "saslContinue":
			if name == "saslStart" {
				login = p.conversation()
			}
			reply = p.authenticate(client, login, command)
		case name == "hello" || strings.EqualFold(name, "isMaster"):
			_, hello, err := exchange(server, message)
			if err != nil {
				return
			}
			reply = p.rewriteHello(hello)
		case !anonymous && name != "ping" && (login == nil || !login.Valid()):
			reply = Failure(13, "Unauthorized")
		case name == "insert" && !p.Primary.Load():
			// Servers from 4.4 on label the errors after which a driver may retry.
			label := bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}}
			reply = append(Failure(10107, "NotWritablePrimary"), label)
		case name == "createIndexes" && !p.Primary.Load():
			reply = Failure(10107, "NotWritablePrimary") // drivers do not retry this command
		default:
			if p.Answer != nil {
				reply = p.Answer(name, command)
			}
		}
		if reply != nil {
			message = encode(p.t, message, reply)
		} else if message, _, err = exchange(server, message); err != nil {
			return
		}
		if _, err := client.Write(message); err != nil {
			return
		}
	}
}

// authenticate continues the SCRAM conversation and returns the reply to the client's command.
func (p *Proxy) authenticate(client net.Conn, login *scram.ServerConversation, command bson.D) bson.D {
	payload, _ := Lookup(command, "payload").(bson.Binary)
	challenge, err := login.Step(string(payload.Data))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.rejected++
		return Failure(18, "AuthenticationFailed")
	}
	p.clients[client] = login.Valid()
	return bson.D{
		{Key: "ok", Value: 1.0},
		{Key: "conversationId", Value: int32(1)},
		{Key: "done", Value: login.Done()},
		{Key: "payload", Value: bson.Binary{Data: []byte(challenge)}},
	}
}

// rewriteHello changes the database's reply to hello.
func (p *Proxy) rewriteHello(hello bson.D) bson.D {
	fields := bson.D{{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256"}}}
	if p.Members != nil {
		fields = append(fields, MemberFields(p.Address, p.Primary.Load(), p.Members)...)
	}
	if p.Hello != nil {
		fields = append(fields, p.Hello()...)
	}
	hello = slices.DeleteFunc(hello, func(e bson.E) bool {
		return e.Key == "speculativeAuthenticate" || Lookup(fields, e.Key) != nil
	})
	return append(hello, fields...)
}

// MemberFields are the fields of a reply to hello by a member of a replica set.
func MemberFields(address string, primary bool, members []string) bson.D {
	return bson.D{
		{Key: "ismaster", Value: primary},
		{Key: "isWritablePrimary", Value: primary},
		{Key: "secondary", Value: !primary},
		{Key: "setName", Value: "rs0"},
		{Key: "setVersion", Value: int32(1)},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "hosts", Value: members},
		{Key: "me", Value: address},
	}
}

// Failure is a reply that says that a command failed.
func Failure(code int32, name string) bson.D {
	return bson.D{
		{Key: "ok", Value: 0.0},
		{Key: "code", Value: code},
		{Key: "codeName", Value: name},
		{Key: "errmsg", Value: name},
	}
}

// Lookup returns the value of a key, or nil.
func Lookup(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// exchange sends a message to the database and returns its reply.
func exchange(server net.Conn, message []byte) (reply []byte, doc bson.D, err error) {
	if _, err := server.Write(message); err != nil {
		return nil, nil, err
	}
	return read(server)
}

// read reads a message and decodes its command or reply.
func read(r io.Reader) (message []byte, doc bson.D, err error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, nil, err
	}
	message = make([]byte, binary.LittleEndian.Uint32(head))
	copy(message, head)
	if _, err := io.ReadFull(r, message[16:]); err != nil {
		return nil, nil, err
	}
	body := message[16:]
	switch binary.LittleEndian.Uint32(head[12:]) {
	case opMsg: // flags, section kind 0, document, other sections
		body = body[5:]
	case opQuery: // flags, collection, skip, number, document
		body = body[4:]
		body = body[bytes.IndexByte(body, 0)+9:]
	case opReply: // flags, cursor, start, number, document
		body = body[20:]
	default:
		return nil, nil, errors.New("unknown message")
	}
	err = bson.Unmarshal(body[:binary.LittleEndian.Uint32(body)], &doc)
	return message, doc, err
}

// encode returns doc as a reply message of the type that matches the request.
func encode(t *testing.T, request []byte, doc bson.D) []byte {
	b, err := bson.Marshal(doc)
	if err != nil {
		t.Error(err)
	}
	body, op := append(make([]byte, 5), b...), opMsg
	if binary.LittleEndian.Uint32(request[12:]) == opQuery {
		body, op = append(make([]byte, 20), b...), opReply
		body[16] = 1 // number of documents
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
	out = append(out, 0, 0, 0, 0)
	out = append(out, request[4:8]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(op))
	return append(out, body...)
}
