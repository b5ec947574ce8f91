package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func marshal(t *testing.T, v any) bson.Raw {
	t.Helper()
	doc, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func numbered(t *testing.T, n int) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		for i := range n {
			if !yield(marshal(t, bson.D{{Key: "_id", Value: int32(i)}}), nil) {
				return
			}
		}
	}
}

var collections = []Collection{
	{Database: "guestbook", Name: "empty", Metadata: "{}", Type: "collection"},
	{Database: "guestbook", Name: "messages", Metadata: "{}", Type: "collection"},
	{Database: "guestbook", Name: "recent", Metadata: "{}", Type: "view"},
}

func sample(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, "8.0.0", "test", collections)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{0, 3} {
		if got, err := w.Write(collections[i], numbered(t, n)); got != n || err != nil {
			t.Fatal(got, err)
		}
	}
	return out.Bytes()
}

// read returns the documents of an archive, one line each.
func read(archive []byte) ([]string, error) {
	r, err := NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		database, collection, doc, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, fmt.Sprint(database, ".", collection, " ", doc))
	}
}

// The bytes are those that mongodump writes for the same data, as its specification says. An archive whose collections
// are interleaved, as mongodump does it, is read too.
func TestFormat(t *testing.T) {
	var want bytes.Buffer
	terminator := []byte{0xff, 0xff, 0xff, 0xff}
	want.Write([]byte{0x6d, 0xe2, 0x99, 0x81})
	want.Write(marshal(t, bson.D{
		{Key: "concurrent_collections", Value: int32(1)},
		{Key: "version", Value: "0.1"},
		{Key: "server_version", Value: "8.0.0"},
		{Key: "tool_version", Value: "test"},
	}))
	for _, c := range collections {
		want.Write(marshal(t, bson.D{
			{Key: "db", Value: c.Database},
			{Key: "collection", Value: c.Name},
			{Key: "metadata", Value: "{}"},
			{Key: "size", Value: int32(0)},
			{Key: "type", Value: c.Type},
		}))
	}
	want.Write(terminator)
	header := want.Len()
	segment := func(collection string, eof bool, crc int64) {
		want.Write(marshal(t, bson.D{
			{Key: "db", Value: "guestbook"},
			{Key: "collection", Value: collection},
			{Key: "EOF", Value: eof},
			{Key: "CRC", Value: crc},
		}))
	}
	document := func(i int) { want.Write(marshal(t, bson.D{{Key: "_id", Value: int32(i)}})) }
	// Computed bit by bit with the reflected polynomial 0xC96C5795D7870F42 (CRC-64/XZ), by another program.
	const crc = -1473216964556383448
	segment("empty", false, 0)
	want.Write(terminator)
	segment("empty", true, 0)
	want.Write(terminator)
	segment("messages", false, 0)
	for i := range 3 {
		document(i)
	}
	want.Write(terminator)
	segment("messages", true, crc)
	want.Write(terminator)
	if got := sample(t); !bytes.Equal(got, want.Bytes()) {
		t.Errorf("archive\n%x\nwant\n%x", got, want.Bytes())
	}

	want.Truncate(header)
	segment("messages", false, 0)
	document(0)
	want.Write(terminator)
	segment("empty", false, 0)
	want.Write(terminator)
	segment("empty", true, 0)
	want.Write(terminator)
	segment("messages", false, 0)
	document(1)
	document(2)
	want.Write(terminator)
	segment("messages", true, crc)
	want.Write(terminator)
	got, err := read(want.Bytes())
	if err != nil || len(got) != 3 || !strings.Contains(got[2], `guestbook.messages {"_id": {"$numberInt":"2"}}`) {
		t.Errorf("documents %q, %v", got, err)
	}
}

// No damage goes unnoticed: an archive that is cut off at any byte, or has any bit of a document changed, is refused.
func TestDamage(t *testing.T) {
	whole := sample(t)
	for n := range whole {
		if _, err := read(whole[:n]); err == nil {
			t.Errorf("cut off after %d of %d bytes: no error", n, len(whole))
		}
	}
	last := bytes.LastIndex(whole, marshal(t, bson.D{{Key: "_id", Value: int32(2)}}))
	for i := last; i < last+14; i++ {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x10
		if _, err := read(changed); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
	again := bytes.Index(whole, marshal(t, bson.D{
		{Key: "db", Value: "guestbook"},
		{Key: "collection", Value: "messages"},
		{Key: "EOF", Value: false},
		{Key: "CRC", Value: int64(0)},
	}))
	if last < 0 || again < 0 {
		t.Fatal(last, again)
	}
	for name, content := range map[string][]byte{
		"another file":   []byte("PK\x03\x04 and more"),
		"another format": bytes.Replace(bytes.Clone(whole), []byte("0.1"), []byte("0.2"), 1),
		"huge document":  append(bytes.Clone(whole), binary.LittleEndian.AppendUint32(nil, 1<<30)...),
		"repeated":       append(bytes.Clone(whole), whole[again:]...),
	} {
		if _, err := read(content); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
