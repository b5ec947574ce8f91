package loadbalancer_test

import (
	"reflect"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestDescribedSessionsRedirectsAndCiphers(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := lbBody(c.Network())
		set := body.Sub("backendSets", "TCP-80")
		app, own := set.Clone(), set.Clone()
		app["sessionPersistenceConfiguration"] = engine.Doc{"cookieName": "SID", "disableFallback": true}
		own["lbCookieSessionPersistenceConfiguration"] = engine.Doc{
			"maxAgeInSeconds": 60, "isSecure": true, "isHttpOnly": false,
		}
		body["backendSets"] = engine.Doc{"TCP-80": set, "app": app, "own": own}
		body["certificates"] = engine.Doc{"page": engine.Doc{
			"certificateName": "page", "publicCertificate": "PEM", "privateKey": "secret",
		}}
		body["sslCipherSuites"] = engine.Doc{"mine": engine.Doc{"name": "mine", "ciphers": []any{"AES128-GCM-SHA256"}}}
		body["ruleSets"] = engine.Doc{"https": engine.Doc{"items": []any{engine.Doc{
			"action": "REDIRECT", "responseCode": 301, "redirectUri": engine.Doc{"protocol": "HTTPS", "port": 443},
			"conditions": []any{engine.Doc{
				"attributeName": "PATH", "attributeValue": "/", "operator": "FORCE_LONGEST_PREFIX_MATCH",
			}},
		}}}}
		body["listeners"] = engine.Doc{
			"web": engine.Doc{
				"defaultBackendSetName": "TCP-80", "port": 80, "protocol": "HTTP", "ruleSetNames": []any{"https"},
			},
			"secure": engine.Doc{
				"defaultBackendSetName": "TCP-80", "port": 443, "protocol": "HTTP",
				"sslConfiguration": engine.Doc{
					"certificateName": "page", "cipherSuiteName": "mine", "protocols": []any{"TLSv1.3"},
				},
			},
		}
		finish(c, c.Send("POST", ocitest.LB+"/loadBalancers", body, nil))
		lb := c.Server.LoadBalancers()[0]
		for name, want := range map[string]*cloud.Session{
			"TCP-80": nil,
			"app":    {AppCookie: "SID", DisableFallback: true, Cookie: "X-Oracle-BMC-LBS-Route"},
			"own":    {Cookie: "X-Oracle-BMC-LBS-Route", Path: "/", MaxAgeSeconds: 60, Secure: true},
		} {
			if got := lb.BackendSets[name].Session; !reflect.DeepEqual(got, want) {
				t.Errorf("session of %s: %+v, want %+v", name, got, want)
			}
		}
		secure, web := lb.Listeners[0], lb.Listeners[1]
		redirect := cloud.Redirect{
			Match: "FORCE_LONGEST_PREFIX_MATCH", MatchPath: "/", Code: 301,
			Protocol: "HTTPS", Host: "{host}", Port: "443", Path: "{path}", Query: "{query}",
		}
		if !reflect.DeepEqual(web.Redirects, []cloud.Redirect{redirect}) || web.TLS != nil {
			t.Errorf("listener %+v", web)
		}
		tls := &cloud.TLS{
			CertificatePEM: "PEM", PrivateKeyPEM: "secret", Protocols: []string{"TLSv1.3"},
			Ciphers: []string{"AES128-GCM-SHA256"}, VerifyDepth: 1,
		}
		if !reflect.DeepEqual(secure.TLS, tls) {
			t.Errorf("TLS %+v, want %+v", secure.TLS, tls)
		}
	})
}
