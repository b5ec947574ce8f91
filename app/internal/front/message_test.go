package front

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// FuzzRead expects an error for whatever is no message, and a reply to whatever is one.
func FuzzRead(f *testing.F) {
	hello, err := bson.Marshal(bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		f.Fatal(err)
	}
	header := func(op wiremessage.OpCode, body []byte) []byte {
		return append(wiremessage.AppendHeader(nil, int32(16+len(body)), 7, 0, op), body...)
	}
	query := append([]byte("\x00\x00\x00\x00admin.$cmd\x00\x00\x00\x00\x00\x01\x00\x00\x00"), hello...)
	f.Add(header(opQuery, query))
	f.Add(header(wiremessage.OpMsg, append([]byte{0, 0, 0, 0, 0}, hello...)))
	f.Add(header(wiremessage.OpMsg, append([]byte{0, 0, 0, 0, 1, 9, 0, 0, 0, 'd', 'o', 'c', 's', 0, 0}, hello...)))
	f.Add(header(wiremessage.OpReply, append(make([]byte, 20), hello...)))
	f.Add(header(opQuery, []byte{0, 0, 0}))
	f.Add([]byte{255, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		reply, err := m.reply(Success())
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(bytes.NewReader(reply.raw))
		if err != nil || Lookup(again.doc, "ok") != 1.0 {
			t.Errorf("%x: the reply reads as %v, %v", raw, again.doc, err)
		}
	})
}

// TestRead expects the command of each type of message.
func TestRead(t *testing.T) {
	hello, err := bson.Marshal(bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		op   wiremessage.OpCode
		body string
	}{
		"OP_QUERY":                     {opQuery, "\x00\x00\x00\x00admin.$cmd\x00\x00\x00\x00\x00\x01\x00\x00\x00"},
		"OP_MSG":                       {wiremessage.OpMsg, "\x00\x00\x00\x00\x00"},
		"OP_MSG, documents first":      {wiremessage.OpMsg, "\x00\x00\x00\x00\x01\x09\x00\x00\x00docs\x00\x00"},
		"OP_REPLY":                     {wiremessage.OpReply, string(make([]byte, 20))},
		"OP_QUERY that is cut off":     {opQuery, "\x00\x00\x00"},
		"OP_COMPRESSED, not agreed on": {wiremessage.OpCompressed, "\x00\x00\x00\x00\x00"},
	} {
		body := append([]byte(c.body), hello...)
		if len(c.body) < 4 || c.op == wiremessage.OpCompressed {
			body = []byte(c.body)
		}
		raw := append(wiremessage.AppendHeader(nil, int32(16+len(body)), 7, 0, c.op), body...)
		m, err := read(bytes.NewReader(raw))
		refused := len(c.body) < 4 || c.op == wiremessage.OpCompressed
		if (err != nil) != refused || !refused && m.doc[0].Key != "hello" {
			t.Errorf("%s: %v, %v", name, m.doc, err)
		}
	}
}
