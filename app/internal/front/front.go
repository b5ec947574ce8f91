// Package front is a server of the MongoDB Wire Protocol in front of the embedded database. It adds authentication
// (SCRAM-SHA-256, RFC 5802), and whatever else its users answer in place of the database. It is for tests, and for the
// stand-in for MongoDB's image; the guestbook's binary must not import it.
package front

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Server serves clients. Its fields may be changed before the first one connects.
type Server struct {
	// Dial connects to the database. Required.
	Dial func() (net.Conn, error)
	// Credentials returns what is stored of a user, whose name is unique in a database. Required with LoginRequired.
	Credentials func(database, user string) (scram.StoredCredentials, error)
	// LoginRequired reports whether a client has to authenticate itself. It is asked once for each connection; nil: never.
	LoginRequired func() bool
	// Answer is called with each command that the client may give, before it is forwarded. Its reply, if not nil, is given
	// in place of the database's. Optional.
	Answer func(c *Client, name string, command bson.D) bson.D
	// Amend returns fields that replace those of the database's reply to hello, buildInfo and dbStats. Optional.
	Amend func(c *Client, name string) bson.D

	mu       sync.Mutex
	clients  map[*Client]bool
	rejected int
}

// Client is a connection of a client.
type Client struct {
	// User is the user as whom the client has authenticated itself, as "database.name"; empty if it has not.
	User string

	net.Conn
	database string // of the user who is about to authenticate
	login    *scram.ServerConversation
}

// Serve accepts connections until l is closed.
func (s *Server) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go s.serve(&Client{Conn: conn})
	}
}

// CloseClients closes the connections of all clients that have authenticated themselves, or of all.
func (s *Server) CloseClients(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if all || c.User != "" {
			c.Close()
		}
	}
}

// Rejections returns how many clients have failed to authenticate themselves.
func (s *Server) Rejections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rejected
}

func (s *Server) serve(c *Client) {
	s.mu.Lock()
	if s.clients == nil {
		s.clients = map[*Client]bool{}
	}
	s.clients[c] = true
	s.mu.Unlock()
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.clients, c)
		s.mu.Unlock()
	}()
	database, err := s.Dial()
	if err != nil {
		return
	}
	defer database.Close()
	open := s.LoginRequired == nil || !s.LoginRequired()
	for {
		request, err := read(c)
		if err != nil {
			return
		}
		reply, err := s.answer(c, database, request, open)
		if err != nil {
			return
		}
		if _, err := c.Write(reply.raw); err != nil {
			return
		}
	}
}

// answer returns the reply to a request. open says that clients need not authenticate themselves.
func (s *Server) answer(c *Client, database net.Conn, request message, open bool) (message, error) {
	switch name := request.doc[0].Key; {
	case name == "saslStart" || name == "saslContinue":
		return request.reply(s.authenticate(c, name, request.doc))
	case name == "hello" || strings.EqualFold(name, "isMaster"):
		return s.amend(c, database, request, "hello")
	case !open && name != "ping" && name != "buildInfo" && c.User == "":
		return request.reply(Failure(13, "Unauthorized", "command ", name, " requires authentication"))
	case name == "buildInfo" || name == "buildinfo":
		return s.amend(c, database, request, "buildInfo")
	case s.Answer != nil:
		if reply := s.Answer(c, name, request.doc); reply != nil {
			return request.reply(reply)
		}
	}
	if request.doc[0].Key == "dbStats" {
		return s.amend(c, database, request, "dbStats")
	}
	return request.exchange(database)
}

// authenticate continues the conversation about the client's password, and returns the reply to its command.
func (s *Server) authenticate(c *Client, name string, command bson.D) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.New("no saslStart")
	if name == "saslStart" {
		if mechanism, _ := Lookup(command, "mechanism").(string); mechanism != "SCRAM-SHA-256" {
			return Failure(334, "MechanismUnavailable", "this server has SCRAM-SHA-256 only, not ", mechanism)
		}
		c.User, c.login = "", nil
		c.database, _ = Lookup(command, "$db").(string)
		var server *scram.Server
		server, err = scram.SHA256.NewServer(func(user string) (scram.StoredCredentials, error) {
			return s.Credentials(c.database, user)
		})
		if err == nil {
			c.login = server.NewConversation()
		}
	}
	challenge := ""
	if c.login != nil {
		payload, _ := Lookup(command, "payload").(bson.Binary)
		challenge, err = c.login.Step(string(payload.Data))
	}
	if err != nil {
		s.rejected++
		return Failure(18, "AuthenticationFailed", "Authentication failed.")
	}
	if c.login.Valid() {
		c.User = c.database + "." + c.login.Username()
	}
	return Success(
		bson.E{Key: "conversationId", Value: int32(1)},
		bson.E{Key: "done", Value: c.login.Done()},
		bson.E{Key: "payload", Value: bson.Binary{Data: []byte(challenge)}},
	)
}

// amend returns the database's reply with fields changed.
func (s *Server) amend(c *Client, database net.Conn, request message, name string) (message, error) {
	reply, err := request.exchange(database)
	if err != nil {
		return message{}, err
	}
	var fields bson.D
	if name == "hello" {
		fields = bson.D{{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256"}}}
	}
	if s.Amend != nil {
		fields = append(fields, s.Amend(c, name)...)
	}
	kept := slices.DeleteFunc(reply.doc, func(e bson.E) bool {
		return e.Key == "speculativeAuthenticate" || Lookup(fields, e.Key) != nil
	})
	return request.reply(append(kept, fields...))
}

// StoredCredentials returns what is stored of a password, with a salt of the given text.
func StoredCredentials(user, password, salt string, iterations int) (scram.StoredCredentials, error) {
	client, err := scram.SHA256.NewClient(user, password, "")
	if err != nil {
		return scram.StoredCredentials{}, err
	}
	return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: salt, Iters: iterations})
}

// Member is what a member of a replica set says of itself.
type Member struct {
	Set       string // name of the replica set
	Version   int32  // of its configuration
	Hosts     []string
	Me        string
	Primary   string // empty if it knows none
	Secondary bool   // false for the primary, and for a member that is starting
}

// Fields are the fields of the member's reply to hello.
func (m Member) Fields() bson.D {
	primary := m.Primary == m.Me
	fields := bson.D{
		{Key: "ismaster", Value: primary},
		{Key: "isWritablePrimary", Value: primary},
		{Key: "secondary", Value: m.Secondary},
		{Key: "setName", Value: m.Set},
		{Key: "setVersion", Value: m.Version},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "hosts", Value: m.Hosts},
		{Key: "me", Value: m.Me},
	}
	if m.Primary != "" {
		fields = append(fields, bson.E{Key: "primary", Value: m.Primary})
	}
	return fields
}
