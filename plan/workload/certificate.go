package workload

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// certificate checks the certificate, and what goes together with it.
func (v validator) certificate() {
	if kind := foreignBlock(v.TLSCertificate); kind != "" {
		v.add("tlsCertificate", nil, "holds a %s, and only certificates belong there: the stack's file has it as it is. "+
			"Take it out, and if it is a private key, set tlsPrivateKey with --secret, and renew the certificate, as others "+
			"may have read the key", kind)
		return
	}
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

// foreignBlock returns the type of a block of PEM that is no certificate: empty if there is none.
func foreignBlock(text string) string {
	for rest := []byte(text); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return ""
		}
		if block.Type != "CERTIFICATE" {
			return block.Type
		}
	}
}

// leastRSA is the shortest RSA key in bits that clients take (CA/Browser Forum, Baseline Requirements, section 6.1.5;
// OpenSSL, SSL_CTX_set_security_level, level 2, its default since 3.2).
const leastRSA = 2048

// brokenSignatures are of hashes that collide (Baseline Requirements, section 7.1.3.2).
var brokenSignatures = []x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1}

// pair checks tlsCertificate with its key.
func (v validator) pair() {
	notPEM := checkPEM(v.TLSCertificate, "-----BEGIN CERTIFICATE-----")
	if notPEM != nil {
		v.add("tlsCertificate", nil, "%v", notPEM)
	}
	badKey := checkKey(v.TLSPrivateKey)
	if badKey != nil {
		v.add("tlsPrivateKey", nil, "%v", badKey)
	}
	if notPEM != nil || badKey != nil {
		return
	}
	// The error must not quote the key.
	pair, err := tls.X509KeyPair([]byte(v.TLSCertificate), []byte(v.TLSPrivateKey))
	if err != nil {
		v.add("tlsCertificate", on("tlsPrivateKey"), "does not go with tlsPrivateKey: %s",
			strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	if err := checkDates(pair.Certificate, time.Now()); err != nil {
		v.add("tlsCertificate", nil, "%v", err)
		return
	}
	chain, err := parseChain(pair.Certificate)
	if err == nil {
		err = checkChain(chain)
	}
	if err != nil {
		v.add("tlsCertificate", nil, "%v", err)
		return
	}
	leaf := chain[0]
	if v.TLSHostname != "" {
		if err := leaf.VerifyHostname(v.TLSHostname); err != nil {
			v.add("tlsHostname", on("tlsCertificate"), "%s is not a name of tlsCertificate: %v", v.TLSHostname, err)
		}
	}
	suite, _ := findSuite(v.TLSPolicy().CipherSuiteName)
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < leastRSA {
			v.add("tlsCertificate", nil, "has an RSA key of %d bits, and clients take %d and more: renew it with another key", n,
				leastRSA)
		}
	case *ecdsa.PublicKey:
		// Browsers do not take the curve, but other clients of TLS 1.2 may.
		if key.Curve == elliptic.P224() && slices.Equal(v.TLSPolicy().Protocols, []string{TLS13}) {
			v.add("tlsCertificate", on("tlsMinimumVersion", "tlsCipherSuite"), "has an ECDSA key of curve P-224, which TLS 1.3 "+
				"does not have (RFC 8446, section 4.2.3): renew it with one of P-256")
		}
		if suite.rsaOnly {
			v.add("tlsCipherSuite", on("tlsCertificate"), "%s has ciphers for RSA keys only, and tlsCertificate has an "+
				"ECDSA key: leave it empty", suite.name)
		}
	default:
		v.add("tlsCertificate", nil, "has a key of type %T: the ciphers of load balancers need RSA or ECDSA", key)
	}
}

// checkPEM returns why a text has no block of PEM, which begins in the given way. It does not quote the text.
func checkPEM(text, begin string) error {
	block, _ := pem.Decode([]byte(text))
	switch {
	case block != nil:
		return nil
	case strings.HasPrefix(text, "\ufeff"):
		return errors.New("begins with a byte order mark, before which PEM is not read: take it out")
	case strings.Contains(text, `\n`):
		return errors.New(`has \n in two characters for a line's end: read the file, as in pulumi config set <key> <file`)
	case !strings.Contains(text, "-----BEGIN "):
		return fmt.Errorf("is not PEM, which begins with %s", begin)
	}
	return errors.New("is PEM that cannot be read: lines are joined, cut or missing")
}

// checkKey returns why a text is no private key in PEM without a passphrase. It does not quote the text.
func checkKey(text string) error {
	if err := checkPEM(text, "-----BEGIN PRIVATE KEY-----"); err != nil {
		return err
	}
	var kinds []string
	for rest := []byte(text); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil:
			return fmt.Errorf("holds a %s, and no private key", strings.Join(kinds, " and a "))
		case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return errors.New("is encrypted, and nobody asks for its passphrase: write it without, by openssl pkey -in <file>")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil
		}
		kinds = append(kinds, block.Type)
	}
}

func parseChain(ders [][]byte) (chain []*x509.Certificate, err error) {
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// checkChain returns why browsers refuse a chain of a server: the first certificate is the server's, with its names
// (RFC 9525, section 6.3, which forbids the common name instead), and each other one has signed the one before (RFC
// 5246, section 7.4.2).
func checkChain(chain []*x509.Certificate) error {
	leaf := chain[0]
	if !bytes.Equal(leaf.RawSubject, leaf.RawIssuer) && slices.Contains(brokenSignatures, leaf.SignatureAlgorithm) {
		return fmt.Errorf("certificate 1 of the chain (%s) is signed by %s, which clients do not take: renew it",
			leaf.Subject, leaf.SignatureAlgorithm)
	}
	usable := func(use x509.ExtKeyUsage) bool {
		return use == x509.ExtKeyUsageServerAuth || use == x509.ExtKeyUsageAny
	}
	switch {
	case leaf.IsCA:
		return fmt.Errorf("certificate 1 of the chain (%s) is an authority's: the server's comes first", leaf.Subject)
	case len(leaf.DNSNames)+len(leaf.IPAddresses) == 0:
		return fmt.Errorf("certificate 1 of the chain (%s) has no subject alternative name: browsers read no other names",
			leaf.Subject)
	case len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(leaf.ExtKeyUsage, usable):
		return fmt.Errorf("certificate 1 of the chain (%s) is for other uses than a server's (extended key usage)",
			leaf.Subject)
	}
	for i, issuer := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("certificate %d of the chain (%s) has not signed the one before: %w", i+2, issuer.Subject, err)
		}
	}
	return nil
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
