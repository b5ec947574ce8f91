package workload

import (
	"fmt"
	"slices"
	"strings"
)

// Versions of TLS, as the Load Balancing service names them (API reference, SslConfigurationDetails, protocols).
// Older ones are not offered: RFC 8996 forbids them.
const (
	TLS12 = "TLSv1.2"
	TLS13 = "TLSv1.3"
)

// cipherSuite is a predefined cipher suite of the Load Balancing service.
type cipherSuite struct {
	name     string
	versions []string // of TLS, that it has ciphers of
	rsaOnly  bool     // its ciphers need a certificate with an RSA key
}

// cipherSuites are the predefined suites that have no ciphers of TLS 1.1 and older (Oracle documentation, "Predefined
// Load Balancer Cipher Suites", and the API reference, SSLCipherSuite; both read on 2026-11-29). The first ones are the
// defaults: Oracle recommends version 3 where there is one.
var cipherSuites = []cipherSuite{
	{name: "oci-tls-12-13-ssl-cipher-suite-v3", versions: []string{TLS12, TLS13}},
	{name: "oci-tls-13-ssl-cipher-suite-v3", versions: []string{TLS13}},
	{name: "oci-tls-12-ssl-cipher-suite-v3", versions: []string{TLS12}},
	{name: "oci-fips-tls-13-ssl-cipher-suite-v3", versions: []string{TLS13}},
	{name: "oci-fips-tls-12-ssl-cipher-suite-v3", versions: []string{TLS12}},
	{name: "oci-default-http2-tls-12-13-ssl-cipher-suite-v1", versions: []string{TLS12, TLS13}},
	{name: "oci-default-http2-tls-13-ssl-cipher-suite-v1", versions: []string{TLS13}},
	{name: "oci-default-http2-ssl-cipher-suite-v1", versions: []string{TLS12}},
	{name: "oci-tls-13-recommended-ssl-cipher-suite-v1", versions: []string{TLS13}},
	{name: "oci-tls-12-13-wider-ssl-cipher-suite-v1", versions: []string{TLS12, TLS13}},
	{name: "oci-modern-ssl-cipher-suite-v1", versions: []string{TLS12}},
	{name: "oci-default-ssl-cipher-suite-v1", versions: []string{TLS12}, rsaOnly: true},
}

// outdated are the predefined suites with ciphers of TLS 1.1 and older.
var outdated = []string{
	"oci-compatible-ssl-cipher-suite-v1", "oci-wider-compatible-ssl-cipher-suite-v1",
	"oci-tls-11-12-13-wider-ssl-cipher-suite-v1",
}

func suiteNames() (names []string) {
	for _, s := range cipherSuites {
		names = append(names, s.name)
	}
	return names
}

// findSuite returns the suite of a name; false if there is none.
func findSuite(name string) (cipherSuite, bool) {
	i := slices.IndexFunc(cipherSuites, func(s cipherSuite) bool { return s.name == name })
	if i < 0 {
		return cipherSuite{}, false
	}
	return cipherSuites[i], true
}

// checkSuite refuses suites that a load balancer does not have. Suites of one's own belong to a load balancer, and OKE
// makes that with the listener.
func checkSuite(name string) error {
	if slices.Contains(outdated, name) {
		return fmt.Errorf("%q has ciphers of TLS 1.1 and older; leave it empty, or set one of %s", name,
			strings.Join(suiteNames(), ", "))
	}
	if _, ok := findSuite(name); !ok {
		return fmt.Errorf("%q is not one of the predefined suites %s", name, strings.Join(suiteNames(), ", "))
	}
	return nil
}

// TLSPolicy is which versions and ciphers of TLS a listener offers. Its form is that of the annotation
// oci-load-balancer-listener-ssl-config (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
type TLSPolicy struct {
	CipherSuiteName string
	Protocols       []string // in ascending order: the cloud controller compares them in order
}

// TLSPolicy returns the cipher suite of the settings, or the one that fits the versions, with the versions that it and
// the settings allow: none if they have none in common.
func (s *Spec) TLSPolicy() TLSPolicy {
	allowed := []string{TLS12, TLS13}
	if s.TLSMinimumVersion == TLS13 {
		allowed = []string{TLS13}
	}
	suite, ok := findSuite(s.TLSCipherSuite)
	if !ok {
		i := slices.IndexFunc(cipherSuites, func(s cipherSuite) bool { return slices.Equal(s.versions, allowed) })
		suite = cipherSuites[i]
	}
	policy := TLSPolicy{CipherSuiteName: suite.name}
	for _, version := range allowed {
		if slices.Contains(suite.versions, version) {
			policy.Protocols = append(policy.Protocols, version)
		}
	}
	return policy
}
