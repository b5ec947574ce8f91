package workload

// NetworkPolicies says what becomes of the network policies of a cluster.
type NetworkPolicies string

// The fates of network policies. OKE accepts them, and neither of its pod networks enforces any (Oracle documentation,
// "Pod Networking"; read 2026-11-28).
const (
	Enforced NetworkPolicies = "enforced" // by kube-network-policies on each node
	Inert    NetworkPolicies = "inert"    // declared, and without effect
)

// Enforcer is what the enforcer of network policies asks for on each node. It is a Pod of a DaemonSet, and keeps all
// Pods of the cluster in memory (docs/decisions/0018-network-policies.md).
var Enforcer = Resources{CPUMillis: 50, MemoryMB: 64, Pods: 1}
