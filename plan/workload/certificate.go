package workload

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// certificate checks the certificate, and what goes together with it.
func (v validator) certificate() {
	switch {
	case (v.TLSCertificate == "") != (v.TLSPrivateKey == ""):
		v.add("tlsCertificate", on("tlsPrivateKey"), "goes together with tlsPrivateKey: set both or none")
	case v.TLSCertificate != "" && v.TLSCertificateID != "":
		v.add("tlsCertificateId", on("tlsCertificate"), "is instead of tlsCertificate and tlsPrivateKey: "+
			"a listener has one certificate")
	case v.NetworkBalanced() && v.Terminates():
		key := "tlsCertificate"
		if v.TLSCertificate == "" {
			key = "tlsCertificateId"
		}
		v.add(key, on("loadBalancerType", "exposure"), "is served by load balancers of type lb only: a network load "+
			"balancer passes connections on as they are. Remove the certificate, or set loadBalancerType to lb")
	case v.TLSCertificate != "" && !v.Balanced():
		v.add("tlsCertificate", on("exposure"), "is served by a load balancer, and exposure is %s", v.Exposure)
	case v.TLSCertificateID != "" && !v.Balanced():
		v.add("tlsCertificateId", on("exposure"), "is served by a load balancer, and exposure is %s", v.Exposure)
	case v.TLSCertificate != "":
		v.pair()
	}
	if v.HTTPS() {
		v.versions()
	} else {
		v.withoutCertificate()
	}
}

// pair checks tlsCertificate with its key.
func (v validator) pair() {
	// The error must not quote the key.
	pair, err := tls.X509KeyPair([]byte(v.TLSCertificate), []byte(v.TLSPrivateKey))
	if err != nil {
		v.add("tlsCertificate", on("tlsPrivateKey"), "does not go with tlsPrivateKey: %v", err)
		return
	}
	if err := checkDates(pair.Certificate, time.Now()); err != nil {
		v.add("tlsCertificate", nil, "%v", err)
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return // checkDates has parsed it
	}
	if v.TLSHostname != "" {
		if err := leaf.VerifyHostname(v.TLSHostname); err != nil {
			v.add("tlsHostname", on("tlsCertificate"), "%s is not a name of tlsCertificate: %v", v.TLSHostname, err)
		}
	}
	suite, _ := findSuite(v.TLSPolicy().CipherSuiteName)
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
	case *ecdsa.PublicKey:
		if suite.rsaOnly {
			v.add("tlsCipherSuite", on("tlsCertificate"), "%s has ciphers for RSA keys only, and tlsCertificate has an "+
				"ECDSA key: leave it empty", suite.name)
		}
	default:
		v.add("tlsCertificate", nil, "has a key of type %T: the ciphers of load balancers need RSA or ECDSA", key)
	}
}

// versions checks that versions and ciphers of TLS fit each other.
func (v validator) versions() {
	if policy := v.TLSPolicy(); len(policy.Protocols) == 0 {
		suite, _ := findSuite(policy.CipherSuiteName)
		v.add("tlsCipherSuite", on("tlsMinimumVersion"), "%s has ciphers of %s only, and tlsMinimumVersion is %s: "+
			"leave it empty", suite.name, suite.versions[0], v.TLSMinimumVersion)
	}
	if v.PlainHTTP == Redirect && !v.Hardened() {
		v.add("plainHttp", on("profile"), "must be closed in profile %s, whose frontend cannot redirect", v.Profile)
	}
	if v.Redirects() && v.ServicePort() == httpPort {
		v.add("servicePort", on("plainHttp"), "%d is the port that redirects to HTTPS: set another, or plainHttp closed",
			httpPort)
	}
}

// withoutCertificate checks that nothing is set that needs a certificate.
func (v validator) withoutCertificate() {
	certificate := on("tlsCertificate", "tlsCertificateId", "acmeDirectory")
	for _, setting := range []struct{ key, value string }{
		{"tlsHostname", v.TLSHostname}, {"tlsCipherSuite", v.TLSCipherSuite}, {"plainHttp", string(v.PlainHTTP)},
	} {
		if setting.value != "" {
			v.add(setting.key, certificate, "%q is for HTTPS, and the guestbook has no certificate: set tlsCertificate "+
				"and tlsPrivateKey, tlsCertificateId, or acmeDirectory", setting.value)
		}
	}
	if v.TLSMinimumVersion == TLS13 {
		v.add("tlsMinimumVersion", certificate, "%q is for HTTPS, and the guestbook has no certificate", TLS13)
	}
}

// checkDates returns an error unless every certificate of a chain is valid at the given time.
func checkDates(chain [][]byte, now time.Time) error {
	for i, der := range chain {
		c, err := x509.ParseCertificate(der)
		switch {
		case err != nil:
			return fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		case now.After(c.NotAfter):
			return fmt.Errorf("certificate %d of the chain (%s) expired on %s; set a renewed one, with its tlsPrivateKey",
				i+1, c.Subject, c.NotAfter.Format(time.DateOnly))
		case now.Before(c.NotBefore):
			return fmt.Errorf("certificate %d of the chain (%s) is not valid before %s",
				i+1, c.Subject, c.NotBefore.Format(time.DateTime+" MST"))
		}
	}
	return nil
}
