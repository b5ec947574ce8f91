package objectstorage

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/engine"
)

const uploadKind = "multipartupload"

// maxPart is the largest number of a part (Oracle: "Using Multipart Uploads").
const maxPart = 10000

// uploadState is what the service remembers of a multipart upload.
type uploadState struct {
	Bucket string            // OCID
	Header map[string]string // of the object; see describing
	Parts  map[int]part      // by number
}

// part is an uploaded part. Its content is in a file of its own until the upload ends.
type part struct {
	Etag string
	MD5  string // base64
	Size int
}

func (s store) partFile(upload *engine.Resource, number int) string {
	return fmt.Sprint(s.file(upload), ".", number)
}

func registerUploads(api engine.API, s store, path string) {
	api.AddKind(&engine.Kind{Name: uploadKind, Private: engine.PrivateOf[uploadState]()})
	api.Handle("POST "+path, "objectstorage.CreateMultipartUploadDetails", onBucket(createUpload))
	api.Handle("GET "+path, "", onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		var out []any
		for _, u := range uploadsTo(c.Tx, bucket) {
			out = append(out, u.Doc)
		}
		return c.Page(out)
	}))
	path += "/{object...}"
	api.HandleUpload("PUT "+path, maxObject, s.putPart)
	api.Handle("GET "+path, "", onUpload(listParts, inspectObject))
	api.Handle("POST "+path, "objectstorage.CommitMultipartUploadDetails",
		onUpload(s.commit, createObject, overwriteObject))
	api.Handle("DELETE "+path, "", onUpload(func(c *engine.Call, u *engine.Resource) (*engine.Answer, error) {
		return &engine.Answer{Status: http.StatusNoContent}, s.end(c, u)
	}, deleteObject))
}

func uploadsTo(t *engine.Tx, bucket *engine.Resource) []*engine.Resource {
	return t.All(uploadKind, func(r *engine.Resource) bool {
		return engine.Private[uploadState](r).Bucket == bucket.ID
	})
}

// onUpload makes a handler of the upload that the query names, to the object that the path names. It needs permissions.
// Oracle documents no error code for an unknown upload.
func onUpload(h engine.ResourceHandler, permissions ...string) engine.Handler {
	return onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		if err := c.NeedsQuery("uploadId"); err != nil {
			return nil, err
		}
		id, object := c.Query.Get("uploadId"), c.Path("object")
		if err := permit(c, bucket, object, permissions...); err != nil {
			return nil, err
		}
		for _, u := range uploadsTo(c.Tx, bucket) {
			if u.ID == id && u.Doc.Str("object") == object {
				return h(c, u)
			}
		}
		return nil, engine.Fail(http.StatusNotFound, "NoSuchUpload",
			"The upload '%s' of the object '%s' was not found", id, object)
	})
}

func createUpload(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
	if err := permit(c, bucket, c.Body.Str("object"), createObject, overwriteObject); err != nil {
		return nil, err
	}
	header := http.Header{}
	for field, name := range map[string]string{
		"contentType": contentType, "contentLanguage": "content-language", "contentEncoding": "content-encoding",
		"contentDisposition": "content-disposition", "cacheControl": "cache-control",
	} {
		if value := c.Body.Str(field); value != "" {
			header.Set(name, value)
		}
	}
	for key := range c.Body.Sub("metadata") {
		if !strings.HasPrefix(strings.ToLower(key), metaPrefix) {
			return nil, engine.Invalid("metadata: the key %q must begin with %s", key, metaPrefix)
		}
		header.Set(key, c.Body.Str("metadata", key))
	}
	tier, err := tierOf(bucket, c.Body.Str("storageTier"))
	if err != nil {
		return nil, err
	}
	id := engine.NewOCID(uploadKind)
	u := c.Add(uploadKind, id, engine.Doc{
		"namespace": Namespace, "bucket": bucket.Doc.Str("name"), "object": c.Body.Str("object"), "uploadId": id,
		"timeCreated": engine.Timestamp(c.Now), "storageTier": tier,
	})
	*engine.Private[uploadState](u) = uploadState{bucket.ID, describing(header), map[int]part{}}
	return &engine.Answer{Body: u.Doc, Created: id}, nil
}

func (s store) putPart(c *engine.Call, content []byte) (*engine.Answer, error) {
	digest, err := digestOf(c, content)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(c.Query.Get("uploadPartNum"))
	if err != nil || number < 1 || number > maxPart {
		return nil, engine.Invalid("uploadPartNum: %q must be from 1 to %d", c.Query.Get("uploadPartNum"), maxPart)
	}
	return onUpload(func(c *engine.Call, u *engine.Resource) (*engine.Answer, error) {
		p := part{engine.NewRequestID(), digest, len(content)}
		engine.Private[uploadState](c.Edit(u.ID)).Parts[number] = p
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return nil, err
		}
		return &engine.Answer{Header: map[string]string{"opc-content-md5": digest, "etag": p.Etag}},
			os.WriteFile(s.partFile(u, number), content, 0o600)
	}, createObject, overwriteObject)(c)
}

func listParts(c *engine.Call, u *engine.Resource) (*engine.Answer, error) {
	parts := engine.Private[uploadState](u).Parts
	var out []any
	for _, number := range slices.Sorted(maps.Keys(parts)) {
		p := parts[number]
		out = append(out, engine.Doc{"partNumber": number, "etag": p.Etag, "md5": p.MD5, "size": p.Size})
	}
	return c.Page(out)
}

// commit makes the object of the parts that the body names.
func (s store) commit(c *engine.Call, u *engine.Resource) (*engine.Answer, error) {
	state, object := engine.Private[uploadState](u), u.Doc.Str("object")
	bucket := c.Find(state.Bucket)
	if err := checkRetention(c, bucket, objectNamed(c.Tx, bucket, object)); err != nil {
		return nil, err
	}
	numbers, err := committed(c.Body, state.Parts)
	if err != nil {
		return nil, err
	}
	var size int
	var digests []byte
	for _, number := range numbers {
		sum, err := base64.StdEncoding.DecodeString(state.Parts[number].MD5)
		if err != nil {
			return nil, err
		}
		digests, size = append(digests, sum...), size+state.Parts[number].Size
	}
	sum := md5.Sum(digests)
	digest := fmt.Sprint(base64.StdEncoding.EncodeToString(sum[:]), "-", len(numbers))
	o := save(c, bucket, object, version{size, digest, u.Doc.Str("storageTier"), state.Header})
	if err := s.join(s.file(o), u, numbers); err != nil {
		return nil, err
	}
	return &engine.Answer{Header: map[string]string{
		"opc-multipart-md5": digest, "etag": o.Etag(), "last-modified": c.Now.Format(http.TimeFormat),
	}}, s.end(c, u)
}

// committed returns the numbers of the parts to commit, in order. Each part must be either committed or excluded (API
// reference, CommitMultipartUploadDetails).
func committed(body engine.Doc, parts map[int]part) ([]int, error) {
	refuse := func(format string, args ...any) error {
		return engine.Fail(http.StatusBadRequest, "InvalidUploadPart", format, args...)
	}
	named := map[int]bool{}
	for _, number := range body.List("partsToExclude") {
		named[int(number.(float64))] = true // a whole number by the model
	}
	var numbers []int
	for _, p := range body.Objects("partsToCommit") {
		number := int(p.Num("partNum"))
		if uploaded, ok := parts[number]; !ok || uploaded.Etag != p.Str("etag") {
			return nil, refuse("part %d with the etag %s was not uploaded", number, p.Str("etag"))
		}
		if named[number] {
			return nil, refuse("part %d is named twice", number)
		}
		named[number] = true
		numbers = append(numbers, number)
	}
	if len(numbers) == 0 {
		return nil, refuse("partsToCommit: an object has at least one part")
	}
	for number := range parts {
		if !named[number] {
			return nil, refuse("part %d is in neither partsToCommit nor partsToExclude", number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// join writes the content of an upload's parts to a file, which is there as a whole or not at all.
func (s store) join(file string, u *engine.Resource, numbers []int) (err error) {
	out, err := os.CreateTemp(s.dir, "joined")
	if err != nil {
		return err
	}
	defer func() {
		err = cmp.Or(err, out.Close())
		if err == nil {
			err = os.Rename(out.Name(), file)
		} else {
			os.Remove(out.Name())
		}
	}()
	for _, number := range numbers {
		in, err := os.Open(s.partFile(u, number))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// end removes an upload with its parts.
func (s store) end(c *engine.Call, u *engine.Resource) error {
	for number := range engine.Private[uploadState](u).Parts {
		if err := os.Remove(s.partFile(u, number)); err != nil {
			return err
		}
	}
	return c.Remove(c.Edit(u.ID))
}
