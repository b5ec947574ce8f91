// Package logs makes an agent on each node that forwards the guestbooks' logs.
package logs

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"net"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/managed"
	"oke-guestbook/components/pull"
	"oke-guestbook/plan/workload"
)

// Args says what agents to make.
type Args struct {
	// Image is the image of the agent, Fluent Bit. Required.
	Image string
	// Destination is the host:port of a server that accepts Fluentd's forward protocol. Required.
	Destination string
	// Namespaces are the namespaces whose Pods' logs are forwarded. Required.
	Namespaces []string
	// Registry has the credentials with which the image is pulled. Optional; default none.
	Registry workload.Registry
}

// Agents is a DaemonSet of Fluent Bit, in a namespace of its own.
type Agents struct {
	pulumi.ResourceState

	// DaemonSet runs the agents.
	DaemonSet *appsv1.DaemonSet
}

const agent = "fluent-bit"

// config is the agent's configuration. It reads the files that the container runtime writes on the node, named
// <pod>_<namespace>_<container>-<id>.log.
//
//go:embed fluent-bit.yaml
var config string

// New makes the agents. opts must contain the Kubernetes provider of the cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Agents, error) {
	host, port, err := net.SplitHostPort(args.Destination)
	if err != nil {
		return nil, fmt.Errorf("log agents: destination %q: %w", args.Destination, err)
	}
	a := &Agents{}
	if err := ctx.RegisterComponentResource("oke-guestbook:logs:Agents", name, a, opts...); err != nil {
		return nil, err
	}
	ns, err := namespace(ctx, name, a)
	if err != nil {
		return nil, fmt.Errorf("namespace of log agents: %w", err)
	}
	namespaced := []pulumi.ResourceOption{pulumi.Parent(a), pulumi.DeletedWith(ns)}
	meta := metav1.ObjectMetaArgs{Name: pulumi.String(agent), Namespace: ns.Metadata.Name().Elem(), Labels: labels()}
	configMap, err := corev1.NewConfigMap(ctx, name, &corev1.ConfigMapArgs{
		Metadata: meta, Data: pulumi.StringMap{"fluent-bit.yaml": pulumi.String(config)},
	}, namespaced...)
	if err != nil {
		return nil, fmt.Errorf("configuration of log agents: %w", err)
	}
	secret, err := pull.Secret(ctx, name+"-registry", args.Registry, metav1.ObjectMetaArgs{
		Name: pulumi.String("registry"), Namespace: ns.Metadata.Name().Elem(), Labels: labels(),
	}, []string{args.Image}, namespaced...)
	if err != nil {
		return nil, fmt.Errorf("registry's credentials of log agents: %w", err)
	}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{
		Metadata: meta, AutomountServiceAccountToken: pulumi.Bool(false), ImagePullSecrets: pull.Names(secret),
	}, namespaced...)
	if err != nil {
		return nil, fmt.Errorf("account of log agents: %w", err)
	}
	a.DaemonSet, err = appsv1.NewDaemonSet(ctx, name, &appsv1.DaemonSetArgs{
		Metadata: meta,
		Spec: appsv1.DaemonSetSpecArgs{
			Selector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{nameLabel: pulumi.String(agent)}},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels(), Annotations: pulumi.StringMap{
					"checksum/config": pulumi.String(fmt.Sprintf("%x", sha256.Sum256([]byte(config)))), // agents read it once
				}},
				Spec: pod(args, host, port, account.Metadata.Name().Elem(), configMap.Metadata.Name().Elem()),
			},
		},
	}, append(namespaced, pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m"}))...) // the Pods wait for the node pools
	if err != nil {
		return nil, fmt.Errorf("log agents: %w", err)
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{"namespace": ns.Metadata.Name()})
}

// namespace makes the agents' namespace. Its Pod Security level is "privileged": the stricter levels allow no directory
// of the node, which the logs are in.
func namespace(ctx *pulumi.Context, name string, parent *Agents) (*corev1.Namespace, error) {
	all := labels()
	all["pod-security.kubernetes.io/enforce"] = pulumi.String("privileged")
	return corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(workload.LogsNamespace), Labels: all},
	}, pulumi.Parent(parent))
}

// nameLabel is the label that selects the agents' Pods.
const nameLabel = "app.kubernetes.io/name"

func labels() pulumi.StringMap {
	return pulumi.StringMap{nameLabel: pulumi.String(agent), "app.kubernetes.io/managed-by": pulumi.String("pulumi")}
}

// Shorter names for types of the SDK.
type (
	mount  = corev1.VolumeMountArgs
	volume = corev1.VolumeArgs
)

// pod returns the agent's Pod. configMap is the name of the ConfigMap with its configuration.
func pod(args *Args, host, port string, account, configMap pulumi.StringInput) corev1.PodSpecArgs {
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
		// The log files belong to root. The agent needs no other privilege.
		SecurityContext: corev1.SecurityContextArgs{
			RunAsUser:                pulumi.Int(0),
			AllowPrivilegeEscalation: pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
			SeccompProfile:           corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		VolumeMounts: corev1.VolumeMountArray{
			mount{Name: pulumi.String("logs"), MountPath: pulumi.String("/var/log"), ReadOnly: pulumi.Bool(true)},
			mount{Name: pulumi.String("positions"), MountPath: pulumi.String("/positions")},
			mount{Name: pulumi.String("settings"), MountPath: pulumi.String("/settings"), ReadOnly: pulumi.Bool(true)},
		},
	}
	return corev1.PodSpecArgs{
		ServiceAccountName:           account,
		AutomountServiceAccountToken: pulumi.Bool(false),
		Affinity:                     managed.Only(),
		Tolerations:                  corev1.TolerationArray{corev1.TolerationArgs{Operator: pulumi.String("Exists")}},
		Containers:                   corev1.ContainerArray{container},
		Volumes: corev1.VolumeArray{
			volume{Name: pulumi.String("logs"), HostPath: corev1.HostPathVolumeSourceArgs{Path: pulumi.String("/var/log")}},
			// The read position of each file outlives the agent's Pod.
			volume{Name: pulumi.String("positions"), HostPath: corev1.HostPathVolumeSourceArgs{
				Path: pulumi.String("/var/lib/guestbook-logs"), Type: pulumi.String("DirectoryOrCreate"),
			}},
			volume{Name: pulumi.String("settings"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: configMap}},
		},
	}
}
