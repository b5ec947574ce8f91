package guestbook

import (
	"fmt"
	"time"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/iam"
)

// measureSchedule is once in an interval of the alarms' queries (plan/alarm).
const measureSchedule = "*/5 * * * *"

// measure makes the CronJob that posts the guestbook's metrics to Monitoring, and the policy that lets it.
func (b *builder) measure(secret *corev1.Secret, unchanged pulumi.ResourceOption) error {
	policy, err := b.measurePolicy(unchanged)
	if err != nil {
		return err
	}
	env := b.databaseEnvironment()
	env["METRIC_STACK"] = b.ctx.Project() + "-" + b.ctx.Stack()
	env["METRIC_GUESTBOOK"] = b.name
	env["METRIC_COMPARTMENT"] = b.args.Store.CompartmentID
	env["FRONTEND_URL"] = "http://guestbook" + b.book.ReadinessPath
	env["OCI_REGION"] = b.args.Store.Region
	if expires := b.book.CertificateExpires(); !expires.IsZero() {
		env["CERTIFICATE_EXPIRES"] = expires.UTC().Format(time.RFC3339)
	}
	if b.book.TLSCertificateID != "" {
		env["CERTIFICATE_ID"] = b.book.TLSCertificateID
	}
	if b.book.ACME() {
		env["ACME_DIRECTORY"], env["TLS_HOSTNAME"] = b.book.ACMEDirectory, b.book.TLSHostname
	}
	if b.book.BackupSchedule != "" {
		env["BACKUP_INTERVAL"] = b.book.BackupInterval().String()
	}
	pod := b.jobPod(flows.Measure, []string{"measure"}, env, credentialFiles(secret, appFile))
	pod.AutomountServiceAccountToken = pulumi.Bool(true) // Monitoring identifies the job by it
	_, err = batchv1.NewCronJob(b.ctx, b.name+"-measure", &batchv1.CronJobArgs{
		Metadata: b.meta("measure", flows.Measure, nil),
		Spec: batchv1.CronJobSpecArgs{
			Schedule:                   pulumi.String(measureSchedule),
			ConcurrencyPolicy:          pulumi.String("Replace"),
			SuccessfulJobsHistoryLimit: pulumi.Int(1),
			JobTemplate: batchv1.JobTemplateSpecArgs{Spec: batchv1.JobSpecArgs{
				BackoffLimit:            pulumi.Int(2),
				ActiveDeadlineSeconds:   pulumi.Int(4 * 60),
				TtlSecondsAfterFinished: pulumi.Int(60 * 60),
				Template: corev1.PodTemplateSpecArgs{
					Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Measure)},
					Spec:     pod,
				},
			}},
		},
	}, b.namespaced(pulumi.DependsOn(append([]pulumi.Resource{policy}, b.before...)))...)
	return err
}

// measurePolicy allows the job, by its workload identity, to post metrics and to read the certificate of
// tlsCertificateId.
func (b *builder) measurePolicy(unchanged pulumi.ResourceOption) (pulumi.Resource, error) {
	s := b.args.Store
	opts, err := home.Options(b.ctx, b.name+"-metrics", s.Region, s.HomeRegion, b.g)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%s-%s-metrics", b.ctx.Project(), b.ctx.Stack(), b.name)
	statements := s.ClusterID.ToStringOutput().ApplyT(func(cluster string) []string {
		list := []string{iam.MeasureStatement(s.CompartmentID, b.book.Namespace, cluster)}
		if id := b.book.TLSCertificateID; id != "" {
			list = append(list, iam.CertificateStatement(s.CompartmentID, b.book.Namespace, cluster, id))
		}
		return list
	}).(pulumi.StringArrayOutput)
	return home.Policy{
		Name: name, CompartmentID: s.CompartmentID, Description: "Metrics of guestbook " + b.name,
		Statements: statements, Tags: s.Tags,
	}.Create(b.ctx, b.name+"-metrics", append(opts, unchanged)...)
}
