package guestbook

import (
	"strconv"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/plan/flows"
)

// ttlSeconds is how long a finished job can be inspected before the TTL controller deletes it.
const ttlSeconds = 24 * 60 * 60

// setup makes the job that prepares the database: replica set, users with their current passwords, and the frontend's
// index. It is idempotent. A new release of the credentials changes its template, and so replaces it.
func (b *builder) setup(secret *corev1.Secret) (*batchv1.Job, error) {
	env := b.databaseEnvironment()
	env["MONGODB_ROOT_PASSWORD_FILE"] = secretPath + "/" + rootFile
	env["BACKUP_PASSWORD_FILE"] = secretPath + "/" + backupFile
	return batchv1.NewJob(b.ctx, b.name+"-setup", &batchv1.JobArgs{
		Metadata: b.meta("mongo-setup", flows.Setup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit:            pulumi.Int(20),
			TtlSecondsAfterFinished: pulumi.Int(ttlSeconds),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{
					Labels: labels(flows.Setup),
					Annotations: pulumi.StringMap{
						"oke-guestbook/credentials-release": pulumi.String(strconv.Itoa(b.book.CredentialsRelease)),
					},
				},
				Spec: b.jobPod(flows.Setup, []string{"setup"}, env, credentialFiles(secret, rootFile, appFile, backupFile)),
			},
		},
	}, b.namespaced(createTimeout(), pulumi.DependsOn(b.before))...)
}

// jobPod is a Pod that runs a command of this project's binary, as the database image's user, to whom the credentials
// belong.
func (b *builder) jobPod(component string, command []string, env map[string]string, credentials corev1.VolumeArgs,
) corev1.PodSpecArgs {
	container := helper(component, b.book.Chores(), nil, env, mount(credentialsVolume, secretPath, true))
	container.Command, container.Args = nil, pulumi.ToStringArray(command)
	return corev1.PodSpecArgs{
		ServiceAccountName:           pulumi.String(component),
		AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              podSecurity(mongoUser),
		RestartPolicy:                pulumi.String("OnFailure"),
		Containers:                   corev1.ContainerArray{container},
		Volumes:                      corev1.VolumeArray{scratch("tmp"), credentials},
		// The account names it too; but Pods that wait for an image are replaced only for a new template.
		ImagePullSecrets: pull.Names(b.pull),
	}
}
