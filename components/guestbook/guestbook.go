// Package guestbook makes a MongoDB guestbook on a Kubernetes cluster, in a namespace of its own.
package guestbook

import (
	"fmt"
	"maps"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/guestbook/workload"
)

// Args is what a guestbook is made of.
type Args struct {
	Guestbook workload.Guestbook // required, valid
	Protect   bool               // refuse to delete the namespace and the database's volume

	LoadBalancerSubnetID pulumi.StringInput      // required: where the load balancer gets its address
	LoadBalancerNsgIDs   pulumi.StringArrayInput // optional: its network security groups
	InternalLoadBalancer bool                    // that subnet is internal
	AllowedCIDRs         []string                // who may reach the load balancer

	// Nodes are the node pools: made before a volume is claimed, and deleted after it is given back.
	Nodes []pulumi.Resource
}

// Guestbook is a guestbook with its database.
type Guestbook struct {
	pulumi.ResourceState

	Namespace *corev1.Namespace
	Claim     *corev1.PersistentVolumeClaim
	Database  *appsv1.StatefulSet
	Frontend  *appsv1.Deployment
	Service   *corev1.Service
	Address   pulumi.StringOutput // of the load balancer
	URL       pulumi.StringOutput
}

// builder is what the parts of one guestbook share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	g    *Guestbook
}

// New makes a guestbook. opts must name the Kubernetes provider of its cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Guestbook, error) {
	b := &builder{ctx, name, args, &Guestbook{}}
	if err := ctx.RegisterComponentResource("oke-guestbook:guestbook:Guestbook", name, b.g, opts...); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		what string
		make func() error
	}{
		{"namespace", b.namespace},
		{"database", b.database},
		{"frontend", b.frontend},
		{"service", b.service},
	} {
		if err := part.make(); err != nil {
			return nil, fmt.Errorf("%s of guestbook %q: %w", part.what, name, err)
		}
	}
	return b.g, ctx.RegisterResourceOutputs(b.g, pulumi.Map{"url": b.g.URL, "namespace": pulumi.String(args.Guestbook.Namespace)})
}

func (b *builder) namespace() (err error) {
	b.g.Namespace, err = corev1.NewNamespace(b.ctx, b.name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(b.args.Guestbook.Namespace), Labels: labels("")},
	}, pulumi.Parent(b.g), pulumi.Protect(b.args.Protect))
	return err
}

// within are the options of an object that goes with its namespace: one deletion takes all of them along, and waits until
// the cloud controller has removed the load balancer.
func (b *builder) within(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append([]pulumi.ResourceOption{pulumi.Parent(b.g), pulumi.DeletedWith(b.g.Namespace)}, more...)
}

// patience is for what starts at once but becomes ready only after the node pools, which may take 20 minutes.
func patience() pulumi.ResourceOption {
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m"})
}

// meta returns the metadata of an object in the guestbook's namespace.
func (b *builder) meta(name, component string, annotations pulumi.StringMap) metav1.ObjectMetaArgs {
	meta := metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: b.g.Namespace.Metadata.Name().Elem(),
		Labels:    labels(component),
	}
	if len(annotations) > 0 {
		meta.Annotations = annotations
	}
	return meta
}

// Components, as the label app.kubernetes.io/component spells them.
const (
	backend  = "backend"
	frontend = "frontend"
)

var componentName = map[string]string{backend: "mongo", frontend: "guestbook"}

// selector returns the labels that tell a component's Pods.
func selector(component string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(componentName[component]),
		"app.kubernetes.io/component": pulumi.String(component),
	}
}

// labels returns the labels of a component's objects, or for "" those of the guestbook's as a whole
// (Kubernetes documentation, "Recommended Labels").
func labels(component string) pulumi.StringMap {
	all := pulumi.StringMap{
		"app.kubernetes.io/part-of":    pulumi.String("guestbook"),
		"app.kubernetes.io/managed-by": pulumi.String("pulumi"),
	}
	if component != "" {
		maps.Copy(all, selector(component))
	}
	return all
}
