package guestbook

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
)

// immutable returns an option that fails resources when the namespace or the profile has changed, which would lose the
// data: with another namespace empty volumes would replace those in use, and neither profile's database reads the
// other's files. It is for the namespace, which all other objects wait for, and for what is made in OCI.
func (b *builder) immutable() (pulumi.ResourceOption, error) {
	values := map[string]string{"namespace": b.book.Namespace, "profile": string(b.book.Profile)}
	// The name is in the states of existing stacks; another one would keep new values.
	return stash.Immutable(b.ctx, b.name+"-lasting", values, func(setting, kept string) error {
		return fmt.Errorf("%s: guestbook %q was made with %q, and its data would be lost with %q: set it back, "+
			"or make another guestbook under a new name; if it holds none yet, destroy it first",
			setting, b.name, kept, values[setting])
	}, pulumi.Parent(b.g))
}

// namespace makes the namespace. Profile hardened enforces Pod Security level "restricted" in it.
func (b *builder) namespace(unchanged pulumi.ResourceOption) (*corev1.Namespace, error) {
	all := labels("")
	if b.book.Hardened() {
		for _, mode := range []string{"enforce", "audit", "warn"} {
			all["pod-security.kubernetes.io/"+mode] = pulumi.String("restricted")
		}
	}
	return corev1.NewNamespace(b.ctx, b.name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(b.book.Namespace), Labels: all},
	}, pulumi.Parent(b.g), pulumi.Protect(b.args.Protect), unchanged)
}
