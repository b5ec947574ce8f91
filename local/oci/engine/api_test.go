package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestUnknownRoutesAreRefused(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		c.Refused(400, "NotImplemented", "/20160918/cpes", "GET", ocitest.Core+"/cpes", nil)
		c.Refused(400, "NotImplemented", "PATCH", "PATCH", ocitest.Core+"/vcns/x", engine.Doc{})
	})
}

func TestMalformedBodies(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for _, text := range []string{"", "null", "[]", "7", `{"a":`, `{} {}`, "\xff", strings.Repeat("[", 100000)} {
			r := c.SendRaw("POST", ocitest.Core+"/vcns", []byte(text), http.Header{"Content-Type": {"application/json"}}, nil)
			if r.Status != 400 {
				t.Errorf("%.20q: %d %s", text, r.Status, r.Raw)
			}
		}
	})
}
