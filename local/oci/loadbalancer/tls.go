package loadbalancer

import (
	"maps"
	"slices"
	"strings"

	"oke-guestbook/local/oci/certificates"
	"oke-guestbook/local/oci/engine"
)

// tlsProtocols are the versions that the service knows (API reference, SslConfigurationDetails, protocols).
var tlsProtocols = []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}

// reservedSuite is the name of a suite that answers may have and requests must not (API reference,
// SslConfigurationDetails, cipherSuiteName).
const reservedSuite = "oci-customized-ssl-cipher-suite"

// Parts of suites, by names of OpenSSL, and of RFC 8446 for TLS 1.3.
var (
	tls13 = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
	// v3 are the ciphers of TLS 1.2 in version 3 of the suites. fips are those without ChaCha20.
	v3   = append([]string{"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"}, fips...)
	fips = []string{
		"ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-CCM",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
	}
	http2 = []string{
		"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
	}
	ecdhe = []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
		"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384",
	}
	rsa = []string{"AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"}
	dhe = []string{
		"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-SHA256",
	}
	older = []string{
		"AES128-SHA", "AES256-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-SHA",
		"ECDHE-RSA-AES256-SHA",
	}
)

// suites are the predefined cipher suites (API reference, SSLCipherSuite; Oracle documentation, "Predefined Load
// Balancer Cipher Suites"; read on 2026-11-29). Of oci-wider-compatible those are left out that Go lacks.
var suites = map[string][]string{
	"oci-tls-12-13-ssl-cipher-suite-v3": slices.Concat(v3, tls13), "oci-tls-12-ssl-cipher-suite-v3": v3,
	"oci-tls-13-ssl-cipher-suite-v3":      slices.Concat(tls13, []string{"TLS_AES_128_CCM_SHA256"}),
	"oci-fips-tls-12-ssl-cipher-suite-v3": fips, "oci-fips-tls-13-ssl-cipher-suite-v3": tls13[:2],
	"oci-default-http2-tls-12-13-ssl-cipher-suite-v1": slices.Concat(http2, tls13),
	"oci-default-http2-tls-13-ssl-cipher-suite-v1":    tls13,
	"oci-default-http2-ssl-cipher-suite-v1":           http2,
	"oci-tls-13-recommended-ssl-cipher-suite-v1":      tls13,
	"oci-tls-12-13-wider-ssl-cipher-suite-v1":         slices.Concat(ecdhe, rsa, tls13),
	"oci-tls-11-12-13-wider-ssl-cipher-suite-v1":      slices.Concat(ecdhe, rsa, older, tls13),
	"oci-default-ssl-cipher-suite-v1":                 slices.Concat(dhe, ecdhe[4:]),
	"oci-modern-ssl-cipher-suite-v1":                  slices.Concat(dhe, ecdhe, rsa),
	"oci-compatible-ssl-cipher-suite-v1":              slices.Concat(dhe, ecdhe, rsa, older),
	"oci-wider-compatible-ssl-cipher-suite-v1": slices.Concat(dhe, ecdhe, rsa, older,
		[]string{"DES-CBC3-SHA", "RC4-SHA"}),
}

// ciphers returns the ciphers of a suite, the load balancer's own or a predefined one; nil if there is none.
func ciphers(lb engine.Doc, name string) []string {
	if own := lb.Sub("sslCipherSuites", name); own != nil {
		return own.Texts("ciphers")
	}
	return suites[name]
}

// completeTLS adds what every answer with a TLS configuration has. The defaults of versions and ciphers are in the API
// reference (for HTTP/2, in OKE's "Configuring Cipher Suites and Protocols for Listeners"), those of the peer nowhere.
func completeTLS(doc engine.Doc, suite string) {
	if ssl := doc.Sub("sslConfiguration"); ssl != nil {
		ssl.Default(engine.Doc{
			"verifyDepth": 1.0, "verifyPeerCertificate": false, "cipherSuiteName": suite,
			"protocols": []any{"TLSv1.2"},
		})
	}
}

// checkTLS checks the TLS configuration of a part of a load balancer. That versions and ciphers fit each other is the
// user's matter: the service takes what no client can use (API reference, SslConfigurationDetails).
func checkTLS(t *engine.Tx, lb engine.Doc, what string, ssl engine.Doc) error {
	if suite := ssl.Str("cipherSuiteName"); suite == reservedSuite || ciphers(lb, suite) == nil {
		return engine.Invalid("%s has the cipher suite %q, which the load balancer lacks", what, suite)
	}
	for _, protocol := range ssl.Texts("protocols") {
		if !slices.Contains(tlsProtocols, protocol) {
			return engine.Invalid("%s: protocols: %q must be one of %s", what, protocol, strings.Join(tlsProtocols, ", "))
		}
	}
	name, ids := ssl.Str("certificateName"), ssl.Texts("certificateIds")
	switch {
	case name != "" && len(ids) > 0:
		return engine.Invalid("%s: certificateName and certificateIds exclude each other", what)
	case name != "" && lb.Sub("certificates", name) == nil:
		return engine.Invalid("%s has the certificate %q, which the load balancer lacks", what, name)
	case len(ids) > 1:
		return engine.Invalid("%s: certificateIds: there can be one", what)
	case len(ids) == 1:
		return certificates.Check(t, "certificateIds[0]", ids[0])
	}
	return nil
}

// listSuites answers with the suites of a load balancer: its own, and the predefined ones.
func listSuites(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	own := r.Doc.Sub("sslCipherSuites")
	var out []any
	for _, name := range slices.Sorted(maps.Keys(own)) {
		out = append(out, own[name])
	}
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		out = append(out, engine.Doc{"name": name, "ciphers": engine.List(suites[name])})
	}
	return c.Page(out)
}
