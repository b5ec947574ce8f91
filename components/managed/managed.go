// Package managed keeps Pods on managed nodes.
package managed

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// virtualNode is the label that OKE gives virtual nodes (opencost tells them by it; read 2026-11-29).
const virtualNode = "node-role.kubernetes.io/virtual-node"

// Only keeps the Pods of a DaemonSet off virtual nodes, which run none (Oracle documentation, "Comparing Virtual Nodes
// with Managed Nodes", of 2024-10-28, read 2026-11-29). The toleration of all taints would let them there.
func Only() corev1.AffinityArgs {
	return corev1.AffinityArgs{NodeAffinity: corev1.NodeAffinityArgs{
		RequiredDuringSchedulingIgnoredDuringExecution: corev1.NodeSelectorArgs{
			NodeSelectorTerms: corev1.NodeSelectorTermArray{corev1.NodeSelectorTermArgs{
				MatchExpressions: corev1.NodeSelectorRequirementArray{corev1.NodeSelectorRequirementArgs{
					Key: pulumi.String(virtualNode), Operator: pulumi.String("DoesNotExist"),
				}},
			}},
		},
	}}
}
