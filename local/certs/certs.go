// Package certs makes authorities and the certificates that they issue, in files.
package certs

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"

	"sigs.k8s.io/kwok/pkg/kwokctl/pki"
)

// lifetime is the validity of every certificate: longer than anybody keeps a local cloud.
const lifetime = 10 * 365 * 24 * time.Hour

// WriteAuthority writes file.crt and file.key of a new authority, and the same for each certificate that it issues.
func WriteAuthority(dir, file, name string, issues map[string]pki.CertConfig) error {
	config := pki.CertConfig{
		CommonName: name, PublicKeyAlgorithm: x509.ECDSA,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
	}
	caCert, caKey, err := pki.NewCertificateAuthority(config)
	if err == nil {
		err = pki.WriteCertAndKey(dir, file, caCert, caKey)
	}
	if err != nil {
		return fmt.Errorf("authority %s: %w", name, err)
	}
	for file, issued := range issues {
		if err := Issue(caCert, caKey, dir, file, issued); err != nil {
			return err
		}
	}
	return nil
}

// Issue writes file.crt and file.key of a new certificate of the authority.
func Issue(caCert *x509.Certificate, caKey crypto.Signer, dir, file string, config pki.CertConfig) error {
	config.PublicKeyAlgorithm = x509.ECDSA
	config.NotBefore, config.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(lifetime)
	cert, key, err := pki.NewCertAndKey(caCert, caKey, config)
	if err == nil {
		err = pki.WriteCertAndKey(dir, file, cert, key)
	}
	if err != nil {
		return fmt.Errorf("certificate %s: %w", file, err)
	}
	return nil
}
