// Package certificates emulates the Certificates service as far as load balancers need it: imported certificates, their
// versions and the deletion that is scheduled. It has no certificate authorities, and checks no rules.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"regexp"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

const (
	base = "/20210224"
	// Kind is the kind of certificates; listeners name them.
	Kind     = "certificate"
	path     = "/certificates"
	imported = "IMPORTED"
)

// secret is what the service remembers of a certificate and does not show here: its current version.
type secret struct{ Chain, Key string }

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.ServeReads(&engine.Kind{
		Name: Kind, Title: "certificate", Path: path, Model: "certificatesmanagement.Certificate",
		Summary: "certificatesmanagement.CertificateSummary", NameKey: "name", Collection: func(engine.Doc, []any) {},
		States: engine.ServiceStates, CreateTime: 2 * time.Second, Private: engine.PrivateOf[secret](), OnGet: permit,
	})
	api.Handle("POST "+path, "certificatesmanagement.CreateCertificateDetails", create)
	api.Handle("PUT "+path+"/{id}", "certificatesmanagement.UpdateCertificateDetails",
		engine.OnChangeable(Kind, update, "ACTIVE"))
	api.Handle("POST "+path+"/{id}/actions/scheduleDeletion",
		"certificatesmanagement.ScheduleCertificateDeletionDetails", engine.OnChangeable(Kind, schedule, "ACTIVE"))
}

// permit refuses a principal that may not read the certificate (Oracle, "Details for the Certificates Service", updated
// 2025-01-14, a copy read 2026-11-29).
func permit(c *engine.Call, r *engine.Resource) error {
	target := map[string]string{"target.leaf-certificate.id": r.ID}
	if !c.Permitted("CERTIFICATE_READ", r.Doc.Str("compartmentId"), target) {
		return engine.NotFound(r.ID)
	}
	return nil
}

// names are the form of a certificate's name (API reference, CreateCertificateDetails, November 2026).
var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)

func create(c *engine.Call) (*engine.Answer, error) {
	config := c.Body.Sub("certificateConfig")
	delete(c.Body, "certificateConfig")
	if name := c.Body.Str("name"); !names.MatchString(name) {
		return nil, engine.Invalid("name: %q may have letters, digits, hyphens, underscores and periods", name)
	}
	for _, other := range c.All(Kind, engine.With("name", c.Body.Str("name"))) {
		return nil, engine.Conflict("the certificate %s has the name %q", other.ID, c.Body.Str("name"))
	}
	version, kept, err := read(c, config, 1)
	if err != nil {
		return nil, err
	}
	c.Body["configType"] = imported
	r, err := c.Create(Kind)
	if err != nil {
		return nil, err
	}
	set(r, version, kept)
	answer := r.Answer()
	answer.Created = r.ID
	return answer, nil
}

// update makes another version of the certificate the current one, if the body has one.
func update(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	config := c.Body.Sub("certificateConfig")
	delete(c.Body, "certificateConfig")
	delete(c.Body, "currentVersionNumber")
	r.Doc.Merge(c.Body)
	if config != nil {
		version, kept, err := read(c, config, r.Doc.Num("currentVersion", "versionNumber")+1)
		if err != nil {
			return nil, err
		}
		set(r, version, kept)
	}
	return r.Answer(), nil
}

// schedule begins the time before a certificate is deleted, which never ends here.
func schedule(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	r.SetState("PENDING_DELETION")
	c.Body.Default(engine.Doc{"timeOfDeletion": engine.Timestamp(c.Now.AddDate(0, 0, 30))})
	r.Doc["timeOfDeletion"] = c.Body["timeOfDeletion"]
	return &engine.Answer{Status: http.StatusNoContent}, nil
}

// read checks an imported pair, and returns the version that it is, and what is kept of it.
func read(c *engine.Call, config engine.Doc, number float64) (version engine.Doc, kept secret, err error) {
	if config.Str("configType") != imported {
		return nil, kept, engine.NotImplemented("certificateConfig: the local cloud has no certificate authority; " +
			"configType must be " + imported)
	}
	kept = secret{
		Chain: strings.TrimSpace(config.Str("certificatePem")) + "\n" + config.Str("certChainPem"),
		Key:   config.Str("privateKeyPem"),
	}
	pair, err := tls.X509KeyPair([]byte(kept.Chain), []byte(kept.Key))
	if err != nil {
		return nil, kept, engine.Invalid("certificateConfig: %v", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, kept, engine.Invalid("certificatePem: %v", err)
	}
	var alternatives []any
	for _, name := range leaf.DNSNames {
		alternatives = append(alternatives, engine.Doc{"type": "DNS", "value": name})
	}
	for _, ip := range leaf.IPAddresses {
		alternatives = append(alternatives, engine.Doc{"type": "IP", "value": ip.String()})
	}
	return engine.Doc{
		"versionNumber": number, "stages": []any{"CURRENT", "LATEST"}, "timeCreated": engine.Timestamp(c.Now),
		"serialNumber": leaf.SerialNumber.Text(16), "subjectAlternativeNames": alternatives,
		"validity": engine.Doc{
			"timeOfValidityNotBefore": engine.Timestamp(leaf.NotBefore),
			"timeOfValidityNotAfter":  engine.Timestamp(leaf.NotAfter),
		},
	}, kept, nil
}

// set makes a version the current one.
func set(r *engine.Resource, version engine.Doc, kept secret) {
	version["certificateId"] = r.ID
	r.Doc["currentVersion"] = version
	*engine.Private[secret](r) = kept
}

// Check returns an error unless a listener can have the certificate. field is where the request names it.
func Check(t *engine.Tx, field, id string) error {
	r, err := t.Live(Kind, field, id)
	if err == nil && r.State() != "ACTIVE" {
		err = engine.Invalid("%s: the certificate %s is %s, not ACTIVE", field, id, r.State())
	}
	return err
}

// Current returns the current version of a certificate and its key, in PEM; empty if there is none.
func Current(t *engine.Tx, id string) (chain, key string) {
	r := t.Find(id)
	if r == nil {
		return "", ""
	}
	kept := engine.Private[secret](r)
	return kept.Chain, kept.Key
}
