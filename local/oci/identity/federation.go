package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// Lifetimes of what an instance proves itself with (Oracle does not document them; the SDK renews both by itself).
const (
	certificateLifetime = 2 * time.Hour
	tokenLifetime       = 20 * time.Minute
)

// federation plays two services for instance principals: the metadata service of each instance, which hands out a
// certificate, and the endpoint of Identity that trades it for a security token. Certificates are kept in memory: a
// client that has one from before a restart asks for another.
type federation struct {
	e  *engine.Engine
	mu sync.Mutex
	// authority signs the certificates. It is made with the first one.
	authority *issued
	instances map[string]*issued // by OCID
}

// issued is a certificate with its key.
type issued struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// registerFederation serves, for SDKs with OCI_METADATA_BASE_URL set to the first and OCI_SDK_AUTH_CLIENT_REGION_URL to
// the endpoint of the local cloud:
//
//	GET  /admin/instances/{id}/opc/v2/...   the metadata service of an instance
//	POST /v1/x509                           security tokens of instances
func registerFederation(e *engine.Engine) {
	f := &federation{e: e, instances: map[string]*issued{}}
	e.HandleUnsigned("GET /admin/instances/{id}/opc/v2/{path...}", f.metadata)
	e.HandleUnsigned("POST /v1/x509", f.trade)
}

// metadata answers what an SDK asks (Oracle documentation, "Getting Instance Metadata").
func (f *federation) metadata(r *http.Request) (*engine.Answer, error) {
	id, path := r.PathValue("id"), r.PathValue("path")
	if r.Header.Get("Authorization") != "Bearer Oracle" {
		return nil, engine.Fail(http.StatusForbidden, "NotAuthorized", "the header Authorization: Bearer Oracle is missing")
	}
	if !f.runs(id) {
		return nil, engine.Fail(http.StatusNotFound, "NotAuthorizedOrNotFound", "no instance %s is running", id)
	}
	if path == "instance/region" {
		return &engine.Answer{Body: []byte(engine.Region)}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	instance, err := f.certificate(id)
	if err != nil {
		return nil, err
	}
	switch path {
	case "identity/cert.pem":
		return &engine.Answer{Body: pemOf("CERTIFICATE", instance.cert.Raw)}, nil
	case "identity/intermediate.pem":
		return &engine.Answer{Body: pemOf("CERTIFICATE", f.authority.cert.Raw)}, nil
	case "identity/key.pem":
		return &engine.Answer{Body: pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(instance.key))}, nil
	}
	return nil, engine.NotImplemented("the local cloud has no metadata %s", path)
}

// runs reports whether an instance exists and is not being terminated.
func (f *federation) runs(id string) bool {
	running := false
	_ = f.e.View(func(t *engine.Tx) error {
		r := t.Find(id)
		running = r != nil && r.Kind == compute.InstanceKind && r.Removed == nil && r.State() == "RUNNING"
		return nil
	})
	return running
}

// certificate returns an instance's certificate, and makes it if there is none that is valid for a while.
func (f *federation) certificate(id string) (*issued, error) {
	var err error
	if f.authority == nil {
		if f.authority, err = issue(pkix.Name{CommonName: "PKISVC Identity Intermediate"}, nil); err != nil {
			return nil, err
		}
	}
	if had := f.instances[id]; had != nil && time.Until(had.cert.NotAfter) > certificateLifetime/2 {
		return had, nil
	}
	made, err := issue(pkix.Name{CommonName: id, OrganizationalUnit: []string{
		"opc-certtype:instance", "opc-instance:" + id, "opc-tenant:" + engine.TenancyID,
	}}, f.authority)
	if err == nil {
		f.instances[id] = made
	}
	return made, err
}

// issue makes a certificate that by signs, or that signs itself.
func issue(name pkix.Name, by *issued) (*issued, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: name, NotBefore: now.Add(-time.Minute),
		NotAfter: now.Add(certificateLifetime), BasicConstraintsValid: true,
	}
	signer := &issued{key, template}
	if by == nil {
		template.IsCA, template.NotAfter = true, now.AddDate(10, 0, 0)
	} else {
		signer = by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &issued{key, cert}, err
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// trade answers with a security token for the session's key, if the request is signed with the key of an instance's
// certificate.
func (f *federation) trade(r *http.Request) (*engine.Answer, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 64<<10))
	if err != nil {
		return nil, engine.Invalid("body: %v", err)
	}
	var details struct{ Certificate, PublicKey string }
	if err := json.Unmarshal(body, &details); err != nil {
		return nil, engine.Invalid("body: %v", err)
	}
	cert, err := f.verified(details.Certificate)
	if err != nil {
		return nil, engine.Fail(http.StatusUnauthorized, "NotAuthenticated", "certificate: %v", err)
	}
	holder, isRSA := cert.PublicKey.(*rsa.PublicKey)
	if !isRSA {
		return nil, engine.Fail(http.StatusUnauthorized, "NotAuthenticated", "certificate: it has no RSA key")
	}
	keyID := fmt.Sprintf("%s/fed-x509-sha256/%s", engine.TenancyID, fingerprint(cert))
	if err := engine.VerifyFederation(r, body, keyID, holder); err != nil {
		return nil, err
	}
	der, err := base64.StdEncoding.DecodeString(details.PublicKey)
	if err != nil {
		return nil, engine.Invalid("publicKey: is not base64")
	}
	key, err := x509.ParsePKIXPublicKey(der)
	session, isRSA := key.(*rsa.PublicKey)
	if err != nil || !isRSA {
		return nil, engine.Invalid("publicKey: is no RSA key")
	}
	token, err := f.e.IssueToken(engine.Principal{ID: cert.Subject.CommonName, Type: engine.InstancePrincipal},
		session, tokenLifetime)
	return &engine.Answer{Body: engine.Doc{"token": token}}, err
}

// verified parses a certificate, and checks that the authority has signed it and that its instance runs.
func (f *federation) verified(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	authority := f.authority
	f.mu.Unlock()
	if authority == nil {
		return nil, fmt.Errorf("it is from before a restart")
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := cert.Verify(options); err != nil {
		return nil, err
	}
	if !f.runs(cert.Subject.CommonName) {
		return nil, fmt.Errorf("its instance %s does not run", cert.Subject.CommonName)
	}
	return cert, nil
}

// fingerprint is the SHA-256 digest of a certificate, in pairs of digits.
func fingerprint(cert *x509.Certificate) string {
	return strings.ReplaceAll(fmt.Sprintf("% x", sha256.Sum256(cert.Raw)), " ", ":")
}
