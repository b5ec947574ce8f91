package doctor

import (
	"context"
	"fmt"
	"time"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/workload"
)

// certificates checks the guestbooks' certificates of the Certificates service, by the rules of
// components/guestbook.CheckCertificate.
func (v *visit) certificates(ctx context.Context) (results []Result) {
	for _, g := range v.settings.Guestbooks {
		if g.TLSCertificateID != "" {
			results = append(results, v.certificate(ctx, g))
		}
	}
	return results
}

func (v *visit) certificate(ctx context.Context, g workload.Guestbook) Result {
	var found struct {
		LifecycleState, CompartmentID, ConfigType string
		CurrentVersion                            struct {
			SubjectAlternativeNames []struct{ Value string }
			Validity                struct{ TimeOfValidityNotAfter, TimeOfValidityNotBefore time.Time }
		}
	}
	err := v.cloud.get(ctx, certificates, "/certificates/"+g.TLSCertificateID, nil, &found)
	what := "tlsCertificateId of guestbook " + g.Name
	switch {
	case ocirest.IsNotFound(err):
		return v.unseen(what, "certificate", g.TLSCertificateID)
	case err != nil:
		return unavailable(what, err)
	}
	certificate := workload.FoundCertificate{
		State: found.LifecycleState, Origin: found.ConfigType,
		NotBefore: found.CurrentVersion.Validity.TimeOfValidityNotBefore,
		NotAfter:  found.CurrentVersion.Validity.TimeOfValidityNotAfter,
	}
	for _, name := range found.CurrentVersion.SubjectAlternativeNames {
		certificate.Names = append(certificate.Names, name.Value)
	}
	if err := g.CheckFound(certificate, time.Now()); err != nil {
		return badSetting("tlsCertificateId, or renew the certificate,", fmt.Errorf("%s: %w", what, err))
	}
	if found.CompartmentID != v.compartmentID {
		return skipped("the certificate of guestbook %s is in compartment %s", g.Name, found.CompartmentID).
			do("the cluster may use it there by the statements of make policies ARGS=--certificate-compartment=%s",
				found.CompartmentID)
	}
	return ok("the certificate of guestbook %s is usable", g.Name)
}
