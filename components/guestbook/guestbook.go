// Package guestbook makes a MongoDB guestbook on a Kubernetes cluster, in a namespace of its own.
package guestbook

import (
	"fmt"
	"maps"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

// Args is what a guestbook is made of.
type Args struct {
	Guestbook workload.Guestbook // required, valid
	Protect   bool               // refuse to delete the namespace and the database's volumes

	Network layout.Spec // required, valid: the network that the cluster is on

	// LoadBalancerSubnetID is where the load balancer gets its address. Required with exposure public or internal.
	LoadBalancerSubnetID pulumi.StringInput
	// LoadBalancerNsgIDs are the load balancer's network security groups. Optional.
	LoadBalancerNsgIDs pulumi.StringArrayInput

	Store Store // required with backups

	// Nodes are the node pools: made before a volume is claimed, and deleted after it is given back.
	Nodes []pulumi.Resource
}

// Guestbook is a guestbook with its database.
type Guestbook struct {
	pulumi.ResourceState

	Namespace *corev1.Namespace
	Claims    []*corev1.PersistentVolumeClaim // of the database's volumes
	Database  *appsv1.StatefulSet             // nil when it lives elsewhere
	Frontend  *appsv1.Deployment
	Service   *corev1.Service     // nil with exposure none
	URL       pulumi.StringOutput // empty without a load balancer
}

// builder is what the parts of one guestbook share.
type builder struct {
	ctx         *pulumi.Context
	name        string
	args        *Args
	book        workload.Guestbook
	g           *Guestbook
	around      neighbours
	unchanged   pulumi.ResourceOption // of everything but what waits for the namespace
	quota       *corev1.ResourceQuota // nil in profile tutorial
	credentials *corev1.Secret        // nil in profile tutorial
	setupJob    *batchv1.Job          // nil in profile tutorial, and for a database elsewhere
}

// New makes a guestbook. opts must name the Kubernetes provider of its cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Guestbook, error) {
	around, err := neighboursOf(args)
	if err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, book: args.Guestbook, around: around, g: &Guestbook{URL: pulumi.String("").ToStringOutput()}}
	if err := ctx.RegisterComponentResource("oke-guestbook:guestbook:Guestbook", name, b.g, opts...); err != nil {
		return nil, err
	}
	if err := b.lasting(); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		what   string
		wanted bool
		make   func() error
	}{
		{"namespace", true, b.namespace},
		{"guard rails", b.book.Hardened(), b.guardRails},
		{"network policies", b.book.Hardened(), b.networkPolicies},
		{"credentials", true, b.makeCredentials},
		{"volumes", true, b.claims},
		{"database", b.book.OwnDatabase(), b.database},
		{"address of the database", !b.book.OwnDatabase(), b.externalDatabase},
		{"setup of the database", b.book.OwnDatabase() && b.book.Hardened(), b.setup},
		{"backup", b.book.Backs(), b.backup},
		{"frontend", true, b.frontend},
		{"scaling", b.book.Hardened() || b.book.Autoscales(), b.scaling},
		{"services", true, b.services},
	} {
		if !part.wanted {
			continue
		}
		if err := part.make(); err != nil {
			return nil, fmt.Errorf("%s of guestbook %q: %w", part.what, name, err)
		}
	}
	return b.g, ctx.RegisterResourceOutputs(b.g, pulumi.Map{"url": b.g.URL, "namespace": pulumi.String(b.book.Namespace)})
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

// Names of the applications, as the label app.kubernetes.io/name spells them.
var applications = map[string]string{
	flows.Frontend: "guestbook", flows.Backend: "mongo", flows.Setup: "mongo-setup", flows.Backup: "mongo-backup",
}

// selector returns the labels that tell a component's Pods.
func selector(component string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(applications[component]),
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
