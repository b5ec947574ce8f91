package oci

import (
	"crypto/md5"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bucketName is the form of a bucket's name (Oracle: "Managing Buckets").
var bucketName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)

// maxObject is the largest object that the local cloud keeps.
const maxObject = 64 << 20

// objectStorageRoutes serve buckets and, in files next to the state, small objects.
func (s *Server) objectStorageRoutes() {
	s.kinds["bucket"] = &kind{name: "bucket", model: "objectstorage.Bucket", nameKey: "name"}
	s.kinds["object"] = &kind{name: "object"}
	s.route("GET /n", "", func(*call) (*answer, error) { return &answer{Body: Namespace}, nil })
	s.route("GET /n/{ns}", "", func(c *call) (*answer, error) {
		return &answer{Body: object{"namespace": Namespace, "defaultS3CompartmentId": TenancyID, "defaultSwiftCompartmentId": TenancyID}}, c.namespace()
	})
	s.route("POST /n/{ns}/b", "objectstorage.CreateBucketDetails", createBucket)
	s.route("GET /n/{ns}/b", "", func(c *call) (*answer, error) {
		if c.query.Get("compartmentId") == "" {
			return nil, missingParameter("compartmentId")
		}
		if err := c.namespace(); err != nil {
			return nil, err
		}
		var out []any
		for _, r := range c.all("bucket", with("compartmentId", c.query.Get("compartmentId"))) {
			out = append(out, summaryOf("objectstorage.BucketSummary")(bucketDoc(r)))
		}
		return c.page(out)
	})
	one := func(h func(*call, *resource) (*answer, error)) handler {
		return func(c *call) (*answer, error) {
			r, err := c.bucket()
			if err != nil {
				return nil, err
			}
			return h(c, r)
		}
	}
	get := one(func(_ *call, r *resource) (*answer, error) {
		return &answer{Body: bucketDoc(r), Header: map[string]string{"etag": r.etag()}}, nil
	})
	s.route("GET /n/{ns}/b/{bucket}", "", get) // HEAD is served by it, too
	s.route("POST /n/{ns}/b/{bucket}", "objectstorage.UpdateBucketDetails", one(updateBucket))
	s.route("DELETE /n/{ns}/b/{bucket}", "", one(func(c *call, r *resource) (*answer, error) {
		if len(c.objectsIn(r)) > 0 {
			return nil, fail(http.StatusConflict, "BucketNotEmpty", "the bucket %s holds objects", str(r.Doc, "name"))
		}
		if err := c.match(r); err != nil {
			return nil, err
		}
		r = c.edit(r.ID)
		r.Gone = &c.now
		return &answer{Status: http.StatusNoContent}, nil
	}))
	s.route("GET /n/{ns}/b/{bucket}/retentionRules", "", one(func(*call, *resource) (*answer, error) {
		return &answer{Body: object{"items": []any{}}}, nil
	}))
	s.route("GET /n/{ns}/b/{bucket}/o", "", one(listObjects))
	s.route("GET /n/{ns}/b/{bucket}/o/{object...}", "", one(getObject))
	s.route("DELETE /n/{ns}/b/{bucket}/o/{object...}", "", one(deleteObject))
	s.mux.HandleFunc("PUT /n/{ns}/b/{bucket}/o/{object...}", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.putObject(w, r)
		s.write(w, a, err)
	})
}

func (c *call) namespace() error {
	if ns := c.req.PathValue("ns"); ns != Namespace {
		return fail(http.StatusNotFound, "NamespaceNotFound", "You do not have authorization to perform this request, or the requested resource could not be found: %s", ns)
	}
	return nil
}

func (c *call) bucketNamed(name string) *resource {
	for _, r := range c.all("bucket", with("name", name)) {
		return r
	}
	return nil
}

func (c *call) bucket() (*resource, error) {
	if err := c.namespace(); err != nil {
		return nil, err
	}
	name := c.req.PathValue("bucket")
	if r := c.bucketNamed(name); r != nil {
		return r, nil
	}
	return nil, fail(http.StatusNotFound, "BucketNotFound", "Either the bucket named '%s' does not exist in the namespace '%s' or you are not authorized to access it", name, Namespace)
}

func bucketDoc(r *resource) object {
	doc, _ := clone(r.Doc).(map[string]any)
	doc["etag"] = r.etag()
	return doc
}

func createBucket(c *call) (*answer, error) {
	if err := c.namespace(); err != nil {
		return nil, err
	}
	doc := c.body
	name := str(doc, "name")
	if !bucketName.MatchString(name) {
		return nil, fail(http.StatusBadRequest, "InvalidBucketName", "name: %q must be 1 to 256 letters, digits, dashes, underscores or dots", name)
	}
	if c.bucketNamed(name) != nil {
		return nil, fail(http.StatusConflict, "BucketAlreadyExists", "Either the bucket '%s' in namespace '%s' already exists or you are not authorized to create it", name, Namespace)
	}
	orDefault(doc, object{
		"metadata": object{}, "publicAccessType": "NoPublicAccess", "storageTier": "Standard", "objectEventsEnabled": false, "versioning": "Disabled",
		"autoTiering": "Disabled", "bucketScope": "NAMESPACE",
	})
	doc["id"], doc["namespace"], doc["createdBy"], doc["replicationEnabled"], doc["isReadOnly"] = newOCID("bucket"), Namespace, UserID, false, false
	r, err := c.born(c.s.kinds["bucket"], doc)
	if err != nil {
		return nil, err
	}
	return &answer{Body: bucketDoc(r), Header: map[string]string{"etag": r.etag(), "location": "/n/" + Namespace + "/b/" + name}, made: r.ID}, nil
}

func updateBucket(c *call, r *resource) (*answer, error) {
	if err := c.match(r); err != nil {
		return nil, err
	}
	if name := str(c.body, "name"); name != "" && name != str(r.Doc, "name") && c.bucketNamed(name) != nil {
		return nil, fail(http.StatusConflict, "BucketAlreadyExists", "the bucket '%s' already exists", name)
	}
	r = c.edit(r.ID)
	for field, v := range c.body {
		r.Doc[field] = v
	}
	return &answer{Body: bucketDoc(r), Header: map[string]string{"etag": r.etag()}}, nil
}

func (t *tx) objectsIn(bucket *resource) []*resource {
	return t.all("object", func(r *resource) bool { return r.Hidden["bucket"] == bucket.ID })
}

func (t *tx) objectNamed(bucket *resource, name string) *resource {
	for _, r := range t.objectsIn(bucket) {
		if r.Doc["name"] == name {
			return r
		}
	}
	return nil
}

func objectNotFound(name string) *Failure {
	return fail(http.StatusNotFound, "ObjectNotFound", "The object '%s' was not found", name)
}

func (s *Server) objectFile(id string) string { return filepath.Join(s.config.Dir, "objects", id) }

// putObject keeps the content in a file of its own. It is signed without the content, so it does not go through serve.
func (s *Server) putObject(w http.ResponseWriter, r *http.Request) (*answer, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxObject))
	if err != nil {
		return nil, fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the local cloud keeps objects of at most %d bytes", maxObject)
	}
	if err := s.verify(r, nil); err != nil {
		return nil, err
	}
	if err := s.faults.apply(r); err != nil {
		return nil, err
	}
	sum := md5.Sum(data)
	digest := base64.StdEncoding.EncodeToString(sum[:])
	if want := r.Header.Get("Content-MD5"); want != "" && want != digest {
		return nil, fail(http.StatusBadRequest, "UnmatchedContentMD5", "the content's MD5 is %s, not %s", digest, want)
	}
	a := &answer{Header: map[string]string{"opc-content-md5": digest}}
	err = s.update(func(t *tx) error {
		c := &call{tx: t, req: r, query: r.URL.Query()}
		bucket, err := c.bucket()
		if err != nil {
			return err
		}
		name := r.PathValue("object")
		o := t.objectNamed(bucket, name)
		if o == nil {
			o = t.add("object", newOCID("object"), object{"name": name, "timeCreated": stamp(t.now), "storageTier": "Standard"})
			o.hide("bucket", bucket.ID)
		}
		o = t.edit(o.ID)
		o.Doc["size"], o.Doc["md5"], o.Doc["timeModified"], o.Doc["etag"] = len(data), digest, stamp(t.now), o.etag()
		o.hide("contentType", r.Header.Get("Content-Type"))
		a.Header["etag"], a.Header["last-modified"] = o.etag(), t.now.Format(http.TimeFormat)
		if err := os.MkdirAll(filepath.Dir(s.objectFile(o.ID)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(s.objectFile(o.ID), data, 0o600)
	})
	return a, err
}

func getObject(c *call, bucket *resource) (*answer, error) {
	o := c.objectNamed(bucket, c.req.PathValue("object"))
	if o == nil {
		return nil, objectNotFound(c.req.PathValue("object"))
	}
	data, err := os.ReadFile(c.s.objectFile(o.ID))
	if err != nil {
		return nil, err
	}
	modified, _ := time.Parse(time.RFC3339, str(o.Doc, "timeModified"))
	return &answer{Body: data, Header: map[string]string{
		"etag": o.etag(), "content-length": strconv.Itoa(len(data)), "content-md5": str(o.Doc, "md5"), "content-type": str(o.Hidden, "contentType"),
		"last-modified": modified.Format(http.TimeFormat), "storage-tier": "Standard",
	}}, nil
}

func deleteObject(c *call, bucket *resource) (*answer, error) {
	o := c.objectNamed(bucket, c.req.PathValue("object"))
	if o == nil {
		return nil, objectNotFound(c.req.PathValue("object"))
	}
	c.edit(o.ID).Gone = &c.now
	return &answer{Status: http.StatusNoContent}, os.Remove(c.s.objectFile(o.ID))
}

// listObjects lists by name, from start, with prefix, at most limit, up to end.
func listObjects(c *call, bucket *resource) (*answer, error) {
	limit := 1000
	if n, err := strconv.Atoi(c.query.Get("limit")); err == nil && n > 0 && n < limit {
		limit = n
	}
	found := c.objectsIn(bucket)
	slices.SortFunc(found, func(a, b *resource) int { return strings.Compare(str(a.Doc, "name"), str(b.Doc, "name")) })
	body := object{"objects": []any{}}
	prefixes := []any{}
	prefix, delimiter := c.query.Get("prefix"), c.query.Get("delimiter")
	for _, o := range found {
		name := str(o.Doc, "name")
		if !strings.HasPrefix(name, prefix) || name < c.query.Get("start") || c.query.Has("end") && name >= c.query.Get("end") {
			continue
		}
		if rest := name[len(prefix):]; delimiter != "" && strings.Contains(rest, delimiter) {
			if p := prefix + rest[:strings.Index(rest, delimiter)+1]; !slices.Contains(prefixes, any(p)) {
				prefixes = append(prefixes, p)
			}
			continue
		}
		if len(list(body, "objects")) == limit {
			body["nextStartWith"] = name
			break
		}
		body["objects"] = append(list(body, "objects"), o.Doc)
	}
	if delimiter != "" {
		body["prefixes"] = prefixes
	}
	return &answer{Body: body}, nil
}
