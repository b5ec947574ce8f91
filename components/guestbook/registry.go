package guestbook

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// pullSecret makes the Secret with which the kubelet pulls images: nil if none of the guestbook's is of the registry.
func (b *builder) pullSecret() (*corev1.Secret, error) {
	if !b.args.Registry.Serves(b.book.Images()...) {
		return nil, nil
	}
	config, err := b.args.Registry.DockerConfig()
	if err != nil {
		return nil, err
	}
	return corev1.NewSecret(b.ctx, b.name+"-registry", &corev1.SecretArgs{
		Metadata: b.meta("registry", "", nil),
		Type:     pulumi.String("kubernetes.io/dockerconfigjson"),
		StringData: pulumi.StringMap{
			".dockerconfigjson": pulumi.ToSecret(pulumi.String(config)).(pulumi.StringOutput),
		},
	}, b.namespaced()...)
}

// pullSecrets names the Secret to Pods and accounts.
func pullSecrets(secret *corev1.Secret) corev1.LocalObjectReferenceArrayInput {
	if secret == nil {
		return nil
	}
	return corev1.LocalObjectReferenceArray{corev1.LocalObjectReferenceArgs{Name: secret.Metadata.Name()}}
}
