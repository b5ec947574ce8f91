package guestbook

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	mongo        = "mongo" // StatefulSet and Service
	mongoPort    = 27017
	mongoUser    = 999 // of the official image, and its group
	volume       = "data"
	storageClass = "oci-bv"
)

// noAwait tells the provider not to wait for a Service's endpoints: what serves them is waited for already.
var noAwait = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}

// database makes a MongoDB on a block volume.
//
// The claim is a resource of its own, under the name that the StatefulSet would give it, so that it can be protected and
// grown, and so that a destroy takes it in the right order: StatefulSet, claim, then nodes and namespace, and the cluster
// last. The volume is detached and deleted while there are nodes and a cluster to do it.
func (b *builder) database() (err error) {
	b.g.Claim, err = corev1.NewPersistentVolumeClaim(b.ctx, b.name+"-data-0", &corev1.PersistentVolumeClaimArgs{
		Metadata: b.meta(fmt.Sprintf("%s-%s-%d", volume, mongo, 0), backend, nil),
		Spec:     claim(b.args.Guestbook.StorageGB),
	}, pulumi.Parent(b.g), pulumi.DependsOn(b.args.Nodes), pulumi.Protect(b.args.Protect))
	if err != nil {
		return err
	}
	_, err = corev1.NewService(b.ctx, b.name+"-mongo", &corev1.ServiceArgs{
		Metadata: b.meta(mongo, backend, noAwait),
		Spec: corev1.ServiceSpecArgs{
			ClusterIP: pulumi.String("None"),
			Selector:  selector(backend),
			Ports:     corev1.ServicePortArray{corev1.ServicePortArgs{Name: pulumi.String("mongo"), Port: pulumi.Int(mongoPort)}},
		},
	}, b.within()...)
	if err != nil {
		return err
	}
	b.g.Database, err = appsv1.NewStatefulSet(b.ctx, b.name+"-mongo", &appsv1.StatefulSetArgs{
		Metadata: b.meta(mongo, backend, nil),
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: pulumi.String(mongo),
			Replicas:    pulumi.Int(1),
			Selector:    metav1.LabelSelectorArgs{MatchLabels: selector(backend)},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(backend)},
				Spec:     b.databasePod(),
			},
			// Immutable, and only read when a claim is missing: so it names the smallest volume and never changes.
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(volume)},
				Spec:     claim(50),
			}},
		},
	}, pulumi.Parent(b.g), pulumi.DependsOn([]pulumi.Resource{b.g.Claim}))
	return err
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

func (b *builder) databasePod() corev1.PodSpecArgs {
	return corev1.PodSpecArgs{
		// The volume is made for the image's user; the mongod of a Pod that ends writes its journal and closes its files.
		SecurityContext:               corev1.PodSecurityContextArgs{FsGroup: pulumi.Int(mongoUser)},
		TerminationGracePeriodSeconds: pulumi.Int(60),
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name:  pulumi.String(mongo),
			Image: pulumi.String(b.args.Guestbook.MongoImage),
			Args:  pulumi.ToStringArray([]string{"--bind_ip", "0.0.0.0"}),
			Ports: corev1.ContainerPortArray{corev1.ContainerPortArgs{Name: pulumi.String("mongo"), ContainerPort: pulumi.Int(mongoPort)}},
			ReadinessProbe: corev1.ProbeArgs{
				TcpSocket: corev1.TCPSocketActionArgs{Port: pulumi.String("mongo")},
			},
			Resources: corev1.ResourceRequirementsArgs{Requests: requests("100m", "100Mi")},
			VolumeMounts: corev1.VolumeMountArray{
				corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String("/data/db")},
			},
		}},
	}
}

func requests(cpu, memory string) pulumi.StringMap {
	return pulumi.StringMap{"cpu": pulumi.String(cpu), "memory": pulumi.String(memory)}
}
