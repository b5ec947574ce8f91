package objectstorage_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// createBucket creates a bucket, and returns its path.
func createBucket(c *ocitest.Cloud, name string) string {
	c.T.Helper()
	base := "/n/" + oci.Namespace + "/b"
	c.Want(200, "POST", base, engine.Doc{"compartmentId": oci.CompartmentID, "name": name})
	return base + "/" + name
}

func TestLifecyclePolicy(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		bucket := createBucket(c, "backups")
		path := bucket + "/l"
		c.Refused(404, "LifecyclePolicyNotFound", "backups", "GET", path, nil)
		rule := engine.Doc{
			"name": "old", "action": "DELETE", "timeAmount": 30, "timeUnit": "DAYS", "isEnabled": true,
			"objectNameFilter": engine.Doc{"inclusionPrefixes": []any{"20"}},
		}
		c.Refused(400, "InvalidParameter", "timeUnit", "PUT", path,
			engine.Doc{"items": []any{ocitest.Changed(rule, "timeUnit", "WEEKS")}})
		c.Refused(400, "InvalidParameter", "timeAmount", "PUT", path,
			engine.Doc{"items": []any{ocitest.Changed(rule, "timeAmount", 0)}})
		c.Refused(400, "InvalidParameter", "old", "PUT", path, engine.Doc{"items": []any{rule, rule}})
		c.Conforms("objectstorage.ObjectLifecyclePolicy", c.Want(200, "PUT", path, engine.Doc{"items": []any{rule}}).Body)
		got := c.Want(200, "GET", path, nil)
		if rules := got.Object().Objects("items"); len(rules) != 1 || rules[0]["target"] != "objects" {
			t.Errorf("policy %v", got.Body)
		}
		if etag := c.Get(bucket)["objectLifecyclePolicyEtag"]; etag == "" || etag != got.Header.Get("etag") {
			t.Errorf("the bucket names the policy's etag %v, want %s", etag, got.Header.Get("etag"))
		}
		c.Want(204, "DELETE", path, nil)
		c.Refused(404, "LifecyclePolicyNotFound", "backups", "GET", path, nil)
		c.Want(204, "DELETE", bucket, nil)
		c.NothingLeft()
	})
}

func TestRetentionRules(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		bucket := createBucket(c, "records")
		path, object := bucket+"/retentionRules", bucket+"/o/a"
		put := func() ocitest.Reply { return c.SendRaw("PUT", object, []byte("x"), http.Header{}, nil) }
		put()
		days := func(n int) engine.Doc { return engine.Doc{"timeAmount": n, "timeUnit": "DAYS"} }
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		const day = 24 * time.Hour
		c.Refused(400, "InvalidParameter", "without a duration", "POST", path, engine.Doc{"timeRuleLocked": in(20 * day)})
		c.Refused(400, "InvalidParameter", "14 days", "POST", path,
			engine.Doc{"duration": days(30), "timeRuleLocked": in(13 * day)})
		made := c.Want(200, "POST", path, engine.Doc{"displayName": "month", "duration": days(30)})
		c.Conforms("objectstorage.RetentionRule", made.Body)
		rule := path + "/" + made.Object().Str("id")
		c.Conforms("objectstorage.RetentionRuleCollection", c.Get(path))
		if got := put(); got.Status != 409 || got.Object().Str("code") != "ObjectRetained" {
			t.Errorf("upload to a protected object: %d %s", got.Status, got.Raw)
		}
		c.Refused(409, "ObjectRetained", "month", "DELETE", object, nil)
		changed := c.Want(200, "PUT", rule, engine.Doc{"duration": days(40), "timeRuleLocked": in(15 * day)})
		if changed.Object().Num("duration", "timeAmount") != 40 || changed.Header.Get("etag") == made.Header.Get("etag") ||
			c.Get(rule)["etag"] != changed.Header.Get("etag") {
			t.Errorf("changed rule: %v %s", changed.Header, changed.Raw)
		}
		c.Sleep(16 * day)
		c.Refused(409, "Conflict", "locked", "PUT", rule, engine.Doc{"duration": days(39)})
		c.Refused(409, "Conflict", "locked", "DELETE", rule, nil)
		c.Want(200, "PUT", rule, engine.Doc{"duration": days(41)})
		c.Sleep(26 * day)
		c.Want(204, "DELETE", object, nil)
		c.Want(204, "DELETE", bucket, nil)
		c.NothingLeft()
	})
}

func TestPreauthenticatedRequests(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		bucket := createBucket(c, "files")
		path := bucket + "/p"
		body := engine.Doc{
			"name": "report", "accessType": "ObjectRead", "objectName": "2026/report",
			"timeExpires": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		}
		c.Refused(400, "MissingParameter", "objectName", "POST", path, ocitest.Changed(body, "objectName", nil))
		c.Refused(400, "InvalidParameter", "timeExpires", "POST", path,
			ocitest.Changed(body, "timeExpires", "1999-01-01T00:00:00Z"))
		made := c.Want(200, "POST", path, body).Object()
		c.Conforms("objectstorage.PreauthenticatedRequest", made)
		if !strings.HasSuffix(made.Str("accessUri"), bucket+"/o/2026/report") {
			t.Errorf("URI %v", made["accessUri"])
		}
		got := c.Get(path + "/" + made.Str("id"))
		c.Conforms("objectstorage.PreauthenticatedRequestSummary", got)
		for query, want := range map[string]int{"": 1, "?objectNamePrefix=2026": 1, "?objectNamePrefix=2025": 0} {
			if got := c.GetList(path + query); len(got) != want {
				t.Errorf("requests%s: %v", query, got)
			}
		}
		c.Refused(409, "BucketNotEmpty", "pre-authenticated", "DELETE", bucket, nil)
		c.Want(204, "DELETE", path+"/"+made.Str("id"), nil)
		c.Refused(404, "NotAuthorizedOrNotFound", made.Str("id"), "GET", path+"/"+made.Str("id"), nil)
		c.Want(204, "DELETE", bucket, nil)
		c.NothingLeft()
	})
}
