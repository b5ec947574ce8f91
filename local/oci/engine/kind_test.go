package engine_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestEtags(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		id := c.Create("vcns", vcnBody.Clone()).Str("id")
		path := ocitest.Core + "/vcns/" + id
		etag := c.Want(200, "GET", path, nil).Header.Get("etag")
		put := func(etag, name string) int {
			return c.Send("PUT", path, engine.Doc{"displayName": name},
				func(r *http.Request) { r.Header.Set("if-match", etag) }).Status
		}
		if got := put(etag, "a"); got != 200 {
			t.Errorf("with the etag: %d", got)
		}
		if got := put(etag, "b"); got != 412 {
			t.Errorf("with the old etag: %d, want 412", got)
		}
		if got := c.Send("DELETE", path, nil, func(r *http.Request) { r.Header.Set("if-match", etag) }).Status; got != 412 {
			t.Errorf("deletion with the old etag: %d, want 412", got)
		}
		if got := c.Get(path).Str("displayName"); got != "a" {
			t.Errorf("name %q", got)
		}
	})
}

func TestConcurrentRequests(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		vcn := c.Create("vcns", engine.Doc{"cidrBlock": "10.0.0.0/16"}).Str("id")
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for range 20 {
			wg.Go(func() {
				r := c.Send("POST", ocitest.Core+"/natGateways", engine.Doc{"compartmentId": oci.CompartmentID, "vcnId": vcn}, nil)
				mu.Lock()
				statuses[r.Status]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[400] != 19 {
			t.Errorf("answers to 20 requests for one gateway: %v", statuses)
		}
	})
}

func TestRemovedResourcesExpire(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		id := c.Create("vcns", vcnBody.Clone()).Str("id")
		c.Remove("vcns", id)
		time.Sleep(engine.KeepRemoved)
		c.Create("vcns", vcnBody.Clone())
		c.Refused(404, "NotAuthorizedOrNotFound", id, "GET", ocitest.Core+"/vcns/"+id, nil)
		synctest.Wait()
	})
}

func TestLimits(t *testing.T) {
	if _, err := oci.New(oci.Config{Dir: t.TempDir(),
		Limits: map[string]int{"vnc": 1}}); err == nil || !strings.Contains(err.Error(), `"vnc"`) {
		t.Errorf("unknown limit: %v", err)
	}
	ocitest.Run(t, oci.Config{Limits: map[string]int{"vcn": 1}}, func(c *ocitest.Cloud) {
		id := c.Create("vcns", vcnBody.Clone()).Str("id")
		c.Refused(400, "LimitExceeded", "vcn-count", "POST", ocitest.Core+"/vcns", vcnBody)
		c.Remove("vcns", id)
		c.Create("vcns", vcnBody.Clone())
	})
}
