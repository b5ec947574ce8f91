package loadbalancer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// secure returns the body of a listener for HTTPS, with the given TLS configuration.
func secure(ssl engine.Doc) engine.Doc {
	return engine.Doc{
		"name": "HTTP-443", "port": 443, "protocol": "HTTP", "defaultBackendSetName": "TCP-80", "sslConfiguration": ssl,
	}
}

// TestListenerTLS checks versions, ciphers and certificates of listeners: what is refused, the defaults, and what
// carries the traffic. A certificate of the Certificates service is served in its current version.
func TestListenerTLS(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const base, certificates = ocitest.LB + "/loadBalancers", ocitest.Certificates + "/certificates"
		id := finish(c, c.Send("POST", base, lbBody(c.Network()), nil)).Str("loadBalancerId")
		listeners := base + "/" + id + "/listeners"
		finish(c, c.Send("POST", base+"/"+id+"/certificates", engine.Doc{
			"certificateName": "page", "publicCertificate": "PEM", "privateKey": "secret",
		}, nil))
		for fact, ssl := range map[string]engine.Doc{
			"oci-tls-14":         {"certificateName": "page", "cipherSuiteName": "oci-tls-14"},
			"oci-customized":     {"certificateName": "page", "cipherSuiteName": "oci-customized-ssl-cipher-suite"},
			"SSLv3":              {"certificateName": "page", "protocols": []any{"TLSv1.2", "SSLv3"}},
			"exclude each other": {"certificateName": "page", "certificateIds": []any{"ocid1.certificate.x"}},
			"there can be one":   {"certificateIds": []any{"ocid1.certificate.x", "ocid1.certificate.y"}},
			"certificateIds[0]":  {"certificateIds": []any{"ocid1.certificate.oc1.iad.unknown"}},
			"lacks":              {"certificateName": "other"},
		} {
			reply := c.Send("POST", listeners, secure(ssl), nil)
			if reply.Status < 400 || !strings.Contains(string(reply.Raw), fact) {
				t.Errorf("%v: %d %s, want a refusal with %q", ssl, reply.Status, reply.Raw, fact)
			}
		}

		finish(c, c.Send("POST", listeners, secure(engine.Doc{"certificateName": "page"}), nil))
		ssl := c.Get(base+"/"+id).Sub("listeners", "HTTP-443", "sslConfiguration")
		if ssl["cipherSuiteName"] != "oci-default-ssl-cipher-suite-v1" ||
			!slices.Equal(ssl.Texts("protocols"), []string{"TLSv1.2"}) {
			t.Errorf("defaults %v", ssl)
		}
		if names := c.GetList(base + "/" + id + "/sslCipherSuites"); len(names) < 12 {
			t.Errorf("%d cipher suites", len(names))
		}

		certificate := c.Want(200, "POST", certificates, imported(t, "a.example")).Object().Str("id")
		c.Sleep(time.Minute)
		change := secure(engine.Doc{
			"certificateIds": []any{certificate}, "cipherSuiteName": "oci-tls-13-ssl-cipher-suite-v3",
			"protocols": []any{"TLSv1.3"},
		})
		delete(change, "name")
		finish(c, c.Send("PUT", listeners+"/HTTP-443", change, nil))
		first := served(t, c)
		if !slices.Equal(first.Protocols, []string{"TLSv1.3"}) || !slices.Contains(first.Ciphers, "TLS_AES_256_GCM_SHA384") {
			t.Errorf("TLS %+v", first)
		}
		renewal := engine.Doc{"certificateConfig": imported(t, "a.example")["certificateConfig"]}
		c.Want(200, "PUT", certificates+"/"+certificate, renewal)
		if second := served(t, c); second.CertificatePEM == first.CertificatePEM ||
			second.PrivateKeyPEM == first.PrivateKeyPEM || second.PrivateKeyPEM == "" {
			t.Error("a renewed certificate is not served")
		}
	})
}

// served returns the TLS configuration of the listener on 443.
func served(t *testing.T, c *ocitest.Cloud) *cloud.TLS {
	t.Helper()
	for _, l := range c.Server.LoadBalancers()[0].Listeners {
		if l.Port == 443 && l.TLS != nil {
			return l.TLS
		}
	}
	t.Fatal("no listener on 443")
	return nil
}

// imported returns the body of a new certificate of the Certificates service.
func imported(t *testing.T, host string) engine.Doc {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Doc{
		"compartmentId": oci.CompartmentID, "name": "page", "certificateConfig": engine.Doc{
			"configType": "IMPORTED", "certificatePem": string(certificate), "certChainPem": "", "privateKeyPem": string(key),
		},
	}
}

// TestRuleSets checks the rules of redirects, and that only listeners of HTTP have rule sets.
func TestRuleSets(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const base = ocitest.LB + "/loadBalancers"
		id := finish(c, c.Send("POST", base, lbBody(c.Network()), nil)).Str("loadBalancerId")
		sets, listeners := base+"/"+id+"/ruleSets", base+"/"+id+"/listeners"
		redirect := func(code any, conditions ...any) engine.Doc {
			return engine.Doc{"action": "REDIRECT", "responseCode": code, "conditions": conditions}
		}
		all := engine.Doc{"attributeName": "PATH", "attributeValue": "/", "operator": "PREFIX_MATCH"}
		set := func(items ...any) engine.Doc { return engine.Doc{"name": "https", "items": items} }
		address := engine.Doc{"attributeName": "SOURCE_IP_ADDRESS", "attributeValue": "10.0.0.0/8"}
		c.Refused(400, "InvalidParameter", "1 to 20", "POST", sets, set(slices.Repeat([]any{redirect(308.0, all)}, 21)...))
		c.Refused(400, "InvalidParameter", "PATH", "POST", sets, set(redirect(308.0, address)))
		c.Refused(400, "InvalidParameter", "responseCode", "POST", sets, set(redirect(200.0, all)))
		finish(c, c.Send("POST", sets, set(redirect(308.0, all)), nil))
		c.Refused(400, "InvalidParameter", "rule sets are for HTTP", "POST", listeners, engine.Doc{
			"name": "TCP-81", "port": 81, "protocol": "TCP", "defaultBackendSetName": "TCP-80", "ruleSetNames": []any{"https"},
		})
		c.Refused(400, "InvalidParameter", "lacks", "POST", listeners, engine.Doc{
			"name": "HTTP-81", "port": 81, "protocol": "HTTP", "defaultBackendSetName": "TCP-80", "ruleSetNames": []any{"other"},
		})
		finish(c, c.Send("POST", listeners, engine.Doc{
			"name": "HTTP-81", "port": 81, "protocol": "HTTP", "defaultBackendSetName": "TCP-80", "ruleSetNames": []any{"https"},
		}, nil))
		c.Refused(400, "InvalidParameter", "lacks", "DELETE", sets+"/https", nil)
	})
}
