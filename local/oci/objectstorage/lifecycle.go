package objectstorage

import (
	"net/http"

	"oke-guestbook/local/oci/engine"
)

// bucketState is what the service remembers of a bucket.
type bucketState struct {
	Lifecycle     engine.Doc // the object lifecycle policy; nil: none
	LifecycleEtag string
}

// registerLifecycle adds the object lifecycle policy of a bucket. It is kept and not carried out.
func registerLifecycle(api engine.API, path string) {
	api.Handle("PUT "+path, "objectstorage.PutObjectLifecyclePolicyDetails", onBucket(putLifecycle))
	api.Handle("GET "+path, "", onBucket(func(_ *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		return lifecycleOf(bucket)
	}))
	api.Handle("DELETE "+path, "", onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		if _, err := lifecycleOf(bucket); err != nil {
			return nil, err
		}
		*engine.Private[bucketState](c.Edit(bucket.ID)) = bucketState{}
		return &engine.Answer{Status: http.StatusNoContent}, nil
	}))
}

// lifecycleOf answers with a bucket's policy. Oracle documents the status 404 of a bucket without one, and no code.
func lifecycleOf(bucket *engine.Resource) (*engine.Answer, error) {
	state := engine.Private[bucketState](bucket)
	if state.Lifecycle == nil {
		return nil, engine.Fail(http.StatusNotFound, "LifecyclePolicyNotFound",
			"The bucket '%s' has no lifecycle policy", bucket.Doc.Str("name"))
	}
	return &engine.Answer{Body: state.Lifecycle, Header: map[string]string{"etag": state.LifecycleEtag}}, nil
}

func putLifecycle(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
	names := map[string]bool{}
	for i, rule := range c.Body.Objects("items") {
		name := rule.Str("name")
		if names[name] {
			return nil, engine.Invalid("items[%d].name: there is a rule named %q already", i, name)
		}
		names[name] = true
		if rule.Num("timeAmount") < 1 {
			return nil, engine.Invalid("items[%d].timeAmount: %v must be at least 1", i, rule.Num("timeAmount"))
		}
		rule.Default(engine.Doc{"target": "objects"})
	}
	c.Body.Default(engine.Doc{"items": []any{}})
	c.Body["timeCreated"] = engine.Timestamp(c.Now)
	edited := c.Edit(bucket.ID)
	*engine.Private[bucketState](edited) = bucketState{c.Body, engine.NewRequestID()}
	return lifecycleOf(edited)
}
