package front

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// longest is the size in bytes of the longest message (MongoDB manual, "hello", maxMessageSizeBytes).
const longest = 48_000_000

// opQuery is the type of a client's first message, before it knows that the server has OP_MSG. The driver's own name
// for it is deprecated.
const opQuery wiremessage.OpCode = 2004

// message is a message of the MongoDB Wire Protocol, with its command or reply.
type message struct {
	raw []byte
	doc bson.D
}

// read reads a message, and decodes its command or reply.
func read(r io.Reader) (message, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return message{}, err
	}
	size := binary.LittleEndian.Uint32(head)
	if size < 16 || size > longest {
		return message{}, fmt.Errorf("a message of %d bytes", size)
	}
	m := message{raw: make([]byte, size)}
	copy(m.raw, head)
	if _, err := io.ReadFull(r, m.raw[16:]); err != nil {
		return message{}, err
	}
	doc, ok := document(m.raw)
	if !ok {
		return message{}, errors.New("a message without command or reply")
	}
	if err := bson.Unmarshal(doc, &m.doc); err != nil {
		return message{}, err
	}
	if len(m.doc) == 0 {
		return message{}, errors.New("an empty message")
	}
	return m, nil
}

// document returns the document of a message's command or reply.
func document(raw []byte) (bsoncore.Document, bool) {
	_, _, _, op, body, _ := wiremessage.ReadHeader(raw)
	switch op {
	case wiremessage.OpMsg:
		return section(body)
	case opQuery:
		end := bytes.IndexByte(body[min(4, len(body)):], 0)      // of the collection's name, after the flags
		if start := 4 + end + 9; end >= 0 && len(body) > start { // after the numbers to skip and to return
			doc, _, ok := bsoncore.ReadDocument(body[start:])
			return doc, ok
		}
	case wiremessage.OpReply:
		if len(body) < 20 { // flags, cursor, start and number
			return nil, false
		}
		doc, _, ok := wiremessage.ReadReplyDocument(body[20:])
		return doc, ok
	}
	return nil, false
}

// section returns the section of a message of type OP_MSG that holds the command.
func section(body []byte) (bsoncore.Document, bool) {
	_, body, ok := wiremessage.ReadMsgFlags(body)
	for ok {
		var kind wiremessage.SectionType
		if kind, body, ok = wiremessage.ReadMsgSectionType(body); !ok {
			break
		}
		if kind == wiremessage.SingleDocument {
			doc, _, ok := wiremessage.ReadMsgSectionSingleDocument(body)
			return doc, ok
		}
		_, _, body, ok = wiremessage.ReadMsgSectionRawDocumentSequence(body)
	}
	return nil, false
}

// reply returns a message with a document that answers m, of the type that matches.
func (m message) reply(doc bson.D) (message, error) {
	content, err := bson.Marshal(doc)
	if err != nil {
		return message{}, err
	}
	_, id, _, op, _, _ := wiremessage.ReadHeader(m.raw)
	var out []byte
	if op == opQuery {
		_, out = wiremessage.AppendHeaderStart(nil, 0, id, wiremessage.OpReply)
		out = wiremessage.AppendReplyFlags(out, 0)
		out = wiremessage.AppendReplyCursorID(out, 0)
		out = wiremessage.AppendReplyStartingFrom(out, 0)
		out = wiremessage.AppendReplyNumberReturned(out, 1)
	} else {
		_, out = wiremessage.AppendHeaderStart(nil, 0, id, wiremessage.OpMsg)
		out = wiremessage.AppendMsgFlags(out, 0)
		out = wiremessage.AppendMsgSectionType(out, wiremessage.SingleDocument)
	}
	out = append(out, content...)
	return message{bsoncore.UpdateLength(out, 0, int32(len(out))), doc}, nil
}

// exchange sends m to the database and returns its reply.
func (m message) exchange(database io.ReadWriter) (message, error) {
	if _, err := database.Write(m.raw); err != nil {
		return message{}, err
	}
	return read(database)
}

// Success is a reply that says that a command succeeded, with more fields.
func Success(more ...bson.E) bson.D {
	return append(bson.D{{Key: "ok", Value: 1.0}}, more...)
}

// Failure is a reply that says that a command failed: with a code of MongoDB (src/mongo/base/error_codes.yml), its
// name, and a text, for which the name stands if there is none.
func Failure(code int32, name string, text ...any) bson.D {
	message := name
	if len(text) > 0 {
		message = fmt.Sprint(text...)
	}
	return bson.D{
		{Key: "ok", Value: 0.0},
		{Key: "code", Value: code},
		{Key: "codeName", Value: name},
		{Key: "errmsg", Value: message},
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
