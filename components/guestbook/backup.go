package guestbook

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

// backup makes the bucket, and the jobs that save the database to it and restore it from there. With an external
// database there are no jobs; the bucket stays with its objects.
func (b *builder) backup(secret *corev1.Secret, unchanged pulumi.ResourceOption, database []pulumi.Resource) error {
	bucket, namespace, policy, err := b.bucket(unchanged)
	if err != nil {
		return err
	}
	env := map[string]string{
		"MONGODB_URI":           b.databaseURI(),
		"MONGODB_USERNAME":      backupUser,
		"MONGODB_PASSWORD_FILE": secretPath + "/" + backupFile,
		"BACKUP_NAMESPACE":      namespace,
		"BACKUP_BUCKET":         bucket,
		"BACKUP_KEEP_DAYS":      strconv.Itoa(b.book.BackupRetentionDays),
		"OCI_REGION":            b.args.Store.Region,
	}
	after := append(slices.Clone(database), policy)
	if b.book.RestoreFrom != "" {
		job, err := b.restore(b.backupPod(secret, env, "restore", b.book.RestoreFrom), after)
		if err != nil {
			return err
		}
		after = append(after, job)
	}
	if b.book.BackupSchedule == "" || !b.book.OwnDatabase() {
		return nil
	}
	if err := b.schedule(b.backupPod(secret, env, "backup"), policy); err != nil {
		return err
	}
	first, err := b.firstBackup(b.backupPod(secret, env, "backup"), after)
	if err != nil {
		return err
	}
	last := func(pulumi.ID) string { return b.lastBackup(namespace, bucket) }
	b.g.LastBackup = first.ID().ApplyT(last).(pulumi.StringOutput)
	return nil
}

// lastBackup returns the time of the newest backup in the bucket, in RFC 3339. An update does not fail if that cannot
// be found out.
func (b *builder) lastBackup(namespace, bucket string) string {
	names, err := objects(b.ctx, namespace, bucket, "", pulumi.Parent(b.g))
	if err != nil {
		_ = b.ctx.Log.Warn(fmt.Sprintf("the time of the last backup is not known: %v", err), &pulumi.LogArgs{Resource: b.g})
		return ""
	}
	return workload.NewestBackup(names)
}

// objects returns the names of the first objects in a bucket that begin with a prefix.
func objects(ctx *pulumi.Context, namespace, bucket, prefix string, opts ...pulumi.InvokeOption) ([]string, error) {
	args := struct {
		Namespace string  `pulumi:"namespace"`
		Bucket    string  `pulumi:"bucket"`
		Prefix    *string `pulumi:"prefix"`
	}{Namespace: namespace, Bucket: bucket}
	if prefix != "" {
		args.Prefix = &prefix
	}
	var result struct {
		Objects []struct {
			Name string `pulumi:"name"`
		} `pulumi:"objects"`
	}
	err := ctx.Invoke("oci:ObjectStorage/getObjects:getObjects", &args, &result, opts...)
	names := make([]string, 0, len(result.Objects))
	for _, o := range result.Objects {
		names = append(names, o.Name)
	}
	return names, err
}

// CheckBackup refuses a backup that the guestbook's bucket lacks: its job would repeat for minutes, and fail the
// update. What cannot be asked, as the bucket is not there yet or is hidden from the user, is not judged.
func CheckBackup(ctx *pulumi.Context, g workload.Guestbook, place Place) error {
	if g.RestoreFrom == "" {
		return nil
	}
	var names []string
	namespace, err := objectStorageNamespace(ctx, place.CompartmentID)
	for _, prefix := range []string{g.RestoreFrom, ""} {
		var more []string
		if err == nil {
			more, err = objects(ctx, namespace, bucketName(ctx, g.Name), prefix)
		}
		names = append(names, more...)
	}
	if err != nil {
		return ctx.Log.Debug(fmt.Sprintf("restoreFrom: backups of guestbook %s: %v", g.Name, err), nil)
	}
	if err := g.CheckBackup(names, time.Now()); err != nil {
		return fmt.Errorf("restoreFrom: guestbook %q: %w", g.Name, err)
	}
	return nil
}

// firstBackup makes a job that backs up once for each bucket, so that the update that asks for backups shows whether
// they work. It has no limit of retries and is tried again as long as it fails, because a policy may take effect late:
// the update waits for half an hour, and the next one for the same job. The finished job stays and is never replaced,
// as no update needs another backup.
func (b *builder) firstBackup(pod corev1.PodSpecArgs, after []pulumi.Resource) (*batchv1.Job, error) {
	return batchv1.NewJob(b.ctx, b.name+"-first-backup", &batchv1.JobArgs{
		Metadata: b.meta("mongo-first-backup", flows.Backup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(math.MaxInt32),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
				Spec:     pod,
			},
		},
	}, b.namespaced(createTimeout(), pulumi.IgnoreChanges([]string{"spec"}), pulumi.DependsOn(after))...)
}

// schedule makes the CronJob that backs up.
func (b *builder) schedule(pod corev1.PodSpecArgs, policy pulumi.Resource) error {
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
					Spec:     pod,
				},
			}},
		},
	}, b.namespaced(pulumi.DependsOn(append([]pulumi.Resource{policy}, b.before...)))...)
	return err
}

// restore makes a job that restores a backup, once for each name of a backup and each release. The finished job stays,
// and is never replaced: otherwise the next update would restore the backup again, over newer entries.
func (b *builder) restore(pod corev1.PodSpecArgs, after []pulumi.Resource) (*batchv1.Job, error) {
	once := b.book.RestoreFrom
	if b.book.RestoreRelease > 1 {
		once += fmt.Sprint("\x00", b.book.RestoreRelease)
	}
	suffix := fmt.Sprintf("-restore-%.4x", sha256.Sum256([]byte(once)))
	return batchv1.NewJob(b.ctx, b.name+suffix, &batchv1.JobArgs{
		Metadata: b.meta("mongo"+suffix, flows.Backup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(3),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backup)},
				Spec:     pod,
			},
		},
	}, b.namespaced(createTimeout(), pulumi.IgnoreChanges([]string{"spec"}), pulumi.DependsOn(after))...)
}

// backupPod runs a command with the bucket.
func (b *builder) backupPod(secret *corev1.Secret, env map[string]string, command ...string) corev1.PodSpecArgs {
	pod := b.jobPod(flows.Backup, command, env, credentialFiles(secret, backupFile))
	// The only account with a token: Object Storage identifies the job by it.
	pod.AutomountServiceAccountToken = pulumi.Bool(true)
	return pod
}
