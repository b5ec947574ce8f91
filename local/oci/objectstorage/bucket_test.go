package objectstorage_test

import (
	"testing"

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
