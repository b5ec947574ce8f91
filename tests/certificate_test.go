package tests

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"oke-guestbook/internal/mocks"
)

// certificate and privateKey go together, in PEM. They are made anew each time: no key lies in the repository.
var (
	certificate, privateKey               = selfSigned(time.Now(), time.Now().Add(time.Hour))
	renewedCertificate, renewedPrivateKey = selfSigned(time.Now(), time.Now().Add(2*time.Hour))
)

func selfSigned(notBefore, notAfter time.Time) (chain, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "guestbook.example.com"},
		DNSNames: []string{"guestbook.example.com"}, NotBefore: notBefore, NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// https are settings with a certificate.
func https(certificate, key string) map[string]string {
	return map[string]string{"tlsCertificate": certificate, "tlsPrivateKey": key, "loadBalancerPorts": `["80","443"]`}
}

// tlsName matches the name of the Secret of a certificate, which differs in each run of the tests.
var tlsName = regexp.MustCompile(`frontend-tls-[0-9a-f]{10}`)

// TestCertificateRenewal renews a certificate twice. Each is in a Secret with a name of its own, which the Service
// names; a certificate that stays changes nothing.
func TestCertificateRenewal(t *testing.T) {
	before, err := run(t, "local", https(certificate, privateKey))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{secretOfService(t, before): true}
	for i := range 2 {
		renewed, key := selfSigned(time.Now(), time.Now().Add(time.Hour))
		for range 2 { // the second one is the same certificate once more
			after := before.Next()
			if err := update(t, "local", https(renewed, key), after); err != nil {
				t.Fatal(err)
			}
			names[secretOfService(t, after)] = true
			if got := len(names); got != i+2 {
				t.Errorf("%d names of Secrets for %d certificates", got, i+2)
			}
			before = after
		}
	}
}

// secretOfService returns the name of the certificate's Secret, which the Service must name.
func secretOfService(t *testing.T, r *mocks.Recorder) string {
	t.Helper()
	secret, err := r.Find("kubernetes:core/v1:Secret", "guestbook-tls")
	if err != nil {
		t.Fatal(err)
	}
	service, err := r.Find("kubernetes:core/v1:Service", "guestbook-frontend")
	if err != nil {
		t.Fatal(err)
	}
	name := secret.Inputs["metadata"].ObjectValue()["name"].StringValue()
	const key = "service.beta.kubernetes.io/oci-load-balancer-tls-secret"
	named := service.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()[key].StringValue()
	if name != named || !tlsName.MatchString(name) {
		t.Errorf("the Secret is %q, and the Service names %q", name, named)
	}
	return name
}

// TestCertificateByOCID changes a certificate of the Certificates service for another one. The Service names another
// ConfigMap then, which holds the certificate by the listener's port: so the cloud controller need not watch it.
func TestCertificateByOCID(t *testing.T) {
	names := map[string]bool{}
	for _, id := range []string{mocks.CertificateID, mocks.ForeignCertificate} {
		r, err := run(t, "local", map[string]string{"tlsCertificateId": id, "loadBalancerPorts": `["80","443"]`})
		if err != nil {
			t.Fatal(err)
		}
		certificates, err := r.Find("kubernetes:core/v1:ConfigMap", "guestbook-certificates")
		if err != nil {
			t.Fatal(err)
		}
		service, err := r.Find("kubernetes:core/v1:Service", "guestbook-frontend")
		if err != nil {
			t.Fatal(err)
		}
		name := certificates.Inputs["metadata"].ObjectValue()["name"].StringValue()
		annotations := service.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()
		const prefix = "service.beta.kubernetes.io/oci-load-balancer-"
		if got := annotations["oci-load-balancer.oraclecloud.com/tls-certificate-map"].StringValue(); got != name {
			t.Errorf("the Service names %q, and the ConfigMap is %q", got, name)
		}
		_, secret := annotations[prefix+"tls-secret"]
		if secret || annotations[prefix+"ssl-ports"].StringValue() != "443" {
			t.Errorf("annotations %v", annotations)
		}
		if got := certificates.Inputs["data"].ObjectValue()["443"].StringValue(); got != `["`+id+`"]` {
			t.Errorf("certificates of port 443: %s", got)
		}
		names[name] = true
	}
	if len(names) != 2 {
		t.Errorf("two certificates are in ConfigMaps of the names %v", names)
	}
}

// TestUnusableCertificates expects certificates that no visitor accepts to be refused before anything is made.
func TestUnusableCertificates(t *testing.T) {
	now := time.Now()
	expired, expiredKey := selfSigned(now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	early, earlyKey := selfSigned(now.Add(24*time.Hour), now.Add(48*time.Hour))
	encrypted := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
	for _, tc := range []struct{ name, certificate, key, setting, fact string }{
		{"expired", expired, expiredKey, "", now.Add(-24 * time.Hour).UTC().Format(time.DateOnly)},
		{"not valid yet", early, earlyKey, "", now.Add(24 * time.Hour).UTC().Format(time.DateOnly)},
		{"expired in the chain", certificate + expired, privateKey, "", "certificate 2"},
		{"key of another certificate", certificate, renewedPrivateKey, "", "tlsPrivateKey"},
		{"key with a passphrase", certificate, encrypted, "tlsPrivateKey", "passphrase"},
		{"no certificate", "no certificate", privateKey, "", "PEM"},
		{"chain without the first", renewedCertificate + certificate, privateKey, "", "tlsPrivateKey"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := run(t, "local", https(tc.certificate, tc.key))
			setting := cmp.Or(tc.setting, "tlsCertificate")
			if !reports(err, setting, tc.fact) {
				t.Errorf("got %v, want a problem of %s with %q", err, setting, tc.fact)
			}
			if err != nil && strings.Contains(fmt.Sprint(err), tc.key) {
				t.Error("the error quotes the key")
			}
			for _, res := range r.Resources {
				t.Errorf("%s %q was registered", res.Type, res.Name)
			}
		})
	}
}
