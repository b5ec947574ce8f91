package objectstorage_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestBucketsAndObjects(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		if got := c.Want(200, "GET", "/n", nil).Body; got != oci.Namespace {
			t.Errorf("namespace %v", got)
		}
		base := "/n/" + oci.Namespace + "/b"
		body := engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups"}
		c.Conforms("objectstorage.Bucket", c.Want(200, "POST", base, body).Body)
		c.Refused(409, "BucketAlreadyExists", "backups", "POST", base, body)
		c.Refused(400, "InvalidBucketName", "name", "POST", base, ocitest.Changed(body, "name", "a b"))
		c.Refused(404, "BucketNotFound", "other", "GET", base+"/other", nil)
		c.Refused(404, "NamespaceNotFound", "elsewhere", "GET", "/n/elsewhere/b/backups", nil)
		updated := c.Want(200, "POST", base+"/backups",
			engine.Doc{"freeformTags": engine.Doc{"a": "b"}, "versioning": "Enabled"}).Object()
		c.Conforms("objectstorage.Bucket", updated)
		if updated.Str("freeformTags", "a") != "b" {
			t.Errorf("bucket %v", updated)
		}
		if got := c.Get(base + "/backups/retentionRules"); len(got) != 1 {
			t.Errorf("retention rules %v", got)
		}
		if got := c.GetList(base + "?compartmentId=" + oci.CompartmentID); len(got) != 1 {
			t.Errorf("buckets %v", got)
		}

		put := func(name, content, md5 string) int {
			header := http.Header{"Content-Type": {"text/plain"}}
			if md5 != "" {
				header.Set("Content-MD5", md5)
			}
			return c.SendRaw("PUT", base+"/backups/o/"+name, []byte(content), header, nil).Status
		}
		for i := range 3 {
			if got := put(fmt.Sprintf("daily/%d.gz", i), strings.Repeat("x", i), ""); got != 200 {
				t.Fatalf("put %d: %d", i, got)
			}
		}
		// The signature covers the path as it was sent, with its escapes.
		if got := put("a%20b%2Fc", "x", ""); got != 200 {
			t.Errorf("name with escapes: %d", got)
		}
		c.Want(204, "DELETE", base+"/backups/o/a%20b%2Fc", nil)
		if got := put("bad", "x", "AAAA"); got != 400 {
			t.Errorf("content with another MD5: %d", got)
		}
		if got := c.Want(200, "GET", base+"/backups/o/daily/2.gz",
			nil); string(got.Raw) != "xx" || got.Header.Get("content-type") != "text/plain" {
			t.Errorf("object %q %v", got.Raw, got.Header)
		}
		cold := http.Header{"Storage-Tier": {"Cold"}}
		if got := c.SendRaw("PUT", base+"/backups/o/cold", nil, cold, nil); got.Status != 400 {
			t.Errorf("unknown storage tier: %d %s", got.Status, got.Raw)
		}
		listed := c.Get(base + "/backups/o?prefix=daily/&limit=2")
		c.Conforms("objectstorage.ListObjects", listed)
		if len(listed.List("objects")) != 2 || listed["nextStartWith"] != "daily/2.gz" {
			t.Errorf("list %v", listed)
		}
		byFolder := c.Get(base + "/backups/o?delimiter=/")
		if fmt.Sprint(byFolder["prefixes"]) != "[daily/]" || len(byFolder.List("objects")) != 0 {
			t.Errorf("list by delimiter %v", byFolder)
		}
		c.Refused(409, "BucketNotEmpty", "backups", "DELETE", base+"/backups", nil)
		for i := range 3 {
			c.Want(204, "DELETE", base+fmt.Sprintf("/backups/o/daily/%d.gz", i), nil)
		}
		c.Refused(404, "ObjectNotFound", "daily/0.gz", "GET", base+"/backups/o/daily/0.gz", nil)
		c.Want(204, "DELETE", base+"/backups", nil)
		c.Refused(404, "BucketNotFound", "backups", "GET", base+"/backups", nil)
		c.NothingLeft()
	})
}

// TestObjectsKeepTheirHeaders checks what the official provider compares at every plan.
func TestObjectsKeepTheirHeaders(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		base := "/n/" + oci.Namespace + "/b"
		c.Want(200, "POST", base, engine.Doc{"compartmentId": oci.CompartmentID, "name": "site"})
		object := base + "/site/o/page"
		want := map[string]string{
			"content-type": "text/html", "content-language": "en", "content-encoding": "gzip",
			"content-disposition": "inline", "cache-control": "no-store", "storage-tier": "InfrequentAccess",
			"opc-meta-color": "red",
		}
		header := http.Header{}
		for name, value := range want {
			header.Set(name, value)
		}
		if got := c.SendRaw("PUT", object, []byte("x"), header, nil); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Raw)
		}
		for _, method := range []string{"GET", "HEAD"} {
			got := c.Want(200, method, object, nil).Header
			for name, value := range want {
				if got.Get(name) != value {
					t.Errorf("%s: %s is %q, want %q", method, name, got.Get(name), value)
				}
			}
		}
		listed := c.Get(base + "/site/o?fields=name,storageTier").Objects("objects")
		if len(listed) != 1 || listed[0]["storageTier"] != "InfrequentAccess" {
			t.Errorf("list %v", listed)
		}
		// The next upload replaces all of them.
		c.SendRaw("PUT", object, []byte("y"), http.Header{}, nil)
		got := c.Want(200, "GET", object, nil).Header
		if got.Get("content-type") != "application/octet-stream" || got.Get("storage-tier") != "Standard" ||
			got.Get("opc-meta-color") != "" {
			t.Errorf("after an upload without headers: %v", got)
		}
	})
}

func TestMultipartUpload(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		base := "/n/" + oci.Namespace + "/b"
		c.Want(200, "POST", base, engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups"})
		base += "/backups"
		body := engine.Doc{
			"object": "a/b", "contentType": "text/plain", "metadata": engine.Doc{"opc-meta-part-size": "3"},
		}
		c.Refused(400, "InvalidParameter", "opc-meta-", "POST", base+"/u",
			ocitest.Changed(body, "metadata", engine.Doc{"part-size": "3"}))
		begin := func() string {
			made := c.Want(200, "POST", base+"/u", body)
			c.Conforms("objectstorage.MultipartUpload", made.Body)
			return base + "/u/a/b?uploadId=" + made.Object().Str("uploadId")
		}
		upload := begin()
		put := func(query, content string) engine.Doc {
			sum := md5.Sum([]byte(content))
			digest := base64.StdEncoding.EncodeToString(sum[:])
			got := c.SendRaw("PUT", upload+query, []byte(content), http.Header{"Content-Md5": {digest}}, nil)
			if got.Status != 200 || got.Header.Get("opc-content-md5") != digest {
				t.Fatalf("part %s: %d %v %s", query, got.Status, got.Header, got.Raw)
			}
			return engine.Doc{"etag": got.Header.Get("etag")}
		}
		second := put("&uploadPartNum=2", "def")
		put("&uploadPartNum=1", "lost")
		first := put("&uploadPartNum=1", "abc")
		put("&uploadPartNum=7", "too much")
		first["partNum"], second["partNum"] = 1, 2

		c.Refused(400, "InvalidParameter", "10000", "PUT", upload+"&uploadPartNum=10001", nil)
		wrong := c.SendRaw("PUT", upload+"&uploadPartNum=1", nil, http.Header{"Content-Md5": {"AAAA"}}, nil)
		if wrong.Status != 400 || wrong.Object().Str("code") != "UnmatchedContentMD5" {
			t.Errorf("part with another MD5: %d %s", wrong.Status, wrong.Raw)
		}
		c.Refused(404, "NoSuchUpload", "a/b", "GET", base+"/u/a/b?uploadId=other", nil)
		listed := c.GetList(upload)
		if len(listed) != 3 || listed[0].Num("partNumber") != 1 || listed[0].Num("size") != 3 {
			t.Errorf("parts %v", listed)
		}
		c.Conforms("objectstorage.MultipartUploadPartSummary", listed[0])
		if uploads := c.GetList(base + "/u"); len(uploads) != 1 || uploads[0]["object"] != "a/b" {
			t.Errorf("uploads %v", uploads)
		}
		c.Refused(409, "BucketNotEmpty", "multipart upload", "DELETE", base, nil)
		c.Refused(404, "ObjectNotFound", "a/b", "GET", base+"/o/a/b", nil)

		commit := engine.Doc{"partsToCommit": []any{second, first}, "partsToExclude": []any{7}}
		c.Refused(400, "InvalidUploadPart", "part 7", "POST", upload, ocitest.Changed(commit, "partsToExclude", []any{}))
		c.Refused(400, "InvalidUploadPart", "part 1", "POST", upload, ocitest.Changed(commit, "partsToCommit",
			[]any{second, engine.Doc{"partNum": 1, "etag": "other"}}))
		done := c.Want(200, "POST", upload, commit).Header
		a, d := md5.Sum([]byte("abc")), md5.Sum([]byte("def"))
		sum := md5.Sum(slices.Concat(a[:], d[:]))
		want := base64.StdEncoding.EncodeToString(sum[:]) + "-2"
		object := c.Want(200, "GET", base+"/o/a/b", nil)
		for _, got := range []http.Header{done, object.Header} {
			if got.Get("opc-multipart-md5") != want {
				t.Errorf("digest %q, want %q", got.Get("opc-multipart-md5"), want)
			}
		}
		if string(object.Raw) != "abcdef" || object.Header.Get("opc-meta-part-size") != "3" ||
			object.Header.Get("content-type") != "text/plain" || object.Header.Get("content-md5") != "" {
			t.Errorf("object %q %v", object.Raw, object.Header)
		}
		c.Refused(404, "NoSuchUpload", "a/b", "POST", upload, commit)

		upload = begin()
		put("&uploadPartNum=1", "aborted")
		c.Want(204, "DELETE", upload, nil)
		c.Refused(404, "NoSuchUpload", "a/b", "GET", upload, nil)
		if got := c.Want(200, "GET", base+"/o/a/b", nil); string(got.Raw) != "abcdef" {
			t.Errorf("the aborted upload changed the object to %q", got.Raw)
		}
		c.Want(204, "DELETE", base+"/o/a/b", nil)
		c.Want(204, "DELETE", base, nil)
		c.NothingLeft()
	})
}

func TestObjectRanges(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		object := createBucket(c, "files") + "/o/a"
		c.SendRaw("PUT", object, []byte("0123456789"), http.Header{}, nil)
		for header, want := range map[string]string{
			"bytes=2-4": "206 234 bytes 2-4/10", "bytes=7-": "206 789 bytes 7-9/10", "bytes=-3": "206 789 bytes 7-9/10",
			"bytes=8-99": "206 89 bytes 8-9/10", "bytes=0-": "200 0123456789 ",
		} {
			got := c.SendRaw("GET", object, nil, http.Header{"Range": {header}}, nil)
			if s := fmt.Sprint(got.Status, " ", string(got.Raw), " ", got.Header.Get("content-range")); s != want {
				t.Errorf("%s: %q, want %q", header, s, want)
			}
		}
		for _, header := range []string{"bytes=10-", "bytes=4-2", "bytes=x"} {
			if got := c.SendRaw("GET", object, nil, http.Header{"Range": {header}}, nil); got.Status != 416 {
				t.Errorf("%s: %d %s", header, got.Status, got.Raw)
			}
		}
		other := http.Header{"If-Match": {"other"}}
		if got := c.SendRaw("GET", object, nil, other, nil); got.Status != 412 {
			t.Errorf("another etag: %d %s", got.Status, got.Raw)
		}
	})
}
