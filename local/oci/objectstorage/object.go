package objectstorage

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

const objectKind = "object"

// maxObject is the size of the largest object that the local cloud keeps, in bytes.
const maxObject = 64 << 20

// objectState is what the service remembers of an object.
type objectState struct {
	Bucket string            // OCID
	Header map[string]string // the headers that describe the content; see describing
}

// version is what an upload makes of an object. Its content is in the object's file.
type version struct {
	size   int
	md5    string // in base64; of an object in parts with "-" and their number
	tier   string
	header map[string]string
}

// store keeps the objects' content in files, named by OCID.
type store struct{ dir string }

func (s store) file(o *engine.Resource) string { return filepath.Join(s.dir, o.ID) }

func registerObjects(api engine.API, s store, path string) {
	api.AddKind(&engine.Kind{Name: objectKind, Private: engine.PrivateOf[objectState]()})
	api.Handle("GET "+path, "", onBucket(listObjects))
	api.Handle("GET "+path+"/{object...}", "", onObject(readObject, s.get))
	api.Handle("DELETE "+path+"/{object...}", "", onObject(deleteObject, s.delete))
	api.HandleUpload("PUT "+path+"/{object...}", maxObject, s.put)
}

// onObject makes a handler of the object that the path names, which needs a permission.
func onObject(permission string, h engine.ResourceHandler) engine.Handler {
	return onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		name := c.Path("object")
		if err := permit(c, bucket, name, permission); err != nil {
			return nil, err
		}
		o := objectNamed(c.Tx, bucket, name)
		if o == nil {
			return nil, engine.Fail(http.StatusNotFound, "ObjectNotFound", "The object '%s' was not found", name)
		}
		return h(c, o)
	})
}

func objectsIn(t *engine.Tx, bucket *engine.Resource) []*engine.Resource {
	return t.All(objectKind, func(r *engine.Resource) bool {
		return engine.Private[objectState](r).Bucket == bucket.ID
	})
}

func objectNamed(t *engine.Tx, bucket *engine.Resource, name string) *engine.Resource {
	for _, r := range objectsIn(t, bucket) {
		if r.Doc["name"] == name {
			return r
		}
	}
	return nil
}

const (
	contentType = "content-type"
	metaPrefix  = "opc-meta-"
)

// describing returns the headers of an upload that GET and HEAD return with the object (API reference, PutObject).
func describing(header http.Header) map[string]string {
	out := map[string]string{contentType: "application/octet-stream"}
	for name := range header {
		switch lower := strings.ToLower(name); lower {
		case contentType, "content-language", "content-encoding", "content-disposition", "cache-control":
			out[lower] = header.Get(name)
		default:
			if strings.HasPrefix(lower, metaPrefix) {
				out[lower] = header.Get(name)
			}
		}
	}
	return out
}

var tiers = []string{"Standard", "InfrequentAccess", "Archive"}

// tierOf returns the storage tier of a new object. The default is the bucket's, and an archive has no other.
func tierOf(bucket *engine.Resource, asked string) (string, error) {
	own := bucket.Doc.Str("storageTier")
	if asked == "" || own == "Archive" {
		return own, nil
	}
	if !slices.Contains(tiers, asked) {
		return "", engine.Invalid("storage-tier: %q must be one of %s", asked, strings.Join(tiers, ", "))
	}
	return asked, nil
}

// digestOf returns the MD5 digest of an upload's content, which must be that of the header Content-MD5 if there is one.
func digestOf(c *engine.Call, content []byte) (string, error) {
	sum := md5.Sum(content)
	digest := base64.StdEncoding.EncodeToString(sum[:])
	if want := c.Request.Header.Get("Content-MD5"); want != "" && want != digest {
		return "", engine.Fail(http.StatusBadRequest, "UnmatchedContentMD5",
			"The computed MD5 of the request body (%s) does not match the Content-MD5 header (%s)", digest, want)
	}
	return digest, nil
}

// save makes an object, or replaces the one of that name.
func save(c *engine.Call, bucket *engine.Resource, name string, v version) *engine.Resource {
	now := engine.Timestamp(c.Now)
	o := objectNamed(c.Tx, bucket, name)
	if o == nil {
		o = c.Add(objectKind, engine.NewOCID(objectKind), engine.Doc{"name": name, "timeCreated": now})
	}
	o = c.Edit(o.ID)
	o.Doc.Merge(engine.Doc{
		"size": v.size, "md5": v.md5, "storageTier": v.tier, "timeModified": now, "etag": o.Etag(),
	})
	*engine.Private[objectState](o) = objectState{bucket.ID, v.header}
	return o
}

func (s store) put(c *engine.Call, content []byte) (*engine.Answer, error) {
	digest, err := digestOf(c, content)
	if err != nil {
		return nil, err
	}
	bucket, err := bucketOf(c)
	if err != nil {
		return nil, err
	}
	name, header := c.Path("object"), c.Request.Header
	old, permission := objectNamed(c.Tx, bucket, name), createObject
	if old != nil {
		permission = overwriteObject
	}
	if err := permit(c, bucket, name, permission); err != nil {
		return nil, err
	}
	if err := checkRetention(c, bucket, old); err != nil {
		return nil, err
	}
	tier, err := tierOf(bucket, header.Get("storage-tier"))
	if err != nil {
		return nil, err
	}
	o := save(c, bucket, name, version{len(content), digest, tier, describing(header)})
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.file(o), content, 0o600); err != nil {
		return nil, err
	}
	return &engine.Answer{Header: map[string]string{
		"opc-content-md5": digest, "etag": o.Etag(), "last-modified": c.Now.Format(http.TimeFormat),
	}}, nil
}

func (s store) get(c *engine.Call, o *engine.Resource) (*engine.Answer, error) {
	if err := c.MatchEtag(o); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(s.file(o))
	if err != nil {
		return nil, err
	}
	size := len(content)
	first, end, err := byteRange(c.Request.Header.Get("Range"), size)
	if err != nil {
		return nil, err
	}
	content = content[first:end]
	modified, err := time.Parse(time.RFC3339, o.Doc.Str("timeModified"))
	header := map[string]string{
		"etag": o.Etag(), "content-length": strconv.Itoa(len(content)),
		"last-modified": modified.Format(http.TimeFormat), "storage-tier": o.Doc.Str("storageTier"),
	}
	maps.Copy(header, engine.Private[objectState](o).Header)
	if digest := o.Doc.Str("md5"); strings.Contains(digest, "-") {
		header["opc-multipart-md5"] = digest
	} else {
		header["content-md5"] = digest
	}
	a := &engine.Answer{Body: content, Header: header}
	if len(content) < size {
		header["content-range"] = fmt.Sprintf("bytes %d-%d/%d", first, end-1, size)
		a.Status = http.StatusPartialContent
	}
	return a, err
}

// byteRange returns the part of a content that the header Range asks for. It can be one range of bytes (API reference,
// GetObject).
func byteRange(header string, size int) (first, end int, err error) {
	if header == "" {
		return 0, size, nil
	}
	from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	end = size
	switch {
	case from == "": // the last bytes
		var n int
		n, err = strconv.Atoi(to)
		first = max(0, size-n)
	case to == "":
		first, err = strconv.Atoi(from)
	default:
		var last int
		first, err = strconv.Atoi(from)
		if err == nil {
			last, err = strconv.Atoi(to)
		}
		end = min(size, last+1)
	}
	if !ok || err != nil || first < 0 || first >= end {
		return 0, 0, engine.Fail(http.StatusRequestedRangeNotSatisfiable, "InvalidRange",
			"%q is no range of the object's %d bytes", header, size)
	}
	return first, end, nil
}

func (s store) delete(c *engine.Call, o *engine.Resource) (*engine.Answer, error) {
	if err := checkRetention(c, c.Find(engine.Private[objectState](o).Bucket), o); err != nil {
		return nil, err
	}
	if err := c.Remove(c.Edit(o.ID)); err != nil {
		return nil, err
	}
	return &engine.Answer{Status: http.StatusNoContent}, os.Remove(s.file(o))
}

// listObjects lists objects by name, with the query's prefix, from start, before end, at most limit. Those with the
// delimiter after the prefix are listed as common prefixes.
func listObjects(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
	if err := permit(c, bucket, "", inspectObject); err != nil {
		return nil, err
	}
	limit := 1000
	if n, err := strconv.Atoi(c.Query.Get("limit")); err == nil && n > 0 && n < limit {
		limit = n
	}
	found := objectsIn(c.Tx, bucket)
	slices.SortFunc(found, func(a, b *engine.Resource) int {
		return strings.Compare(a.Doc.Str("name"),
			b.Doc.Str("name"))
	})
	body := engine.Doc{}
	objects, prefixes := []any{}, []any{}
	prefix, delimiter := c.Query.Get("prefix"), c.Query.Get("delimiter")
	for _, o := range found {
		name := o.Doc.Str("name")
		rest, selected := strings.CutPrefix(name, prefix)
		if !selected || name < c.Query.Get("start") || c.Query.Has("end") && name >= c.Query.Get("end") {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			if p := prefix + rest[:i+1]; !slices.Contains(prefixes, any(p)) {
				prefixes = append(prefixes, p)
			}
			continue
		}
		if len(objects) == limit {
			body["nextStartWith"] = name
			break
		}
		objects = append(objects, o.Doc)
	}
	body["objects"] = objects
	if delimiter != "" {
		body["prefixes"] = prefixes
	}
	return &engine.Answer{Body: body}, nil
}
