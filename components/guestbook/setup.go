package guestbook

import (
	_ "embed"
	"strconv"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// setupScript makes the replica set and the users, and gives the users their passwords of today. It may run any number of times.
//
//go:embed scripts/setup.js
var setupScript string

// tidyAfter is how long a finished job can be looked at before the TTL controller deletes it, in seconds.
const tidyAfter = 24 * 60 * 60

// setup makes the job that prepares the database: replica set and users, then the application's indexes. A new release of
// the credentials changes its template, and so makes it anew.
func (b *builder) setup() error {
	script, err := corev1.NewConfigMap(b.ctx, b.name+"-setup", &corev1.ConfigMapArgs{
		Metadata: b.meta("mongo-setup", flows.Setup, nil),
		Data:     pulumi.StringMap{"setup.js": pulumi.String(setupScript)},
	}, b.within()...)
	if err != nil {
		return err
	}
	users := helper("users", b.book.MongoImage,
		// Until the database is there, one try takes half a minute; the job starts the next.
		[]string{"mongosh", "--quiet", "--norc", "mongodb://mongo-0.mongo:27017/admin?directConnection=true", "/scripts/setup.js"},
		map[string]string{"HOME": "/tmp", "REPLICAS": strconv.Itoa(b.book.MongoReplicas), "SECRETS": secretPath, "RELEASE": strconv.Itoa(b.book.CredentialsRelease)},
		mount("scripts", "/scripts", true), mount("credentials", secretPath, true))
	indexes := helper("indexes", b.book.FrontendImage, nil, b.databaseEnvironment(), mount("credentials", secretPath, true))
	indexes.Command = nil
	indexes.Args = pulumi.ToStringArray([]string{"indexes"})

	b.setupJob, err = batchv1.NewJob(b.ctx, b.name+"-setup", &batchv1.JobArgs{
		Metadata: b.meta("mongo-setup", flows.Setup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit:            pulumi.Int(20),
			TtlSecondsAfterFinished: pulumi.Int(tidyAfter),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Setup)},
				Spec: b.jobPod(flows.Setup, corev1.ContainerArray{users}, indexes, corev1.VolumeArray{
					scratch("tmp"), b.credentialFiles(rootFile, appFile, backupFile),
					corev1.VolumeArgs{Name: pulumi.String("scripts"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: script.Metadata.Name()}},
				}),
			},
		},
	}, b.within(patience())...)
	return err
}

// jobPod is a Pod that does one step after the other, as the database image's user.
func (b *builder) jobPod(component string, steps corev1.ContainerArray, last corev1.ContainerArgs, volumes corev1.VolumeArray) corev1.PodSpecArgs {
	return corev1.PodSpecArgs{
		ServiceAccountName:           pulumi.String(component),
		AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              podSecurity(mongoUser),
		RestartPolicy:                pulumi.String("OnFailure"),
		InitContainers:               steps,
		Containers:                   corev1.ContainerArray{last},
		Volumes:                      volumes,
	}
}
