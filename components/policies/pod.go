package policies

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/managed"
	"oke-guestbook/plan/workload"
)

// pod is the enforcer's Pod: in the node's network, on every node, and not to be evicted for another Pod.
func pod(image string, account pulumi.StringInput) corev1.PodSpecArgs {
	return corev1.PodSpecArgs{
		ServiceAccountName:            account,
		HostNetwork:                   pulumi.Bool(true),
		PriorityClassName:             pulumi.String("system-node-critical"),
		TerminationGracePeriodSeconds: pulumi.Int(10), // it takes 5 s to end
		Affinity:                      managed.Only(),
		Tolerations:                   corev1.TolerationArray{corev1.TolerationArgs{Operator: pulumi.String("Exists")}},
		Containers:                    corev1.ContainerArray{container(image)},
	}
}

// container runs the enforcer. Its flags, of version 1.1:
//
// Without the runtime's Node Resource Interface the enforcer knows a Pod's address from the API server alone. The
// interface would let it change every container of the node, and does not make the address one whose packets are
// judged sooner.
//
// It fails open, as it does by default: while it is down, connections are not judged. Closed, a node whose enforcer
// does not start would lose its DNS too.
func container(image string) corev1.ContainerArgs {
	metrics := fmt.Sprintf("127.0.0.1:%d", metricsPort)
	return corev1.ContainerArgs{
		Name:    pulumi.String(name),
		Image:   pulumi.String(image),
		Command: pulumi.ToStringArray([]string{"/bin/netpol"}),
		Args: pulumi.ToStringArray([]string{
			"--hostname-override=$(" + nodeName + ")", "--disable-nri=true", "--metrics-bind-address=" + metrics,
		}),
		Env: corev1.EnvVarArray{corev1.EnvVarArgs{
			Name: pulumi.String(nodeName),
			ValueFrom: corev1.EnvVarSourceArgs{
				FieldRef: corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String("spec.nodeName")},
			},
		}},
		Resources: corev1.ResourceRequirementsArgs{
			Requests: pulumi.StringMap{
				"cpu":    pulumi.Sprintf("%dm", workload.Enforcer.CPUMillis),
				"memory": pulumi.Sprintf("%dMi", workload.Enforcer.MemoryMB),
			},
			Limits: pulumi.StringMap{"memory": pulumi.Sprintf("%dMi", 4*workload.Enforcer.MemoryMB)},
		},
		ReadinessProbe: corev1.ProbeArgs{
			HttpGet: corev1.HTTPGetActionArgs{
				Host: pulumi.String("127.0.0.1"), Path: pulumi.String("/metrics"), Port: pulumi.Int(metricsPort),
			},
			TimeoutSeconds: pulumi.Int(5),
		},
		SecurityContext: security(),
	}
}

// security is what the enforcer needs to put rules into the node's nftables and to take packets from their queue.
// The SELinux type is that of privileged containers: others may not have the kernel load modules such as nft_queue.
func security() corev1.SecurityContextArgs {
	return corev1.SecurityContextArgs{
		RunAsUser:                pulumi.Int(0),
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities: corev1.CapabilitiesArgs{
			Add: pulumi.ToStringArray([]string{"NET_ADMIN"}), Drop: pulumi.ToStringArray([]string{"ALL"}),
		},
		SeLinuxOptions: corev1.SELinuxOptionsArgs{Type: pulumi.String("spc_t")},
		SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}
