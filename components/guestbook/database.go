package guestbook

import (
	"fmt"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

const (
	mongo        = "mongo"    // StatefulSet, headless Service and container
	externalName = "database" // Service that stands for an external database
	replicaSet   = "rs0"
	dataVolume   = "data"
	storageClass = "oci-bv"
)

// claims makes the claims of the database's volumes.
//
// They are resources of their own, under the names that the StatefulSet would give them. So they can be protected and
// resized, and a destroy deletes in the right order: StatefulSet, claims, then nodes and namespace, and the cluster
// last. Nodes and cluster still exist while the volumes are detached and deleted.
//
// An external database leaves them as they are, with their size: a claim that no Pod has used yet cannot be resized.
func (b *builder) claims(quota *corev1.ResourceQuota) ([]*corev1.PersistentVolumeClaim, error) {
	opts := []pulumi.ResourceOption{pulumi.Parent(b.g), pulumi.DependsOn(b.args.Nodes), pulumi.Protect(b.args.Protect)}
	if !b.book.OwnDatabase() {
		opts = append(opts, pulumi.IgnoreChanges([]string{"spec.resources"}))
	}
	if quota != nil { // it must allow another member's volume first
		opts = append(opts, pulumi.DependsOn([]pulumi.Resource{quota}))
	}
	var claims []*corev1.PersistentVolumeClaim
	for i := range b.book.MongoReplicas {
		name := fmt.Sprintf("%s-data-%d", b.name, i)
		made, err := corev1.NewPersistentVolumeClaim(b.ctx, name, &corev1.PersistentVolumeClaimArgs{
			Metadata: b.meta(fmt.Sprintf("%s-%s-%d", dataVolume, mongo, i), flows.Backend, nil),
			Spec:     claim(b.book.StorageGB),
		}, opts...)
		if err != nil {
			return nil, err
		}
		claims = append(claims, made)
	}
	return claims, nil
}

// claim requests a block volume of a size in GiB.
func claim(gb int) corev1.PersistentVolumeClaimSpecArgs {
	return corev1.PersistentVolumeClaimSpecArgs{
		AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		StorageClassName: pulumi.String(storageClass),
		Resources: corev1.VolumeResourceRequirementsArgs{
			Requests: pulumi.StringMap{"storage": pulumi.Sprintf("%dGi", gb)},
		},
	}
}

// database makes the guestbook's own database, or the Service that stands for an external one. It returns the resources
// that an own database is ready with.
func (b *builder) database(secret *corev1.Secret) (ready []pulumi.Resource, err error) {
	if !b.book.OwnDatabase() {
		return nil, b.externalDatabase()
	}
	if err := b.headlessService(); err != nil {
		return nil, err
	}
	if b.g.Database, err = b.statefulSet(secret); err != nil {
		return nil, err
	}
	if !b.book.Hardened() {
		return []pulumi.Resource{b.g.Database}, nil
	}
	job, err := b.setup(secret)
	return []pulumi.Resource{b.g.Database, job}, err
}

// headlessService gives each member of the database a DNS name.
func (b *builder) headlessService() error {
	_, err := corev1.NewService(b.ctx, b.name+"-mongo", &corev1.ServiceArgs{
		Metadata: b.meta(mongo, flows.Backend, skipAwait),
		Spec: corev1.ServiceSpecArgs{
			ClusterIP: pulumi.String("None"),
			Selector:  podLabels(flows.Backend),
			Ports: corev1.ServicePortArray{
				corev1.ServicePortArgs{Name: pulumi.String(mongo), Port: pulumi.Int(flows.MongoPort)},
			},
			// The members of a replica set have to find each other before any of them is ready.
			PublishNotReadyAddresses: pulumi.Bool(b.book.Hardened()),
		},
	}, b.namespaced()...)
	return err
}

// statefulSet makes a MongoDB on the claimed block volumes.
func (b *builder) statefulSet(secret *corev1.Secret) (*appsv1.StatefulSet, error) {
	pod := b.tutorialDatabase()
	if b.book.Hardened() {
		var err error
		if pod, err = b.hardenedDatabase(secret); err != nil {
			return nil, err
		}
	}
	claims := make([]pulumi.Resource, 0, len(b.g.Claims))
	for _, c := range b.g.Claims {
		claims = append(claims, c)
	}
	return appsv1.NewStatefulSet(b.ctx, b.name+"-mongo", &appsv1.StatefulSetArgs{
		Metadata: b.meta(mongo, flows.Backend, nil),
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: pulumi.String(mongo),
			Replicas:    pulumi.Int(b.book.MongoReplicas),
			Selector:    podSelector(flows.Backend),
			// Members of a new replica set become ready together or not at all. The field is immutable.
			PodManagementPolicy: pulumi.String("Parallel"),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(flows.Backend)},
				Spec:     pod,
			},
			// Only read when a claim is missing, and immutable: so it requests the smallest volume.
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(dataVolume)},
				Spec:     claim(workload.MinStorageGB),
			}},
		},
	}, pulumi.Parent(b.g), pulumi.DependsOn(append(claims, b.before...)), createTimeout())
}

// externalDatabase gives an external database a name in the namespace, so that its host can change in one place.
func (b *builder) externalDatabase() error {
	_, err := corev1.NewService(b.ctx, b.name+"-database", &corev1.ServiceArgs{
		Metadata: b.meta(externalName, flows.Backend, skipAwait),
		Spec: corev1.ServiceSpecArgs{
			Type:         pulumi.String("ExternalName"),
			ExternalName: pulumi.String(b.book.ExternalDatabase),
		},
	}, b.namespaced()...)
	return err
}

// databaseURI returns the connection string of the database, without credentials.
func (b *builder) databaseURI() string {
	switch {
	case !b.book.OwnDatabase():
		return fmt.Sprintf("mongodb://%s:%d/", externalName, flows.MongoPort)
	case !b.book.Hardened():
		return fmt.Sprintf("mongodb://%s:%d/", mongo, flows.MongoPort)
	}
	members := make([]string, b.book.MongoReplicas)
	for i := range members {
		members[i] = member(i)
	}
	return "mongodb://" + strings.Join(members, ",") + "/?replicaSet=" + replicaSet
}

// member returns the host and port of a member of the replica set.
func member(i int) string { return fmt.Sprintf("%s-%d.%s:%d", mongo, i, mongo, flows.MongoPort) }
