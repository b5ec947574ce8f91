package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

var vcnBody = engine.Doc{"compartmentId": oci.CompartmentID, "cidrBlocks": []any{"10.0.0.0/16"}, "displayName": "net"}

func TestSignatures(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for _, test := range []struct {
			name   string
			body   any
			change func(*http.Request)
			status int
		}{
			{"as signed", vcnBody, nil, 200},
			{"without signature", vcnBody, func(r *http.Request) { r.Header.Del("Authorization") }, 401},
			{"of another key", vcnBody, func(r *http.Request) {
				mine := c.Server.Credentials().Fingerprint
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), mine, "00:11", 1))
			}, 401},
			{"another method", vcnBody, func(r *http.Request) { r.Method = "GET" }, 401},
			{"another path", vcnBody, func(r *http.Request) { r.RequestURI = "/20160918/subnets" }, 401},
			{"another host", vcnBody, func(r *http.Request) { r.Host = "elsewhere" }, 401},
			{"another body", vcnBody, func(r *http.Request) { r.Body = http.NoBody }, 401},
			{"late", vcnBody, func(*http.Request) { time.Sleep(engine.MaxSkew + time.Second) }, 401},
			{"nearly late", vcnBody, func(*http.Request) { time.Sleep(engine.MaxSkew - time.Second) }, 200},
			{"other date", vcnBody, func(r *http.Request) {
				r.Header.Set("Date", time.Now().Add(time.Second).UTC().Format(http.TimeFormat))
			}, 401},
			{"weak algorithm", vcnBody, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "rsa-sha256", "rsa-sha1", 1))
			}, 401},
			{"unsigned body", vcnBody, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), " x-content-sha256", "", 1))
			}, 401},
		} {
			r := c.Send("POST", ocitest.Core+"/vcns", test.body, test.change)
			if r.Status != test.status || r.Status == 401 && r.Object().Str("code") != "NotAuthenticated" {
				t.Errorf("%s: %d %s, want %d", test.name, r.Status, r.Raw, test.status)
			}
			if r.Header.Get("opc-request-id") == "" {
				t.Errorf("%s: no opc-request-id", test.name)
			}
		}
	})
}
