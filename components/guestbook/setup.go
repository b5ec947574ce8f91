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

// setupScript makes the replica set and the users, and sets the users' current passwords. It is idempotent.
//
//go:embed scripts/setup.js
var setupScript string

// ttlSeconds is how long a finished job can be inspected before the TTL controller deletes it.
const ttlSeconds = 24 * 60 * 60

// setup makes the job that prepares the database: replica set and users, then the application's indexes. A new release
// of the credentials changes its template, and so replaces it.
func (b *builder) setup(secret *corev1.Secret) (*batchv1.Job, error) {
	script, err := corev1.NewConfigMap(b.ctx, b.name+"-setup", &corev1.ConfigMapArgs{
		Metadata: b.meta("mongo-setup", flows.Setup, nil),
		Data:     pulumi.StringMap{"setup.js": pulumi.String(setupScript)},
	}, b.namespaced()...)
	if err != nil {
		return nil, err
	}
	secretMount := mount(credentialsVolume, secretPath, true)
	first := "mongodb://" + member(0) + "/admin?directConnection=true"
	users := helper("users", b.book.MongoImage,
		// Without a database one attempt takes half a minute; the job starts the next.
		[]string{"mongosh", "--quiet", "--norc", first, "/scripts/setup.js"},
		map[string]string{
			"HOME": "/tmp", "REPLICAS": strconv.Itoa(b.book.MongoReplicas),
			"SECRETS": secretPath, "RELEASE": strconv.Itoa(b.book.CredentialsRelease),
		},
		mount("scripts", "/scripts", true), secretMount)
	indexes := helper("indexes", b.book.FrontendImage, nil, b.databaseEnvironment(), secretMount)
	indexes.Command = nil
	indexes.Args = pulumi.ToStringArray([]string{"indexes"})

	volumes := corev1.VolumeArray{
		scratch("tmp"), credentialFiles(secret, rootFile, appFile, backupFile),
		corev1.VolumeArgs{
			Name: pulumi.String("scripts"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: script.Metadata.Name()},
		},
	}
	return batchv1.NewJob(b.ctx, b.name+"-setup", &batchv1.JobArgs{
		Metadata: b.meta("mongo-setup", flows.Setup, nil),
		Spec: batchv1.JobSpecArgs{
			BackoffLimit:            pulumi.Int(20),
			TtlSecondsAfterFinished: pulumi.Int(ttlSeconds),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Setup)},
				Spec:     jobPod(flows.Setup, users, indexes, volumes),
			},
		},
	}, b.namespaced(createTimeout())...)
}

// jobPod is a Pod that runs two containers one after the other, as the database image's user.
func jobPod(component string, first, second corev1.ContainerArgs, volumes corev1.VolumeArray) corev1.PodSpecArgs {
	return corev1.PodSpecArgs{
		ServiceAccountName:           pulumi.String(component),
		AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              podSecurity(mongoUser),
		RestartPolicy:                pulumi.String("OnFailure"),
		InitContainers:               corev1.ContainerArray{first},
		Containers:                   corev1.ContainerArray{second},
		Volumes:                      volumes,
	}
}
