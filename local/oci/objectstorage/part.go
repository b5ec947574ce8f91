package objectstorage

import (
	"net/http"

	"oke-guestbook/local/oci/engine"
)

// Kinds of what belongs to a bucket and has an id of its own.
const (
	retentionKind = "retentionrule"
	requestKind   = "preauthenticatedrequest"
)

// partState is what the service remembers of such a part.
type partState struct{ Bucket string } // OCID

func partsOf(t *engine.Tx, kind string, bucket *engine.Resource) []*engine.Resource {
	return t.All(kind, func(r *engine.Resource) bool { return engine.Private[partState](r).Bucket == bucket.ID })
}

// addPart adds a part to a bucket.
func addPart(c *engine.Call, kind string, bucket *engine.Resource, doc engine.Doc) *engine.Resource {
	id := engine.NewRequestID()
	doc["id"], doc["timeCreated"] = id, engine.Timestamp(c.Now)
	r := c.Add(kind, id, doc)
	engine.Private[partState](r).Bucket = bucket.ID
	return r
}

// onPart makes a handler of the part of a bucket that the path names. Oracle documents no code for an unknown one.
func onPart(kind string, h engine.ResourceHandler) engine.Handler {
	return onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		for _, r := range partsOf(c.Tx, kind, bucket) {
			if r.ID == c.ID() {
				return h(c, r)
			}
		}
		return nil, engine.NotFound(c.ID())
	})
}

func removePart(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	return &engine.Answer{Status: http.StatusNoContent}, c.Remove(c.Edit(r.ID))
}
