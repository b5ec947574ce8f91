// Package objectstorage emulates the Object Storage service: buckets, and objects in files beside the state.
package objectstorage

import (
	"net/http"
	"path/filepath"
	"regexp"

	"oke-guestbook/local/oci/engine"
)

// Namespace is the tenancy's.
const Namespace = "localcloud"

const (
	base       = "/n"
	bucketKind = "bucket"
)

// bucketName is the form of a bucket's name (Oracle: "Managing Buckets").
var bucketName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)

// Register adds the Object Storage service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.AddKind(&engine.Kind{
		Name: bucketKind, Model: "objectstorage.Bucket", NameKey: "name",
		Private: engine.PrivateOf[bucketState](),
	})
	api.Handle("GET ", "", func(*engine.Call) (*engine.Answer, error) { return &engine.Answer{Body: Namespace}, nil })
	api.Handle("GET /{ns}", "", func(c *engine.Call) (*engine.Answer, error) {
		return &engine.Answer{Body: engine.Doc{
			"namespace": Namespace, "defaultS3CompartmentId": engine.TenancyID, "defaultSwiftCompartmentId": engine.TenancyID,
		}}, checkNamespace(c)
	})
	api.Handle("POST /{ns}/b", "objectstorage.CreateBucketDetails", createBucket)
	api.Handle("GET /{ns}/b", "", listBuckets)
	const path = "/{ns}/b/{bucket}"
	api.Handle("GET "+path, "", onBucket(func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		return answer(r), nil
	})) // it serves HEAD, too
	api.Handle("POST "+path, "objectstorage.UpdateBucketDetails", onBucket(updateBucket))
	api.Handle("DELETE "+path, "", onBucket(deleteBucket))
	registerLifecycle(api, path+"/l")
	registerRetention(api, path+"/retentionRules")
	registerRequests(api, path+"/p")
	files := store{filepath.Join(api.Dir(), "objects")}
	registerObjects(api, files, path+"/o")
	registerUploads(api, files, path+"/u")
}

func checkNamespace(c *engine.Call) error {
	if ns := c.Path("ns"); ns != Namespace {
		return engine.Fail(http.StatusNotFound, "NamespaceNotFound",
			"You do not have authorization to perform this request, "+
				"or the requested resource could not be found: %s", ns)
	}
	return nil
}

// onBucket makes a handler of the bucket that the path names.
func onBucket(h engine.ResourceHandler) engine.Handler {
	return func(c *engine.Call) (*engine.Answer, error) {
		r, err := bucketOf(c)
		if err != nil {
			return nil, err
		}
		return h(c, r)
	}
}

func bucketOf(c *engine.Call) (*engine.Resource, error) {
	if err := checkNamespace(c); err != nil {
		return nil, err
	}
	name := c.Path("bucket")
	if r := bucketNamed(c.Tx, name); r != nil {
		return r, nil
	}
	return nil, noBucket(name)
}

func noBucket(name string) error {
	return engine.Fail(http.StatusNotFound, "BucketNotFound", "Either the bucket named '%s' does not exist in the "+
		"namespace '%s' or you are not authorized to access it", name, Namespace)
}

// permit refuses a request whose principal has not all of the permissions for an object of a bucket, as if there were
// no bucket. object is empty for all of them.
func permit(c *engine.Call, bucket *engine.Resource, object string, permissions ...string) error {
	target := map[string]string{"target.bucket.name": bucket.Doc.Str("name")}
	if object != "" {
		target["target.object.name"] = object
	}
	for _, p := range permissions {
		if !c.Permitted(p, bucket.Doc.Str("compartmentId"), target) {
			return noBucket(bucket.Doc.Str("name"))
		}
	}
	return nil
}

// Permissions for objects, of the operations that the API reference names ("Details for Object Storage and Archive
// Storage", read November 2026).
const (
	inspectObject   = "OBJECT_INSPECT"
	readObject      = "OBJECT_READ"
	createObject    = "OBJECT_CREATE"
	overwriteObject = "OBJECT_OVERWRITE"
	deleteObject    = "OBJECT_DELETE"
)

// HasBucket reports whether there is a bucket of the name.
func HasBucket(t *engine.Tx, name string) bool { return bucketNamed(t, name) != nil }

func bucketNamed(t *engine.Tx, name string) *engine.Resource {
	for _, r := range t.All(bucketKind, engine.With("name", name)) {
		return r
	}
	return nil
}

// bucketDoc returns the answer's form of a bucket, which has its etag.
func bucketDoc(r *engine.Resource) engine.Doc {
	doc := r.Doc.Clone()
	doc["etag"] = r.Etag()
	if etag := engine.Private[bucketState](r).LifecycleEtag; etag != "" {
		doc["objectLifecyclePolicyEtag"] = etag
	}
	return doc
}

func answer(r *engine.Resource) *engine.Answer {
	return &engine.Answer{Body: bucketDoc(r), Header: map[string]string{"etag": r.Etag()}}
}

func exists(name string) error {
	return engine.Fail(http.StatusConflict, "BucketAlreadyExists",
		"Either the bucket '%s' in namespace '%s' already exists "+
			"or you are not authorized to create it", name, Namespace)
}

func listBuckets(c *engine.Call) (*engine.Answer, error) {
	if err := c.NeedsQuery("compartmentId"); err != nil {
		return nil, err
	}
	if err := checkNamespace(c); err != nil {
		return nil, err
	}
	var out []any
	for _, r := range c.All(bucketKind, engine.With("compartmentId", c.Query.Get("compartmentId"))) {
		out = append(out, engine.Summary("objectstorage.BucketSummary", bucketDoc(r)))
	}
	return c.Page(out)
}

func createBucket(c *engine.Call) (*engine.Answer, error) {
	if err := checkNamespace(c); err != nil {
		return nil, err
	}
	doc := c.Body
	name := doc.Str("name")
	if !bucketName.MatchString(name) {
		return nil, engine.Fail(http.StatusBadRequest, "InvalidBucketName",
			"name: %q must be 1 to 256 letters, digits, dashes, underscores or dots", name)
	}
	if bucketNamed(c.Tx, name) != nil {
		return nil, exists(name)
	}
	doc.Default(engine.Doc{
		"metadata": engine.Doc{}, "publicAccessType": "NoPublicAccess", "storageTier": "Standard",
		"objectEventsEnabled": false, "versioning": "Disabled", "autoTiering": "Disabled", "bucketScope": "NAMESPACE",
		"namespace": Namespace, "createdBy": engine.UserID, "replicationEnabled": false, "isReadOnly": false,
	})
	r, err := c.Insert(bucketKind, doc)
	if err != nil {
		return nil, err
	}
	a := answer(r)
	a.Header["location"], a.Created = base+"/"+Namespace+"/b/"+name, r.ID
	return a, nil
}

func updateBucket(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if err := c.MatchEtag(r); err != nil {
		return nil, err
	}
	name := c.Body.Str("name")
	if name != "" && name != r.Doc.Str("name") && bucketNamed(c.Tx, name) != nil {
		return nil, exists(name)
	}
	r = c.Edit(r.ID)
	r.Doc.Merge(c.Body)
	return answer(r), nil
}

func deleteBucket(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if len(objectsIn(c.Tx, r)) > 0 {
		return nil, engine.Fail(http.StatusConflict, "BucketNotEmpty", "the bucket %s holds objects", r.Doc.Str("name"))
	}
	if uploads := uploadsTo(c.Tx, r); len(uploads) > 0 { // API reference, DeleteBucket
		return nil, engine.Fail(http.StatusConflict, "BucketNotEmpty",
			"the bucket %s has the multipart upload %s in progress", r.Doc.Str("name"), uploads[0].ID)
	}
	if requests := partsOf(c.Tx, requestKind, r); len(requests) > 0 {
		return nil, engine.Fail(http.StatusConflict, "BucketNotEmpty",
			"the bucket %s has the pre-authenticated request %s", r.Doc.Str("name"), requests[0].ID)
	}
	if err := c.MatchEtag(r); err != nil {
		return nil, err
	}
	if err := c.RemoveAll(partsOf(c.Tx, retentionKind, r)); err != nil {
		return nil, err
	}
	return &engine.Answer{Status: http.StatusNoContent}, c.Remove(c.Edit(r.ID))
}
