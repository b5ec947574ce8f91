package balancer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/cloud"
)

var tlsVersions = map[string]uint16{
	"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

// serverTLS returns the configuration for a listener's clients, or nil for a listener without TLS.
func serverTLS(listener cloud.Listener) (*tls.Config, error) {
	if listener.TLS == nil {
		return nil, nil
	}
	config, err := commonTLS(listener.TLS)
	if err != nil {
		return nil, err
	}
	if len(config.Certificates) == 0 {
		return nil, errors.New("TLS: the certificate or its private key is missing")
	}
	switch listener.Protocol {
	case "HTTP":
		config.NextProtos = []string{"http/1.1"}
	case "HTTP2":
		config.NextProtos = []string{"h2", "http/1.1"}
	case "GRPC":
		config.NextProtos = []string{"h2"}
	}
	if listener.TLS.VerifyPeer {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, config.RootCAs
		config.VerifyConnection = func(state tls.ConnectionState) error {
			return checkDepth(state.VerifiedChains, listener.TLS.VerifyDepth)
		}
	}
	return config, nil
}

// clientTLS returns the configuration for the backends of a set, or nil for a set without TLS. Backends are verified by
// their chain alone: they are known by address.
func clientTLS(t *cloud.TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	config, err := commonTLS(t)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = true // VerifyConnection verifies
	if !t.VerifyPeer {
		return config, nil
	}
	roots := config.RootCAs
	config.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, certificate := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(certificate)
		}
		chains, err := state.PeerCertificates[0].Verify(options)
		if err != nil {
			return err
		}
		return checkDepth(chains, t.VerifyDepth)
	}
	return config, nil
}

// checkDepth checks that a chain has at most that many certificates above the peer's.
func checkDepth(chains [][]*x509.Certificate, depth int) error {
	short := func(chain []*x509.Certificate) bool { return len(chain)-1 <= depth }
	if depth == 0 || slices.ContainsFunc(chains, short) {
		return nil
	}
	return fmt.Errorf("the peer's chain of certificates is longer than the depth of verification %d", depth)
}

func commonTLS(t *cloud.TLS) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}
	if t.CertificatePEM != "" && t.PrivateKeyPEM != "" {
		chain := strings.TrimSpace(t.CertificatePEM) + "\n" + t.CACertificatePEM
		pair, err := tls.X509KeyPair([]byte(chain), []byte(t.PrivateKeyPEM))
		if err != nil {
			return nil, fmt.Errorf("TLS: certificate and private key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if t.VerifyPeer {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(t.CACertificatePEM)) {
			return nil, errors.New("TLS: peers are to be verified, but the CA certificate is missing or has no PEM form")
		}
	}
	for i, name := range t.Protocols {
		version, ok := tlsVersions[name]
		if !ok {
			return nil, fmt.Errorf("TLS: unknown protocol %q", name)
		}
		if i == 0 {
			config.MinVersion, config.MaxVersion = version, version
		}
		config.MinVersion, config.MaxVersion = min(config.MinVersion, version), max(config.MaxVersion, version)
	}
	return config, limitCiphers(config, t.Ciphers)
}

// limitCiphers restricts a configuration to ciphers by their names in OpenSSL. Those that Go lacks, of DHE, CAMELLIA
// and the like, are left out. Of TLS 1.3 Go always has all ciphers: whether there is one decides about that version.
func limitCiphers(config *tls.Config, names []string) error {
	if len(names) == 0 {
		return nil
	}
	of13 := func(name string) bool { return strings.HasPrefix(name, "TLS_") }
	if slices.ContainsFunc(names, of13) && config.MaxVersion == tls.VersionTLS13 {
		if !slices.ContainsFunc(names, func(name string) bool { return !of13(name) }) {
			config.MinVersion = tls.VersionTLS13
		}
		if config.MinVersion == tls.VersionTLS13 {
			return nil
		}
	} else {
		config.MaxVersion = min(config.MaxVersion, tls.VersionTLS12)
		if config.MinVersion > config.MaxVersion {
			return errors.New("TLS: the protocol is TLSv1.3 alone, and the cipher suite has no cipher of it")
		}
	}
	var err error
	config.CipherSuites, err = olderSuites(names)
	return err
}

// olderSuites returns Go's numbers of ciphers of TLS 1.2 and older.
func olderSuites(names []string) ([]uint16, error) {
	var out []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if slices.Contains(names, openSSLName(suite.Name)) {
			out = append(out, suite.ID)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("TLS: Go has none of the ciphers %s: add one of ECDHE with AES-GCM or CHACHA20",
			strings.Join(names, ", "))
	}
	return out, nil
}

// openSSLName returns OpenSSL's name of a cipher by IANA's: ECDHE-RSA-AES128-GCM-SHA256 of
// TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
func openSSLName(name string) string {
	exchange, cipher, _ := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	cipher = strings.NewReplacer("AES_", "AES", "_CBC", "", "CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305",
		"3DES_EDE", "DES-CBC3", "RC4_128", "RC4").Replace(cipher)
	if exchange != "RSA" {
		cipher = exchange + "-" + cipher
	}
	return strings.ReplaceAll(cipher, "_", "-")
}
