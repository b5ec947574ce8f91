package guestbook

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

const (
	mongo        = "mongo" // StatefulSet, headless Service and container
	external     = "database"
	mongoPort    = 27017
	replicaSet   = "rs0"
	dataVolume   = "data"
	storageClass = "oci-bv"
)

// noAwait tells the provider not to wait for a Service's endpoints: what serves them is waited for already.
var noAwait = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}

// claims makes the claims of the database's volumes.
//
// They are resources of their own, under the names that the StatefulSet would give them, so that they can be protected and
// grown, and so that a destroy takes them in the right order: StatefulSet, claims, then nodes and namespace, and the cluster
// last. The volumes are detached and deleted while there are nodes and a cluster to do it.
//
// They are kept while the database lives elsewhere, with their size: what no Pod has used yet cannot be resized.
func (b *builder) claims() error {
	opts := []pulumi.ResourceOption{pulumi.Parent(b.g), pulumi.DependsOn(b.args.Nodes), pulumi.Protect(b.args.Protect)}
	if !b.book.OwnDatabase() {
		opts = append(opts, pulumi.IgnoreChanges([]string{"spec.resources"}))
	}
	if b.quota != nil { // which has to allow a further member's volume first
		opts = append(opts, pulumi.DependsOn([]pulumi.Resource{b.quota}))
	}
	for i := range b.book.MongoReplicas {
		claim, err := corev1.NewPersistentVolumeClaim(b.ctx, fmt.Sprintf("%s-data-%d", b.name, i), &corev1.PersistentVolumeClaimArgs{
			Metadata: b.meta(fmt.Sprintf("%s-%s-%d", dataVolume, mongo, i), flows.Backend, nil),
			Spec:     claim(b.book.StorageGB),
		}, opts...)
		if err != nil {
			return err
		}
		b.g.Claims = append(b.g.Claims, claim)
	}
	return nil
}

func claim(gb int) corev1.PersistentVolumeClaimSpecArgs {
	return corev1.PersistentVolumeClaimSpecArgs{
		AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		StorageClassName: pulumi.String(storageClass),
		Resources: corev1.VolumeResourceRequirementsArgs{
			Requests: pulumi.StringMap{"storage": pulumi.Sprintf("%dGi", gb)},
		},
	}
}

// database makes a MongoDB on block volumes, behind a headless Service.
func (b *builder) database() error {
	_, err := corev1.NewService(b.ctx, b.name+"-mongo", &corev1.ServiceArgs{
		Metadata: b.meta(mongo, flows.Backend, noAwait),
		Spec: corev1.ServiceSpecArgs{
			ClusterIP: pulumi.String("None"),
			Selector:  selector(flows.Backend),
			Ports:     corev1.ServicePortArray{corev1.ServicePortArgs{Name: pulumi.String(mongo), Port: pulumi.Int(mongoPort)}},
			// The members of a replica set have to find each other before any of them is ready.
			PublishNotReadyAddresses: pulumi.Bool(b.book.Hardened()),
		},
	}, b.within()...)
	if err != nil {
		return err
	}
	pod := b.tutorialDatabase()
	if b.book.Hardened() {
		pod = b.hardenedDatabase()
	}
	dependencies := make([]pulumi.Resource, 0, len(b.g.Claims))
	for _, claim := range b.g.Claims {
		dependencies = append(dependencies, claim)
	}
	b.g.Database, err = appsv1.NewStatefulSet(b.ctx, b.name+"-mongo", &appsv1.StatefulSetArgs{
		Metadata: b.meta(mongo, flows.Backend, nil),
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: pulumi.String(mongo),
			Replicas:    pulumi.Int(b.book.MongoReplicas),
			Selector:    matching(flows.Backend),
			// Members of a new replica set become ready together or not at all. The field cannot change later.
			PodManagementPolicy: pulumi.String("Parallel"),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backend)},
				Spec:     pod,
			},
			// Only read when a claim is missing, and it cannot change later: so it names the smallest volume.
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(dataVolume)},
				Spec:     claim(workload.MinStorageGB),
			}},
		},
	}, pulumi.Parent(b.g), pulumi.DependsOn(dependencies), patience())
	return err
}

// externalDatabase gives a database that lives elsewhere a name in the namespace, so that its host can change in one place.
func (b *builder) externalDatabase() error {
	_, err := corev1.NewService(b.ctx, b.name+"-database", &corev1.ServiceArgs{
		Metadata: b.meta(external, flows.Backend, noAwait),
		Spec: corev1.ServiceSpecArgs{
			Type:         pulumi.String("ExternalName"),
			ExternalName: pulumi.String(b.book.ExternalDatabase),
		},
	}, b.within()...)
	return err
}

// databaseURI returns the connection string of the database, without credentials.
func (b *builder) databaseURI() string {
	switch {
	case !b.book.OwnDatabase():
		return fmt.Sprintf("mongodb://%s:%d/", external, mongoPort)
	case !b.book.Hardened():
		return fmt.Sprintf("mongodb://%s:%d/", mongo, mongoPort)
	}
	uri := "mongodb://"
	for i := range b.book.MongoReplicas {
		if i > 0 {
			uri += ","
		}
		uri += fmt.Sprintf("%s-%d.%s:%d", mongo, i, mongo, mongoPort)
	}
	return uri + "/?replicaSet=" + replicaSet
}
