// Package archive writes and reads archives of mongodump, so that mongorestore --archive can load what the guestbook
// saves, and the guestbook what mongodump saved. An archive here is uncompressed; --gzip compresses it as a whole.
//
// Format: mongo-tools, common/archive/spec.md. All integers are little-endian, documents are BSON:
//
//	magic number, header, one description for each collection, terminator,
//	then segments: {db, collection, EOF: false}, documents, terminator
//	and, after the last segment of a collection: {db, collection, EOF: true, CRC of its documents}, terminator
package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	magic      = 0x8199e26d
	terminator = 0xffffffff
	// maxDocument is a server's limit with room for what it adds to a document internally (mongo-tools, MaxBSONSize).
	maxDocument = 16<<20 + 16<<10
)

var polynomial = crc64.MakeTable(crc64.ECMA)

// Header describes the archive.
type Header struct {
	Concurrent    int32  `bson:"concurrent_collections"`
	Format        string `bson:"version"` // "0.1" is the only one
	ServerVersion string `bson:"server_version"`
	ToolVersion   string `bson:"tool_version"`
}

// Collection describes a collection of the archive.
type Collection struct {
	Database string `bson:"db"`
	Name     string `bson:"collection"`
	Metadata string `bson:"metadata"` // options and indexes as canonical Extended JSON
	Size     int32  `bson:"size"`
	Type     string `bson:"type"` // "collection", "view" or "timeseries"; old archives have none
}

type segment struct {
	Database   string `bson:"db"`
	Collection string `bson:"collection"`
	EOF        bool   `bson:"EOF"`
	CRC        int64  `bson:"CRC"`
}

// Writer writes an archive. Each collection must be written once, in any order.
type Writer struct{ w io.Writer }

// NewWriter writes the header.
func NewWriter(w io.Writer, serverVersion, toolVersion string, collections []Collection) (*Writer, error) {
	out := &Writer{w}
	if err := out.integer(magic); err != nil {
		return nil, err
	}
	if err := out.document(Header{1, "0.1", serverVersion, toolVersion}); err != nil {
		return nil, err
	}
	for _, c := range collections {
		if err := out.document(c); err != nil {
			return nil, err
		}
	}
	return out, out.integer(terminator)
}

// Write writes the documents of a collection and returns their number.
func (w *Writer) Write(c Collection, docs iter.Seq2[bson.Raw, error]) (int, error) {
	if err := w.document(segment{Database: c.Database, Collection: c.Name}); err != nil {
		return 0, err
	}
	n, crc := 0, crc64.New(polynomial)
	for doc, err := range docs {
		if err != nil {
			return n, err
		}
		if _, err := io.MultiWriter(w.w, crc).Write(doc); err != nil {
			return n, err
		}
		n++
	}
	if err := w.integer(terminator); err != nil {
		return n, err
	}
	end := segment{Database: c.Database, Collection: c.Name, EOF: true, CRC: int64(crc.Sum64())}
	if err := w.document(end); err != nil {
		return n, err
	}
	return n, w.integer(terminator)
}

func (w *Writer) integer(n uint32) error {
	_, err := w.w.Write(binary.LittleEndian.AppendUint32(nil, n))
	return err
}

func (w *Writer) document(v any) error {
	doc, err := bson.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.w.Write(doc)
	return err
}

// Reader reads an archive.
type Reader struct {
	Header      Header
	Collections []Collection

	r       *bufio.Reader
	current *segment          // nil: before a segment
	open    map[[2]string]crc // collections whose end has not been read
	ended   map[[2]string]bool
}

type crc uint64

// NewReader reads the header.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{r: bufio.NewReader(r), open: map[[2]string]crc{}, ended: map[[2]string]bool{}}
	var head [4]byte
	_, err := io.ReadFull(in.r, head[:])
	if err == nil && binary.LittleEndian.Uint32(head[:]) != magic {
		err = errors.New("the magic number is another")
	}
	if err != nil {
		return nil, fmt.Errorf("not an archive of mongodump: %w", orEOF(err))
	}
	doc, err := in.document()
	if err == nil && doc == nil {
		err = errors.New("the header is missing")
	}
	if err == nil {
		err = bson.Unmarshal(doc, &in.Header)
	}
	if err == nil && in.Header.Format != "0.1" {
		err = fmt.Errorf("format %q is unknown", in.Header.Format)
	}
	for err == nil {
		if doc, err = in.document(); err != nil || doc == nil {
			break
		}
		var c Collection
		err = bson.Unmarshal(doc, &c)
		in.Collections = append(in.Collections, c)
	}
	if err != nil {
		return nil, fmt.Errorf("header of the archive: %w", orEOF(err))
	}
	return in, nil
}

// Next returns the next document and its collection. It returns io.EOF only after a
// complete archive: every collection has ended, and its checksum is that of its documents.
func (r *Reader) Next() (database, collection string, doc bson.Raw, err error) {
	for {
		if r.current == nil {
			if _, err := r.r.Peek(1); errors.Is(err, io.EOF) {
				return "", "", nil, r.complete()
			}
			if err := r.begin(); err != nil {
				return "", "", nil, err
			}
			continue
		}
		s := *r.current
		doc, err := r.document()
		switch {
		case err != nil:
			return "", "", nil, fmt.Errorf("%s.%s in the archive: %w", s.Database, s.Collection, orEOF(err))
		case doc == nil:
			r.current = nil
		case s.EOF:
			return "", "", nil, fmt.Errorf("%s.%s in the archive: documents after its end", s.Database, s.Collection)
		default:
			key := [2]string{s.Database, s.Collection}
			r.open[key] = crc(crc64.Update(uint64(r.open[key]), polynomial, doc))
			return s.Database, s.Collection, doc, nil
		}
	}
}

// begin reads the first document of a segment.
func (r *Reader) begin() error {
	doc, err := r.document()
	if err == nil && doc == nil {
		err = errors.New("empty segment")
	}
	var s segment
	if err == nil {
		err = bson.Unmarshal(doc, &s)
	}
	if err != nil {
		return fmt.Errorf("segment of the archive: %w", orEOF(err))
	}
	key := [2]string{s.Database, s.Collection}
	if r.ended[key] {
		return fmt.Errorf("%s.%s in the archive: a segment after its end", s.Database, s.Collection)
	}
	if s.EOF && crc(s.CRC) != r.open[key] {
		return fmt.Errorf("%s.%s in the archive is corrupt: its checksum does not match", s.Database, s.Collection)
	}
	if s.EOF {
		r.ended[key] = true
		delete(r.open, key)
	} else {
		r.open[key] += 0
	}
	r.current = &s
	return nil
}

// complete returns io.EOF if all collections have ended. Views have no documents, and so no segments.
func (r *Reader) complete() error {
	for key := range r.open {
		return fmt.Errorf("the archive is incomplete: %s.%s does not end", key[0], key[1])
	}
	missing := slices.IndexFunc(r.Collections, func(c Collection) bool {
		return c.Type == "collection" && !r.ended[[2]string{c.Database, c.Name}]
	})
	if missing >= 0 {
		c := r.Collections[missing]
		return fmt.Errorf("the archive is incomplete: %s.%s is missing", c.Database, c.Name)
	}
	return io.EOF
}

// document returns the next document, or nil for a terminator.
func (r *Reader) document() (bson.Raw, error) {
	var head [4]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size == terminator {
		return nil, nil
	}
	if size < 5 || size > maxDocument {
		return nil, fmt.Errorf("a document of %d bytes", size)
	}
	doc := make(bson.Raw, size)
	copy(doc, head[:])
	if _, err := io.ReadFull(r.r, doc[4:]); err != nil {
		return nil, err
	}
	if doc[size-1] != 0 {
		return nil, errors.New("a document without its end")
	}
	return doc, nil
}

// orEOF makes an end of the file, which is never expected here, an error that says so.
func orEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
