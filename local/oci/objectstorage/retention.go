package objectstorage

import (
	"net/http"
	"time"

	"oke-guestbook/local/oci/engine"
)

// Limits of retention rules (API reference, CreateRetentionRule; Oracle: "Data Retention Rules for Object Storage").
const (
	maxRetentionRules = 100
	minLockDelay      = 14 * 24 * time.Hour
)

// registerRetention adds the retention rules of a bucket, which protect its objects from changes and deletion.
func registerRetention(api engine.API, path string) {
	api.AddKind(&engine.Kind{Name: retentionKind, Private: engine.PrivateOf[partState]()})
	api.Handle("POST "+path, "objectstorage.CreateRetentionRuleDetails", onBucket(createRetention))
	api.Handle("GET "+path, "", onBucket(func(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
		items := []any{}
		for _, r := range partsOf(c.Tx, retentionKind, bucket) {
			items = append(items, r.Doc)
		}
		return &engine.Answer{Body: engine.Doc{"items": items}}, nil
	}))
	path += "/{id}"
	api.Handle("GET "+path, "", onPart(retentionKind, func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		return retentionAnswer(r), nil
	}))
	api.Handle("PUT "+path, "objectstorage.UpdateRetentionRuleDetails", onPart(retentionKind, updateRetention))
	api.Handle("DELETE "+path, "", onPart(retentionKind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		if locked(c, r.Doc) {
			return nil, engine.Conflict("the retention rule %s is locked", r.ID)
		}
		return removePart(c, r)
	}))
}

// retentionAnswer answers with a rule, whose document has its etag, too.
func retentionAnswer(r *engine.Resource) *engine.Answer {
	return &engine.Answer{Body: r.Doc, Header: map[string]string{"etag": r.Etag()}}
}

func createRetention(c *engine.Call, bucket *engine.Resource) (*engine.Answer, error) {
	if len(partsOf(c.Tx, retentionKind, bucket)) >= maxRetentionRules {
		return nil, engine.LimitExceeded("a bucket has at most %d retention rules", maxRetentionRules)
	}
	if err := checkLock(c, c.Body); err != nil {
		return nil, err
	}
	c.Body.Default(engine.Doc{"displayName": "retention-rule-" + c.Now.Format("20060102-1504")})
	r := addPart(c, retentionKind, bucket, c.Body)
	r.Doc["timeModified"], r.Doc["etag"] = r.Doc["timeCreated"], r.Etag()
	return retentionAnswer(r), nil
}

// updateRetention changes a rule. Of a locked one only the duration can grow.
func updateRetention(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if err := c.MatchEtag(r); err != nil {
		return nil, err
	}
	after := r.Doc.Clone()
	after.Merge(c.Body)
	if locked(c, r.Doc) {
		grows := until(c.Now, after).After(until(c.Now, r.Doc))
		if !grows || after.Str("displayName") != r.Doc.Str("displayName") || c.Body["timeRuleLocked"] != nil {
			return nil, engine.Conflict("the retention rule %s is locked: only its duration can be increased", r.ID)
		}
	} else if c.Body["timeRuleLocked"] != nil {
		if err := checkLock(c, after); err != nil {
			return nil, err
		}
	}
	r = c.Edit(r.ID)
	r.Doc.Merge(after)
	r.Doc["timeModified"], r.Doc["etag"] = engine.Timestamp(c.Now), r.Etag()
	return retentionAnswer(r), nil
}

// checkLock checks the time at which a rule is to be locked.
func checkLock(c *engine.Call, rule engine.Doc) error {
	text := rule.Str("timeRuleLocked")
	if text == "" {
		return nil
	}
	if rule.Sub("duration") == nil {
		return engine.Invalid("timeRuleLocked: a rule without a duration cannot be locked")
	}
	at, err := time.Parse(time.RFC3339, text)
	if err == nil && at.Before(c.Now.Add(minLockDelay)) {
		return engine.Invalid("timeRuleLocked: %s must be at least 14 days from now", text)
	}
	return err
}

func locked(c *engine.Call, rule engine.Doc) bool {
	at, err := time.Parse(time.RFC3339, rule.Str("timeRuleLocked"))
	return err == nil && !at.After(c.Now)
}

// until returns the time until which a rule with a duration protects what was modified at a time.
func until(modified time.Time, rule engine.Doc) time.Time {
	n := int(rule.Num("duration", "timeAmount"))
	if rule.Str("duration", "timeUnit") == "YEARS" {
		return modified.AddDate(n, 0, 0)
	}
	return modified.AddDate(0, 0, n)
}

// checkRetention refuses to change or delete an object that a rule of its bucket protects; o may be nil. Oracle
// documents no code for it.
func checkRetention(c *engine.Call, bucket, o *engine.Resource) error {
	if o == nil {
		return nil
	}
	modified, err := time.Parse(time.RFC3339, o.Doc.Str("timeModified"))
	if err != nil {
		return err
	}
	for _, rule := range partsOf(c.Tx, retentionKind, bucket) {
		if rule.Doc.Sub("duration") == nil || until(modified, rule.Doc).After(c.Now) {
			return engine.Fail(http.StatusConflict, "ObjectRetained", "the retention rule %s protects the object '%s'",
				rule.Doc.Str("displayName"), o.Doc.Str("name"))
		}
	}
	return nil
}
