package guestbook

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"strconv"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// Shell scripts of backup and restore. dump and restore run in the database's image, upload and download in that of the
// OCI command line interface.
var (
	//go:embed scripts/dump.sh
	dumpScript string
	//go:embed scripts/upload.sh
	uploadScript string
	//go:embed scripts/download.sh
	downloadScript string
	//go:embed scripts/restore.sh
	restoreScript string
)

// backup makes the bucket, and the jobs that save the database to it and restore it from there. With an external
// database there are no jobs; the bucket stays with its objects.
func (b *builder) backup(secret *corev1.Secret, unchanged pulumi.ResourceOption, database []pulumi.Resource) error {
	bucket, namespace, err := b.bucket(unchanged)
	if err != nil {
		return err
	}
	env := map[string]string{
		"HOME":        "/tmp",
		"MONGODB_URI": b.databaseURI(),
		"PASSWORD":    secretPath + "/" + backupFile,
		"BUCKET":      bucket,
		"NAMESPACE":   namespace,
		"KEEP_DAYS":   strconv.Itoa(b.book.BackupRetentionDays),
		"OBJECT":      b.book.RestoreFrom,
		// Workload identity (OCI SDK for Python, get_oke_workload_identity_resource_principal_signer).
		"OCI_CLI_AUTH":                              "oke_workload_identity",
		"OCI_CLI_REGION":                            b.args.Store.Region,
		"OCI_RESOURCE_PRINCIPAL_VERSION":            "2.2",
		"OCI_RESOURCE_PRINCIPAL_REGION":             b.args.Store.Region,
		"SUPPRESS_LABEL_WARNING":                    "True",
		"OCI_CLI_SUPPRESS_FILE_PERMISSIONS_WARNING": "True",
	}
	if b.book.BackupSchedule != "" && b.book.OwnDatabase() {
		if err := b.schedule(secret, env); err != nil {
			return err
		}
	}
	if b.book.RestoreFrom != "" {
		return b.restore(secret, env, database)
	}
	return nil
}

// schedule makes the CronJob that backs up.
func (b *builder) schedule(secret *corev1.Secret, env map[string]string) error {
	_, err := batchv1.NewCronJob(b.ctx, b.name+"-backup", &batchv1.CronJobArgs{
		Metadata: b.meta("mongo-backup", flows.Backup, nil),
		Spec: batchv1.CronJobSpecArgs{
			Schedule:                pulumi.String(b.book.BackupSchedule),
			TimeZone:                pulumi.String("Etc/UTC"),
			ConcurrencyPolicy:       pulumi.String("Forbid"),
			StartingDeadlineSeconds: pulumi.Int(60 * 60),
			JobTemplate: batchv1.JobTemplateSpecArgs{Spec: batchv1.JobSpecArgs{
				BackoffLimit:            pulumi.Int(3),
				ActiveDeadlineSeconds:   pulumi.Int(6 * 60 * 60),
				TtlSecondsAfterFinished: pulumi.Int(ttlSeconds),
				Template: corev1.PodTemplateSpecArgs{
					Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
					Spec:     backupPod(secret, env, step{b.book.MongoImage, dumpScript}, step{b.book.BackupImage, uploadScript}),
				},
			}},
		},
	}, b.namespaced()...)
	return err
}

// restore makes a job that restores a backup, once for each name of a backup. The finished job stays, and is never
// replaced: otherwise the next update would restore the backup again, over newer entries.
func (b *builder) restore(secret *corev1.Secret, env map[string]string, database []pulumi.Resource) error {
	suffix := fmt.Sprintf("-restore-%.4x", sha256.Sum256([]byte(b.book.RestoreFrom)))
	_, err := batchv1.NewJob(b.ctx, b.name+suffix, &batchv1.JobArgs{
		Metadata: b.meta("mongo"+suffix, flows.Backup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(3),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
				Spec:     backupPod(secret, env, step{b.book.BackupImage, downloadScript}, step{b.book.MongoImage, restoreScript}),
			},
		},
	}, b.namespaced(createTimeout(), pulumi.IgnoreChanges([]string{"spec"}), pulumi.DependsOn(database))...)
	return err
}

// step is one container of a backup or restore.
type step struct{ image, script string }

// backupPod runs two steps, one after the other, with a directory between them.
func backupPod(secret *corev1.Secret, env map[string]string, first, second step) corev1.PodSpecArgs {
	container := func(name string, s step) corev1.ContainerArgs {
		return helper(name, s.image, []string{"bash", "-euo", "pipefail", "-c", s.script}, env,
			mount(credentialsVolume, secretPath, true), mount("work", "/work", false))
	}
	pod := jobPod(flows.Backup, container("first", first), container("second", second),
		corev1.VolumeArray{scratch("tmp"), scratch("work"), credentialFiles(secret, backupFile)})
	// The only account with a token: Object Storage identifies the job by it.
	pod.AutomountServiceAccountToken = pulumi.Bool(true)
	return pod
}
