// Package pull makes Secrets with which the kubelet pulls images.
package pull

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// Secret makes the Secret with a registry's credentials: nil if none of the images is of that registry.
func Secret(ctx *pulumi.Context, name string, registry workload.Registry, meta metav1.ObjectMetaArgs, images []string,
	opts ...pulumi.ResourceOption,
) (*corev1.Secret, error) {
	if !registry.Serves(images...) {
		return nil, nil
	}
	config, err := registry.DockerConfig()
	if err != nil {
		return nil, err
	}
	return corev1.NewSecret(ctx, name, &corev1.SecretArgs{
		Metadata: meta,
		Type:     pulumi.String("kubernetes.io/dockerconfigjson"),
		StringData: pulumi.StringMap{
			".dockerconfigjson": pulumi.ToSecret(pulumi.String(config)).(pulumi.StringOutput),
		},
	}, opts...)
}

// Names names the Secret to Pods and accounts: nil for none.
func Names(secret *corev1.Secret) corev1.LocalObjectReferenceArrayInput {
	if secret == nil {
		return nil
	}
	return corev1.LocalObjectReferenceArray{corev1.LocalObjectReferenceArgs{Name: secret.Metadata.Name()}}
}
