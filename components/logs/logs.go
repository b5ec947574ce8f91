// Package logs makes an agent on each node that sends the guestbooks' logs to where they are kept.
package logs

import (
	_ "embed"
	"fmt"
	"net"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// Args is what the agents are made of.
type Args struct {
	Image       string   // required: Fluent Bit's
	Destination string   // required: host:port that takes Fluentd's forward protocol
	Namespaces  []string // required: whose Pods' logs are sent
}

// Agents is a DaemonSet of Fluent Bit, in a namespace of its own.
type Agents struct {
	pulumi.ResourceState

	DaemonSet *appsv1.DaemonSet
}

const agent = "fluent-bit"

// config tails the files that the container runtime writes on the node, named <pod>_<namespace>_<container>-<id>.log.
//
//go:embed fluent-bit.yaml
var config string

// New makes the agents. opts must name the Kubernetes provider of the cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Agents, error) {
	host, port, err := net.SplitHostPort(args.Destination)
	if err != nil {
		return nil, fmt.Errorf("destination of the logs %q: %w", args.Destination, err)
	}
	a := &Agents{}
	if err := ctx.RegisterComponentResource("oke-guestbook:logs:Agents", name, a, opts...); err != nil {
		return nil, err
	}
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(agent), "app.kubernetes.io/managed-by": pulumi.String("pulumi")}
	selector := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(agent)}
	// Reading other Pods' logs takes directories of the node, which no stricter level allows.
	space := pulumi.StringMap{"pod-security.kubernetes.io/enforce": pulumi.String("privileged")}
	for key, value := range labels {
		space[key] = value
	}
	ns, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(workload.LogsNamespace), Labels: space},
	}, pulumi.Parent(a))
	if err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	within := []pulumi.ResourceOption{pulumi.Parent(a), pulumi.DeletedWith(ns)}
	meta := metav1.ObjectMetaArgs{Name: pulumi.String(agent), Namespace: ns.Metadata.Name().Elem(), Labels: labels}
	settings, err := corev1.NewConfigMap(ctx, name, &corev1.ConfigMapArgs{
		Metadata: meta, Data: pulumi.StringMap{"fluent-bit.yaml": pulumi.String(config)},
	}, within...)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{
		Metadata: meta, AutomountServiceAccountToken: pulumi.Bool(false),
	}, within...)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	a.DaemonSet, err = appsv1.NewDaemonSet(ctx, name, &appsv1.DaemonSetArgs{
		Metadata: meta,
		Spec: appsv1.DaemonSetSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: selector},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec:     pod(args, host, port, account.Metadata.Name().Elem(), settings.Metadata.Name().Elem()),
			},
		},
	}, append(within, pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m"}))...) // there are no nodes at first
	if err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{"namespace": ns.Metadata.Name()})
}

func pod(args *Args, host, port string, account, settings pulumi.StringInput) corev1.PodSpecArgs {
	container := corev1.ContainerArgs{
		Name:  pulumi.String(agent),
		Image: pulumi.String(args.Image),
		Args:  pulumi.ToStringArray([]string{"--config", "/settings/fluent-bit.yaml"}),
		Env: corev1.EnvVarArray{
			corev1.EnvVarArgs{Name: pulumi.String("NAMESPACES"), Value: pulumi.String(strings.Join(args.Namespaces, "|"))},
			corev1.EnvVarArgs{Name: pulumi.String("HOST"), Value: pulumi.String(host)},
			corev1.EnvVarArgs{Name: pulumi.String("PORT"), Value: pulumi.String(port)},
		},
		Resources: corev1.ResourceRequirementsArgs{
			Requests: pulumi.StringMap{"cpu": pulumi.String("20m"), "memory": pulumi.String("64Mi")},
			Limits:   pulumi.StringMap{"memory": pulumi.String("64Mi")},
		},
		// The log files are root's; beyond owning them the agent needs nothing.
		SecurityContext: corev1.SecurityContextArgs{
			RunAsUser:                pulumi.Int(0),
			AllowPrivilegeEscalation: pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
			SeccompProfile:           corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		VolumeMounts: corev1.VolumeMountArray{
			corev1.VolumeMountArgs{Name: pulumi.String("logs"), MountPath: pulumi.String("/var/log"), ReadOnly: pulumi.Bool(true)},
			corev1.VolumeMountArgs{Name: pulumi.String("positions"), MountPath: pulumi.String("/positions")},
			corev1.VolumeMountArgs{Name: pulumi.String("settings"), MountPath: pulumi.String("/settings"), ReadOnly: pulumi.Bool(true)},
		},
	}
	return corev1.PodSpecArgs{
		ServiceAccountName:           account,
		AutomountServiceAccountToken: pulumi.Bool(false),
		Tolerations:                  corev1.TolerationArray{corev1.TolerationArgs{Operator: pulumi.String("Exists")}},
		Containers:                   corev1.ContainerArray{container},
		Volumes: corev1.VolumeArray{
			corev1.VolumeArgs{Name: pulumi.String("logs"), HostPath: corev1.HostPathVolumeSourceArgs{Path: pulumi.String("/var/log")}},
			// How far each file has been read outlives the agent's Pod.
			corev1.VolumeArgs{Name: pulumi.String("positions"), HostPath: corev1.HostPathVolumeSourceArgs{
				Path: pulumi.String("/var/lib/guestbook-logs"), Type: pulumi.String("DirectoryOrCreate"),
			}},
			corev1.VolumeArgs{Name: pulumi.String("settings"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: settings}},
		},
	}
}
