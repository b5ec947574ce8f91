// Package policies makes what enforces network policies, on each node: kube-network-policies, a program of Kubernetes'
// SIG Network (docs/decisions/0018-network-policies.md).
package policies

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/plan/workload"
)

// Args says what enforcer to make.
type Args struct {
	// Image is the image of kube-network-policies. Required.
	Image string
	// Registry has the credentials with which the image is pulled. Optional; default none.
	Registry workload.Registry
	// Nodes are the node pools. Optional; with them the enforcer is made after the nodes.
	Nodes []pulumi.Resource
}

// Enforcer enforces the network policies of a cluster.
type Enforcer struct {
	pulumi.ResourceState

	// DaemonSet runs the enforcer. When it is made, each node has one.
	DaemonSet *appsv1.DaemonSet
}

const (
	name      = "kube-network-policies" // of every object
	namespace = "kube-system"           // where the nodes' other daemons are
	rbac      = "rbac.authorization.k8s.io"
	nodeName  = "NODE_NAME" // variable
	// metrics are served to the node itself: it has them at addresses that others reach, otherwise.
	metricsPort = 9080
)

// New makes the enforcer. opts must contain the Kubernetes provider of the cluster.
func New(ctx *pulumi.Context, id string, args *Args, opts ...pulumi.ResourceOption) (*Enforcer, error) {
	e := &Enforcer{}
	if err := ctx.RegisterComponentResource("oke-guestbook:policies:Enforcer", id, e, opts...); err != nil {
		return nil, err
	}
	if err := e.make(ctx, id, args); err != nil {
		return nil, fmt.Errorf("enforcer of network policies: %w", err)
	}
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"image": pulumi.String(args.Image)})
}

func (e *Enforcer) make(ctx *pulumi.Context, id string, args *Args) error {
	meta := metav1.ObjectMetaArgs{Name: pulumi.String(name), Namespace: pulumi.String(namespace), Labels: labels()}
	secret, err := pull.Secret(ctx, id+"-registry", args.Registry, metav1.ObjectMetaArgs{
		Name: pulumi.String(name + "-registry"), Namespace: pulumi.String(namespace), Labels: labels(),
	}, []string{args.Image}, pulumi.Parent(e))
	if err != nil {
		return fmt.Errorf("credentials of the registry: %w", err)
	}
	account, err := corev1.NewServiceAccount(ctx, id, &corev1.ServiceAccountArgs{
		Metadata: meta, ImagePullSecrets: pull.Names(secret),
	}, pulumi.Parent(e))
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	binding, err := e.access(ctx, id)
	if err != nil {
		return fmt.Errorf("rights: %w", err)
	}
	e.DaemonSet, err = appsv1.NewDaemonSet(ctx, id, &appsv1.DaemonSetArgs{
		Metadata: meta,
		Spec: appsv1.DaemonSetSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{nameLabel: pulumi.String(name)}},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels()},
				Spec:     pod(args.Image, account.Metadata.Name().Elem()),
			},
		},
	}, pulumi.Parent(e), pulumi.DependsOn(append([]pulumi.Resource{binding}, args.Nodes...)),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m"})) // the Pods wait for the node pools
	return err
}

// access lets the enforcer read what policies select, and nothing else.
func (e *Enforcer) access(ctx *pulumi.Context, id string) (*rbacv1.ClusterRoleBinding, error) {
	meta := metav1.ObjectMetaArgs{Name: pulumi.String(name), Labels: labels()}
	rule := func(group string, resources ...string) rbacv1.PolicyRuleArgs {
		return rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{group}), Resources: pulumi.ToStringArray(resources),
			Verbs: pulumi.ToStringArray([]string{"list", "watch"}),
		}
	}
	role, err := rbacv1.NewClusterRole(ctx, id, &rbacv1.ClusterRoleArgs{
		Metadata: meta,
		Rules:    rbacv1.PolicyRuleArray{rule("", "namespaces", "pods"), rule("networking.k8s.io", "networkpolicies")},
	}, pulumi.Parent(e))
	if err != nil {
		return nil, err
	}
	return rbacv1.NewClusterRoleBinding(ctx, id, &rbacv1.ClusterRoleBindingArgs{
		Metadata: meta,
		RoleRef: rbacv1.RoleRefArgs{
			ApiGroup: pulumi.String(rbac), Kind: pulumi.String("ClusterRole"), Name: role.Metadata.Name().Elem(),
		},
		Subjects: rbacv1.SubjectArray{rbacv1.SubjectArgs{
			Kind: pulumi.String("ServiceAccount"), Name: pulumi.String(name), Namespace: pulumi.String(namespace),
		}},
	}, pulumi.Parent(e))
}

// nameLabel is the label that selects the enforcer's Pods.
const nameLabel = "app.kubernetes.io/name"

func labels() pulumi.StringMap {
	return pulumi.StringMap{nameLabel: pulumi.String(name), "app.kubernetes.io/managed-by": pulumi.String("pulumi")}
}
