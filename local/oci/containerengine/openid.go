package containerengine

import (
	"encoding/base64"
	"fmt"
	"net/url"

	"sigs.k8s.io/yaml"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/keymanagement"
)

// maxPolicyKeys is how many keys an image verification policy has (Oracle documentation, "Enforcing the Use of Signed
// Images from Registry", 2025-01-15; read 2026-11-29).
const maxPolicyKeys = 5

// checkClusterKeys checks the keys that a cluster names: RSA keys sign images. The policy for images is kept and not
// enforced.
func checkClusterKeys(t *engine.Tx, doc engine.Doc) error {
	if key := doc.Str("kmsKeyId"); key != "" {
		if err := keymanagement.CheckKey(t, "kmsKeyId", key); err != nil {
			return err
		}
	}
	const path = "imagePolicyConfig.keyDetails"
	keys := doc.Objects("imagePolicyConfig", "keyDetails")
	if len(keys) > maxPolicyKeys {
		return engine.Invalid("%s: at most %d keys", path, maxPolicyKeys)
	}
	for i, key := range keys {
		if err := keymanagement.CheckKey(t, fmt.Sprintf("%s[%d].kmsKeyId", path, i), key.Str("kmsKeyId"), "RSA"); err != nil {
			return err
		}
	}
	return nil
}

// completeOpenID checks what a cluster says of OpenID Connect, and gives it a discovery endpoint (Oracle documentation,
// "Authenticating Cluster Users using an External OpenID Connect (OIDC) Identity Provider", 2025-02-26, and
// "Authorizing Pods to Access Non-OCI Resources Using OpenID Connect (OIDC) Discovery"; read 2026-11-29). The words are
// the emulator's own, and so is the form of the endpoint. Nothing answers there: the documents are on the API server.
func completeOpenID(doc engine.Doc) error {
	const path = "options.openIdConnectTokenAuthenticationConfig"
	config := doc.Sub("options", "openIdConnectTokenAuthenticationConfig")
	enhanced := doc.Str("type") == "ENHANCED_CLUSTER"
	if config.Flag("isOpenIdConnectAuthEnabled") {
		if !enhanced {
			return engine.Invalid("%s: OIDC authentication needs an enhanced cluster", path)
		}
		if err := checkIssuer(path, config); err != nil {
			return err
		}
	}
	delete(doc, "openIdConnectDiscoveryEndpoint")
	if doc.Sub("options", "openIdConnectDiscovery").Flag("isOpenIdConnectDiscoveryEnabled") {
		if !enhanced {
			return engine.Invalid("options.openIdConnectDiscovery: OIDC discovery needs an enhanced cluster")
		}
		doc["openIdConnectDiscoveryEndpoint"] = "https://objectstorage." + engine.Region +
			".oraclecloud.com/n/localcloud/b/oidc/o/" + engine.ShortID(doc.Str("id"))
	}
	return nil
}

func checkIssuer(path string, config engine.Doc) error {
	if file := config.Str("configurationFile"); file != "" {
		for _, field := range []string{"issuerUrl", "clientId", "usernameClaim", "groupsClaim", "caCertificate"} {
			if config.Str(field) != "" {
				return engine.Invalid("%s: %s and configurationFile cannot be used together", path, field)
			}
		}
		var kind struct {
			Kind string
			JWT  []any
		}
		text, err := base64.StdEncoding.DecodeString(file)
		if err != nil || yaml.Unmarshal(text, &kind) != nil || kind.Kind != "AuthenticationConfiguration" || kind.JWT == nil {
			return engine.Invalid("%s.configurationFile: must be a base64-encoded AuthenticationConfiguration", path)
		}
		return nil
	}
	for _, field := range []string{"issuerUrl", "clientId"} {
		if config.Str(field) == "" {
			return engine.MissingParameter(path + "." + field)
		}
	}
	if issuer, err := url.Parse(config.Str("issuerUrl")); err != nil || issuer.Scheme != "https" || issuer.Host == "" {
		return engine.Invalid("%s.issuerUrl: %q must be an https:// URL", path, config.Str("issuerUrl"))
	}
	if _, err := base64.StdEncoding.DecodeString(config.Str("caCertificate")); err != nil {
		return engine.Invalid("%s.caCertificate: must be base64-encoded", path)
	}
	return nil
}

// tokenAuthentication is what a cluster's API server is to do about tokens. Its texts satisfy completeOpenID.
func tokenAuthentication(cluster engine.Doc) (a cloud.Authentication) {
	a.OwnName = cluster.Str("openIdConnectDiscoveryEndpoint")
	config := cluster.Sub("options", "openIdConnectTokenAuthenticationConfig")
	if !config.Flag("isOpenIdConnectAuthEnabled") {
		return a
	}
	if file := config.Str("configurationFile"); file != "" {
		a.Config, _ = base64.StdEncoding.DecodeString(file)
		return a
	}
	issuer := &cloud.TokenIssuer{
		URL: config.Str("issuerUrl"), ClientID: config.Str("clientId"),
		UsernameClaim: config.Str("usernameClaim"), UsernamePrefix: config.Str("usernamePrefix"),
		GroupsClaim: config.Str("groupsClaim"), GroupsPrefix: config.Str("groupsPrefix"),
		SigningAlgorithms: config.Texts("signingAlgorithms"),
	}
	for _, claim := range config.Objects("requiredClaims") {
		issuer.RequiredClaims = append(issuer.RequiredClaims, claim.Str("key")+"="+claim.Str("value"))
	}
	issuer.CA, _ = base64.StdEncoding.DecodeString(config.Str("caCertificate"))
	a.Issuer = issuer
	return a
}
