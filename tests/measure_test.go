package tests

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/mocks"
)

// podOf returns the Pod of a CronJob.
func podOf(job mocks.Resource) resource.PropertyMap {
	return job.Inputs["spec"].ObjectValue()["jobTemplate"].ObjectValue()["spec"].ObjectValue()["template"].
		ObjectValue()["spec"].ObjectValue()
}

// environment returns the variables of a CronJob's container.
func environment(job mocks.Resource) map[string]string {
	env := map[string]string{}
	for _, v := range mocks.Items(mocks.Items(podOf(job)["containers"])[0].ObjectValue()["env"]) {
		env[mocks.Text(v.ObjectValue()["name"])] = mocks.Text(v.ObjectValue()["value"])
	}
	return env
}

// TestMeasureJob expects the job that posts metrics to know the certificate's end, the backups' schedule and the stack,
// and to have a token of its own account.
func TestMeasureJob(t *testing.T) {
	set := https(selfSigned(time.Now(), time.Date(2099, 1, 31, 12, 0, 0, 0, time.UTC)))
	maps.Copy(set, map[string]string{
		"alarmEmails": `["ops@example.com"]`, "backupSchedule": "0 3,15 * * *", "clusterType": "enhanced",
	})
	r, err := run(t, "local", set)
	if err != nil {
		t.Fatal(err)
	}
	job, err := r.Find("kubernetes:batch/v1:CronJob", "guestbook-measure")
	if err != nil {
		t.Fatal(err)
	}
	pod, env := podOf(job), environment(job)
	for name, want := range map[string]string{
		"METRIC_STACK": "oke-guestbook-local", "METRIC_GUESTBOOK": "guestbook", "BACKUP_INTERVAL": "12h0m0s",
		"CERTIFICATE_EXPIRES": "2099-01-31T12:00:00Z", "FRONTEND_URL": "http://guestbook/readyz",
		"METRIC_COMPARTMENT": "ocid1.compartment.oc1..aaaaaaaalocalcloudcompartment", "MONGODB_USERNAME": "guestbook",
	} {
		if env[name] != want {
			t.Errorf("%s=%q, want %q", name, env[name], want)
		}
	}
	if !pod["automountServiceAccountToken"].BoolValue() || mocks.Text(pod["serviceAccountName"]) != "measure" {
		t.Errorf("account %v, token %v", pod["serviceAccountName"], pod["automountServiceAccountToken"])
	}
	policy, err := r.Find("oci:Identity/policy:Policy", "guestbook-metrics")
	if err != nil {
		t.Fatal(err)
	}
	statement := mocks.Text(mocks.Items(policy.Inputs["statements"])[0])
	if !strings.Contains(statement, "use metrics in compartment id") ||
		!strings.Contains(statement, "service_account = 'measure'") ||
		!strings.Contains(statement, "target.metrics.namespace = 'guestbook'") {
		t.Errorf("statement %s", statement)
	}
}

// TestMeasuredCertificate expects the job to know the certificate of the Certificates service, and to be allowed to
// read it.
func TestMeasuredCertificate(t *testing.T) {
	set := maps.Clone(byOCID)
	maps.Copy(set, map[string]string{"alarmEmails": `["ops@example.com"]`, "clusterType": "enhanced"})
	r, err := run(t, "local", set)
	if err != nil {
		t.Fatal(err)
	}
	job, err := r.Find("kubernetes:batch/v1:CronJob", "guestbook-measure")
	if err != nil {
		t.Fatal(err)
	}
	if env := environment(job); env["CERTIFICATE_ID"] != mocks.CertificateID || env["CERTIFICATE_EXPIRES"] != "" {
		t.Errorf("environment %v", env)
	}
	policy, err := r.Find("oci:Identity/policy:Policy", "guestbook-metrics")
	if err != nil {
		t.Fatal(err)
	}
	statements := mocks.Items(policy.Inputs["statements"])
	if len(statements) != 2 || !strings.Contains(mocks.Text(statements[1]), "read leaf-certificates in compartment id") ||
		!strings.Contains(mocks.Text(statements[1]), "target.leaf-certificate.id = '"+mocks.CertificateID+"'") {
		t.Errorf("statements %v", statements)
	}
}
