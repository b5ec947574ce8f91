package guestbook

import (
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/iam"
	"oke-guestbook/plan/workload"
)

// getCertificate is called by its token, as getLoadBalancers is.
const getCertificate = "oci:CertificatesManagement/getCertificate:getCertificate"

// CheckCertificate asks the cloud for the guestbook's certificate of the Certificates service. With an unusable one the
// load balancer would be refused after the cluster is made, or serve what no visitor accepts.
func CheckCertificate(ctx *pulumi.Context, g workload.Guestbook, place Place) error {
	if g.TLSCertificateID == "" {
		return nil
	}
	refuse := func(err error) error {
		return fmt.Errorf("tlsCertificateId: guestbook %q cannot have %s: %w", g.Name, g.TLSCertificateID, err)
	}
	args := struct {
		CertificateID string `pulumi:"certificateId"`
	}{g.TLSCertificateID}
	var found struct {
		CompartmentID   string `pulumi:"compartmentId"`
		ConfigType      string `pulumi:"configType"`
		State           string `pulumi:"state"`
		CurrentVersions []struct {
			SubjectAlternativeNames []struct {
				Value string `pulumi:"value"`
			} `pulumi:"subjectAlternativeNames"`
			Validities []struct {
				NotAfter  string `pulumi:"timeOfValidityNotAfter"`
				NotBefore string `pulumi:"timeOfValidityNotBefore"`
			} `pulumi:"validities"`
		} `pulumi:"currentVersions"`
	}
	if err := ctx.Invoke(getCertificate, &args, &found); err != nil {
		return refuse(fmt.Errorf("this user sees no such certificate in the region: %w", err))
	}
	if found.State == "" { // the official provider's answer about what the user does not see
		return refuse(errors.New("this user sees no such certificate in the region (NotAuthorizedOrNotFound)"))
	}
	certificate := workload.FoundCertificate{State: found.State, Origin: found.ConfigType}
	for _, version := range found.CurrentVersions {
		for _, name := range version.SubjectAlternativeNames {
			certificate.Names = append(certificate.Names, name.Value)
		}
		for _, validity := range version.Validities {
			certificate.NotAfter = lookup.Time(validity.NotAfter)
			certificate.NotBefore = lookup.Time(validity.NotBefore)
		}
	}
	if err := g.CheckFound(certificate, time.Now()); err != nil {
		return refuse(err)
	}
	place.Found.Note(iam.Certificate, found.CompartmentID)
	if found.CompartmentID == place.CompartmentID || place.ClusterPolicy {
		return nil
	}
	return ctx.Log.Warn(fmt.Sprintf("tlsCertificateId: the certificate of guestbook %q is in compartment %s: the cluster "+
		"may use it there only by the statements that make policies prints with --certificate-compartment",
		g.Name, found.CompartmentID), nil)
}
