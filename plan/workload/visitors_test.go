package workload

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

// signed returns a certificate for names, in PEM, with its key.
func signed(t *testing.T, key crypto.Signer, names ...string) (certificate, private string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// complete returns a hardened guestbook with what set changes.
func complete(set func(*Guestbook)) Guestbook {
	g := Guestbook{Name: "guestbook"}
	g.Settings().ApplyDefaults()
	g.Name, g.FrontendImage = "guestbook", "registry.local/guestbook:v1"
	set(&g)
	g.Complete(Public, false)
	return g
}

// problems returns what is wrong with a guestbook in a network whose load balancers listen on 80 and 443.
func problems(g Guestbook) error {
	var list problem.List
	g.Validate(&list, Policy{Listens: func(port int) bool { return port == 80 || port == 443 }})
	return list.Err()
}

const certificateID = "ocid1.certificate.oc1.iad.aaaa"

// TestListeners checks ports, address and redirect, which follow from each other.
func TestListeners(t *testing.T) {
	pages, redirect := Listener{"https", 443, false, false}, Listener{"http", 80, true, false}
	for _, tc := range []struct {
		name        string
		set         func(*Guestbook)
		want        []Listener
		address, to string
	}{
		{"HTTP", func(*Guestbook) {}, []Listener{{"http", 80, false, false}}, "http://192.0.2.7", ":80"},
		{
			"a certificate", func(g *Guestbook) { g.TLSCertificateID = certificateID },
			[]Listener{pages, redirect},
			"https://192.0.2.7", "",
		},
		{
			"a host name", func(g *Guestbook) { g.TLSCertificateID, g.TLSHostname = certificateID, "a.example" },
			[]Listener{pages, redirect},
			"https://a.example", "a.example",
		},
		{
			"another port", func(g *Guestbook) { g.TLSCertificateID, g.Port = certificateID, 8443 },
			[]Listener{{"https", 8443, false, false}, redirect},
			"https://192.0.2.7:8443", ":8443",
		},
		{
			"no redirect", func(g *Guestbook) { g.TLSCertificateID, g.PlainHTTP = certificateID, Closed },
			[]Listener{pages},
			"https://192.0.2.7", "",
		},
		{
			"a certificate by ACME", func(g *Guestbook) { g.ACMEDirectory, g.TLSHostname = LetsEncrypt, "a.example" },
			[]Listener{{"https", 443, false, true}, redirect},
			"https://a.example", "a.example",
		},
		{
			"the tutorial's frontend, which cannot redirect",
			func(g *Guestbook) { g.Profile, g.TLSCertificateID = Tutorial, certificateID },
			[]Listener{pages},
			"https://192.0.2.7", "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := complete(tc.set)
			if got := g.Listeners(); !slices.Equal(got, tc.want) {
				t.Errorf("listeners %v, want %v", got, tc.want)
			}
			if got := g.Address("192.0.2.7"); got != tc.address {
				t.Errorf("address %q, want %q", got, tc.address)
			}
			if got := g.RedirectTo(); got != tc.to {
				t.Errorf("redirect to %q, want %q", got, tc.to)
			}
		})
	}
}

// TestFreePorts expects ports of the container that have no other use, for redirect and HTTPS.
func TestFreePorts(t *testing.T) {
	for _, ports := range [][4]int{
		{8080, 9090, 8081, 8443}, {8081, 9090, 8082, 8443}, {8082, 8081, 8083, 8443}, {8443, 8444, 8081, 8445},
	} {
		g := Guestbook{Spec: Spec{FrontendPort: ports[0], MetricsPort: ports[1]}}
		if redirect, https := g.RedirectPort(), g.TLSPort(); redirect != ports[2] || https != ports[3] {
			t.Errorf("pages on %d and metrics on %d: redirect on %d, HTTPS on %d, want %d and %d", ports[0], ports[1],
				redirect, https, ports[2], ports[3])
		}
	}
}

// TestCheckZone has zones, and what a host has in them, for guestbook.example.com.
func TestCheckZone(t *testing.T) {
	g := Guestbook{Spec: Spec{TLSHostname: "guestbook.example.com"}}
	for _, tc := range []struct {
		zone  string
		types []string
		want  string // part of the error; empty: none
	}{
		{"example.com", nil, ""},
		{"Example.COM.", []string{"A", "TXT"}, ""},
		{"guestbook.example.com", []string{"SOA", "NS"}, ""},
		{"com", nil, ""},
		{"book.example.com", nil, "not in the zone, book.example.com"},
		{"example.org", nil, "not in the zone, example.org"},
		{"www.guestbook.example.com", nil, "not in the zone"},
		{"example.com", []string{"A", "CNAME"}, "type CNAME"},
		{"example.com", []string{"AAAA"}, "type AAAA"},
	} {
		err := g.CheckZone(tc.zone, tc.types)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("zone %s with %v: %v, want %q", tc.zone, tc.types, err, tc.want)
		}
	}
}

func TestTLSPolicy(t *testing.T) {
	for _, tc := range []struct {
		minimum, suite string
		want           TLSPolicy
	}{
		{TLS12, "", TLSPolicy{"oci-tls-12-13-ssl-cipher-suite-v3", []string{TLS12, TLS13}}},
		{TLS13, "", TLSPolicy{"oci-tls-13-ssl-cipher-suite-v3", []string{TLS13}}},
		{
			TLS13, "oci-tls-12-13-ssl-cipher-suite-v3",
			TLSPolicy{"oci-tls-12-13-ssl-cipher-suite-v3", []string{TLS13}},
		},
		{
			TLS12, "oci-fips-tls-12-ssl-cipher-suite-v3",
			TLSPolicy{"oci-fips-tls-12-ssl-cipher-suite-v3", []string{TLS12}},
		},
		{TLS13, "oci-default-ssl-cipher-suite-v1", TLSPolicy{"oci-default-ssl-cipher-suite-v1", nil}},
	} {
		s := Spec{TLSMinimumVersion: tc.minimum, TLSCipherSuite: tc.suite}
		if got := s.TLSPolicy(); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s with %q: %v, want %v", tc.minimum, tc.suite, got, tc.want)
		}
	}
}

// TestCertificates has pairs that are valid by themselves: what they are combined with decides.
func TestCertificates(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair := func(key crypto.Signer, more func(*Guestbook), names ...string) Guestbook {
		return complete(func(g *Guestbook) {
			g.TLSCertificate, g.TLSPrivateKey = signed(t, key, names...)
			more(g)
		})
	}
	named := func(g *Guestbook) { g.TLSHostname = "guestbook.example.com" }
	oldSuite := func(g *Guestbook) { g.TLSCipherSuite = "oci-default-ssl-cipher-suite-v1" }
	for _, tc := range []struct {
		name string
		book Guestbook
		want []string
	}{
		{"its name", pair(ecdsaKey(t), named, "guestbook.example.com"), nil},
		{"one of its names", pair(ecdsaKey(t), named, "example.com", "guestbook.example.com"), nil},
		{"a wildcard", pair(ecdsaKey(t), named, "*.example.com"), nil},
		{
			"another name", pair(ecdsaKey(t), named, "www.example.com"),
			[]string{"tlsHostname guestbook.example.com www.example.com"},
		},
		{
			"a wildcard of another level", pair(ecdsaKey(t), named, "*.guestbook.example.com"),
			[]string{"tlsHostname guestbook.example.com"},
		},
		{"no names", pair(ecdsaKey(t), named), []string{"tlsCertificate subject alternative name"}},
		{"ciphers for RSA, and RSA", pair(rsaKey, oldSuite, "a.example"), nil},
		{
			"ciphers for RSA, and ECDSA", pair(ecdsaKey(t), oldSuite, "a.example"),
			[]string{"tlsCipherSuite oci-default-ssl-cipher-suite-v1 ECDSA"},
		},
		{
			"a key that no cipher has", pair(edKey, func(*Guestbook) {}, "a.example"),
			[]string{"tlsCertificate ed25519 RSA ECDSA"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := problems(tc.book); len(tc.want) > 0 || err != nil {
				problemtest.Check(t, err, tc.want...)
			}
		})
	}
}

// TestForms has certificates and keys in other forms than PEM without a passphrase, and keys that clients do not take.
// The other of the two is good.
func TestForms(t *testing.T) {
	certificate, key := signed(t, ecdsaKey(t), "guestbook.example.com")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	shortCertificate, shortKey := signed(t, short, "guestbook.example.com")
	_, other := signed(t, ecdsaKey(t), "guestbook.example.com")
	const bom = "\ufeff"
	oneLine := func(text string) string { return strings.ReplaceAll(text, "\n", " ") }
	literal := func(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }
	encrypted := strings.ReplaceAll(key, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
	old := strings.Replace(strings.ReplaceAll(key, "PRIVATE KEY", "EC PRIVATE KEY"), "-----\n",
		"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1)
	for _, tc := range []struct{ name, certificate, key, want string }{
		{"good", certificate, key, ""},
		{"line ends of Windows", strings.ReplaceAll(certificate, "\n", "\r\n"), strings.ReplaceAll(key, "\n", "\r\n"), ""},
		{"parameters before the key", certificate, strings.ReplaceAll(certificate, "CERTIFICATE", "EC PARAMETERS") + key, ""},
		{"a path", "/etc/tls.crt", key, "tlsCertificate BEGIN"},
		{"a path of the key", certificate, "/etc/tls.key", "tlsPrivateKey BEGIN"},
		{"a byte order mark", bom + certificate, key, "tlsCertificate mark"},
		{"a byte order mark of the key", certificate, bom + key, "tlsPrivateKey mark"},
		{"escapes", literal(certificate), key, `tlsCertificate \n`},
		{"escapes in the key", certificate, literal(key), `tlsPrivateKey \n`},
		{"one line", oneLine(certificate), key, "tlsCertificate lines"},
		{"cut", certificate[:len(certificate)-30], key, "tlsCertificate cut"},
		{"an encrypted key", certificate, encrypted, "tlsPrivateKey encrypted openssl"},
		{"an encrypted key of OpenSSL", certificate, old, "tlsPrivateKey encrypted openssl"},
		{"a certificate for the key", certificate, certificate, "tlsPrivateKey CERTIFICATE"},
		{"another key", certificate, other, "tlsCertificate tlsPrivateKey"},
		{"a short key", shortCertificate, shortKey, "tlsCertificate 1024 2048"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := problems(complete(func(g *Guestbook) { g.TLSCertificate, g.TLSPrivateKey = tc.certificate, tc.key }))
			if err != nil && strings.Contains(err.Error(), key[40:60]) {
				t.Errorf("the error has a part of the key: %v", err)
			}
			if tc.want != "" || err != nil {
				problemtest.Check(t, err, tc.want)
			}
		})
	}
}

// TestCurves has a key of a curve that TLS 1.2 has, and TLS 1.3 has not.
func TestCurves(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, private := signed(t, key, "guestbook.example.com")
	for _, tc := range []struct{ minimum, suite, want string }{
		{TLS12, "", ""},
		{TLS12, "oci-tls-12-ssl-cipher-suite-v3", ""},
		{TLS13, "", "tlsCertificate P-224 P-256"},
		{TLS12, "oci-tls-13-ssl-cipher-suite-v3", "tlsCertificate P-224 P-256"},
	} {
		t.Run(tc.minimum+" "+tc.suite, func(t *testing.T) {
			err := problems(complete(func(g *Guestbook) {
				g.TLSCertificate, g.TLSPrivateKey = certificate, private
				g.TLSMinimumVersion, g.TLSCipherSuite = tc.minimum, tc.suite
			}))
			if tc.want != "" || err != nil {
				problemtest.Check(t, err, tc.want)
			}
		})
	}
}

// TestChains has chains of valid certificates that browsers refuse, and some that they take.
func TestChains(t *testing.T) {
	key, authorityKey := ecdsaKey(t), ecdsaKey(t)
	valid := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"guestbook.example.com"},
	}
	authority := valid
	authority.Subject.CommonName, authority.DNSNames = "authority", nil
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	client := valid
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	server := valid
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	old := valid
	old.Subject.CommonName, old.SignatureAlgorithm = "old", x509.ECDSAWithSHA1
	write := func(c, issuer x509.Certificate, of, by crypto.Signer) string {
		der, err := x509.CreateCertificate(rand.Reader, &c, &issuer, of.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	root := write(authority, authority, authorityKey, authorityKey)
	issued := write(valid, authority, key, authorityKey)
	for _, tc := range []struct {
		name, chain string
		want        []string
	}{
		{"self-signed", write(valid, valid, key, key), nil},
		{"with its authority", issued + root, nil},
		{"for servers and clients", write(server, authority, key, authorityKey) + root, nil},
		{"with text between", "subject=CN\n" + issued + "issuer=CN\n" + root, nil},
		{"with its private key", issued + private + root, []string{"tlsCertificate PRIVATE KEY tlsPrivateKey"}},
		{"for clients", write(client, authority, key, authorityKey), []string{"tlsCertificate extended key usage"}},
		{"an authority's", write(authority, authority, key, key), []string{"tlsCertificate authority"}},
		{
			"with an authority that has not signed it", write(valid, valid, key, key) + root,
			[]string{"tlsCertificate certificate 2 authority"},
		},
		{"twice", issued + issued, []string{"tlsCertificate certificate 2"}},
		{"signed by SHA-1", write(old, authority, key, authorityKey), []string{"tlsCertificate SHA1"}},
		{"self-signed by SHA-1", write(old, old, key, key), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			book := complete(func(g *Guestbook) { g.TLSCertificate, g.TLSPrivateKey = tc.chain, private })
			if err := problems(book); len(tc.want) > 0 || err != nil {
				problemtest.Check(t, err, tc.want...)
			}
		})
	}
}
