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

// The steps of backup and restore, shell scripts: the first and the last run in the database's image, the others in the OCI
// command line interface's.
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

// backup makes the jobs that save the database to Object Storage and load it from there. While the database lives elsewhere
// there are no jobs; the bucket is kept with what it holds.
func (b *builder) backup() error {
	bucket, namespace, err := b.store()
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
		if err := b.schedule(env); err != nil {
			return err
		}
	}
	if b.book.RestoreFrom != "" {
		return b.restore(env)
	}
	return nil
}

func (b *builder) schedule(env map[string]string) error {
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
				TtlSecondsAfterFinished: pulumi.Int(tidyAfter),
				Template: corev1.PodTemplateSpecArgs{
					Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
					Spec:     b.backupPod(env, b.book.MongoImage, dumpScript, b.book.BackupImage, uploadScript),
				},
			}},
		},
	}, b.within()...)
	return err
}

// restore makes a job that loads a backup, once for each name of a backup. The job stays when it has finished, and as it was
// made: were it tidied away, or replaced because another setting changes its Pod, the next `up` would load the backup once
// more, over what has been written since.
func (b *builder) restore(env map[string]string) error {
	once := fmt.Sprintf("-restore-%.4x", sha256.Sum256([]byte(b.book.RestoreFrom)))
	_, err := batchv1.NewJob(b.ctx, b.name+once, &batchv1.JobArgs{
		Metadata: b.meta("mongo"+once, flows.Backup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(3),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
				Spec:     b.backupPod(env, b.book.BackupImage, downloadScript, b.book.MongoImage, restoreScript),
			},
		},
	}, b.within(patience(), pulumi.IgnoreChanges([]string{"spec"}), pulumi.DependsOn([]pulumi.Resource{b.g.Database, b.setupJob}))...)
	return err
}

// backupPod runs one script after the other, each in an image of its own, with a directory between them.
func (b *builder) backupPod(env map[string]string, firstImage, first, secondImage, second string) corev1.PodSpecArgs {
	step := func(name, image, script string) corev1.ContainerArgs {
		return helper(name, image, []string{"bash", "-euo", "pipefail", "-c", script}, env,
			mount("credentials", secretPath, true), mount("work", "/work", false))
	}
	pod := b.jobPod(flows.Backup, corev1.ContainerArray{step("first", firstImage, first)}, step("second", secondImage, second),
		corev1.VolumeArray{scratch("tmp"), scratch("work"), b.credentialFiles(backupFile)})
	// The one account with a token: Object Storage knows the job by it.
	pod.AutomountServiceAccountToken = pulumi.Bool(true)
	return pod
}
