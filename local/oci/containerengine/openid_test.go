package containerengine_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestClusterKeys(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		body := ocitest.ClusterBody(c.Network())
		aes, rsa := c.Key("AES", 32), c.Key("RSA", 256)
		policy := func(keys ...string) engine.Doc {
			details := []any{}
			for _, key := range keys {
				details = append(details, engine.Doc{"kmsKeyId": key})
			}
			return changed(body, "imagePolicyConfig", engine.Doc{"isPolicyEnabled": true, "keyDetails": details})
		}
		c.Refuses("unknown key", "POST "+clusters, changed(body, "kmsKeyId", "ocid1.key.oc1.iad.none"),
			"400 RelatedResourceNotAuthorizedOrNotFound: kmsKeyId")
		c.Refuses("key that does not sign", "POST "+clusters, policy(aes), "400 InvalidParameter: keyDetails[0].kmsKeyId")
		c.Refuses("six keys", "POST "+clusters, policy(rsa, rsa, rsa, rsa, rsa, rsa), "400 InvalidParameter: at most 5")
		c.Create("policies", engine.Doc{
			"name": "key", "description": "d", "statements": []any{"Allow any-user to use keys in tenancy where all {" +
				"request.principal.type = 'cluster', target.key.id = '" + aes + "'}"},
		})
		id := c.Succeeded(c.Send("POST", clusters, changed(policy(rsa), "kmsKeyId", aes), nil))
		c.Refuses("change to a key that does not sign", "PUT "+clusters+"/"+id,
			engine.Doc{"imagePolicyConfig": policy(aes)["imagePolicyConfig"]}, "400 InvalidParameter: is an AES key")
	})
}

func TestOpenIDConnect(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		options := func(auth engine.Doc, discovery bool) engine.Doc {
			return engine.Doc{
				"openIdConnectTokenAuthenticationConfig": auth,
				"openIdConnectDiscovery":                 engine.Doc{"isOpenIdConnectDiscoveryEnabled": discovery},
			}
		}
		issuer := engine.Doc{
			"isOpenIdConnectAuthEnabled": true, "issuerUrl": "https://issuer.example.com", "clientId": "oke",
			"requiredClaims": []any{engine.Doc{"key": "team", "value": "ops"}}, "signingAlgorithms": []any{"RS256"},
			"caCertificate": base64.StdEncoding.EncodeToString([]byte("PEM")),
		}
		with := func(field string, value any) engine.Doc { return options(changed(issuer, field, value), false) }
		off := engine.Doc{"isOpenIdConnectAuthEnabled": false}
		file := base64.StdEncoding.EncodeToString([]byte("kind: AuthenticationConfiguration\njwt: [{}]\n"))

		body := ocitest.ClusterBody(c.Network())
		for _, opts := range []engine.Doc{options(issuer, false), options(off, true)} {
			basic := body.Clone()
			basic.Sub("options").Merge(opts)
			c.Refused(400, "InvalidParameter", "enhanced cluster", "POST", clusters, basic)
		}
		id := c.Succeeded(c.Send("POST", clusters, changed(body, "type", "ENHANCED_CLUSTER"), nil))
		refused := func(code, words string, opts engine.Doc) {
			t.Helper()
			c.Refused(400, code, words, "PUT", clusters+"/"+id, engine.Doc{"options": opts})
		}
		refused("InvalidParameter", "issuerUrl", with("issuerUrl", "http://issuer.example.com"))
		refused("MissingParameter", "clientId", with("clientId", nil))
		refused("InvalidParameter", "cannot be used together", with("configurationFile", file))
		refused("InvalidParameter", "configurationFile", options(engine.Doc{
			"isOpenIdConnectAuthEnabled": true, "configurationFile": "kind: AuthenticationConfiguration",
		}, false))

		c.Succeeded(c.Send("PUT", clusters+"/"+id, engine.Doc{"options": options(issuer, true)}, nil))
		got := plane.Clusters[id].Authentication
		if got.Issuer == nil || got.Issuer.URL != "https://issuer.example.com" || string(got.Issuer.CA) != "PEM" ||
			strings.Join(got.Issuer.RequiredClaims, " ") != "team=ops" || got.Issuer.SigningAlgorithms[0] != "RS256" {
			t.Errorf("the control plane got %+v", got)
		}
		cluster := c.Get(clusters + "/" + id)
		c.Conforms("containerengine.Cluster", cluster)
		if name := cluster.Str("openIdConnectDiscoveryEndpoint"); name == "" || name != got.OwnName {
			t.Errorf("the cluster's endpoint is %q, the control plane's %q", name, got.OwnName)
		}

		c.Succeeded(c.Send("PUT", clusters+"/"+id, engine.Doc{"options": options(engine.Doc{
			"isOpenIdConnectAuthEnabled": true, "configurationFile": file,
		}, false)}, nil))
		if got = plane.Clusters[id].Authentication; got.Issuer != nil || len(got.Config) == 0 || got.OwnName != "" {
			t.Errorf("with a file, the control plane got %+v", got)
		}
		c.Succeeded(c.Send("PUT", clusters+"/"+id, engine.Doc{"options": options(off, false)}, nil))
		if got = plane.Clusters[id].Authentication; got.Issuer != nil || got.Config != nil {
			t.Errorf("without, the control plane got %+v", got)
		}
	})
}
