package engine_test

import (
	"net/http"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestRetryTokens(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		post := func(token string, body engine.Doc) ocitest.Reply {
			return c.Send("POST", ocitest.Core+"/vcns", body, func(r *http.Request) { r.Header.Set("opc-retry-token", token) })
		}
		first := post("one", vcnBody).Object().Str("id")
		if again := post("one", vcnBody).Object().Str("id"); again != first {
			t.Errorf("the same token made %s after %s", again, first)
		}
		if other := post("two", vcnBody).Object().Str("id"); other == first || other == "" {
			t.Errorf("another token gave %q", other)
		}
		if r := post("one", ocitest.Changed(vcnBody, "displayName",
			"other")); r.Status != 409 || r.Object().Str("code") != "InvalidatedRetryToken" {
			t.Errorf("the token with another body: %s", r.Raw)
		}
		time.Sleep(time.Minute)
		c.Remove("vcns", first)
		if r := post("one", vcnBody); r.Status != 409 || r.Object().Str("code") != "InvalidatedRetryToken" {
			t.Errorf("the token of what was deleted: %s", r.Raw)
		}
		time.Sleep(engine.RetryTokenLife)
		if r := post("one", vcnBody); r.Status != 200 {
			t.Errorf("the token after a day: %s", r.Raw)
		}
		if n := len(c.List("vcns")); n != 2 {
			t.Errorf("%d VCNs, want 2", n)
		}
	})
}
