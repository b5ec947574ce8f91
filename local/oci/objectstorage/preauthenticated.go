package objectstorage

import (
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// registerRequests adds the pre-authenticated requests of a bucket. They are kept; their URIs are not served.
func registerRequests(api engine.API, path string) {
	api.AddKind(&engine.Kind{Name: requestKind, Private: engine.PrivateOf[partState]()})
	api.Handle("POST "+path, "objectstorage.CreatePreauthenticatedRequestDetails", onBucket(createRequest))
	api.Handle("GET "+path, "", onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		var out []any
		for _, r := range partsOf(c.Tx, requestKind, bucket) {
			if strings.HasPrefix(r.Doc.Str("objectName"), c.Query.Get("objectNamePrefix")) {
				out = append(out, r.Doc)
			}
		}
		return c.Page(out)
	}))
	get := func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		return &engine.Answer{Body: r.Doc}, nil
	}
	api.Handle("GET "+path+"/{id}", "", onPart(requestKind, get))
	api.Handle("DELETE "+path+"/{id}", "", onPart(requestKind, removePart))
}

// createRequest shows the URI, which holds the secret, in this answer only (API reference, PreauthenticatedRequest).
func createRequest(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
	ofObject, object := strings.HasPrefix(c.Body.Str("accessType"), "Object"), c.Body.Str("objectName")
	switch expires, err := time.Parse(time.RFC3339, c.Body.Str("timeExpires")); {
	case err != nil:
		return nil, err
	case !expires.After(c.Now):
		return nil, engine.Invalid("timeExpires: %s is in the past", c.Body.Str("timeExpires"))
	case ofObject && object == "":
		return nil, engine.MissingParameter("objectName")
	}
	if !ofObject {
		c.Body.Default(engine.Doc{"bucketListingAction": "Deny"})
	}
	doc := addPart(c, requestKind, bucket, c.Body).Doc.Clone()
	doc["accessUri"] = "/p/" + engine.NewRequestID() + base + "/" + Namespace + "/b/" + bucket.Doc.Str("name") +
		"/o/" + object
	return &engine.Answer{Body: doc, Created: doc.Str("id")}, nil
}
