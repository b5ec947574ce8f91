package cloud

import (
	"regexp"
	"strings"
)

// taintArgument is the kubelet's argument, as OKE's script takes it in --kubelet-extra-args.
var taintArgument = regexp.MustCompile(`--register-with-taints=([^\s"']+)`)

// Taints returns the taints that a node's user_data, as text, has the kubelet register: "team=web:NoSchedule".
func Taints(userData string) []string {
	match := taintArgument.FindStringSubmatch(userData)
	if match == nil {
		return nil
	}
	return strings.Split(match[1], ",")
}

// PreemptibleKey is the key of the label and the taint of preemptible nodes.
const PreemptibleKey = "oci.oraclecloud.com/oke-is-preemptible"

// PreemptibleTaint is what OKE itself sets on preemptible nodes (Oracle documentation, "Using Preemptible Capacity to
// Provision Worker Nodes"; value and effect by oracle/karpenter-provider-oci, docs, FAQs; read 2026-11-29).
const PreemptibleTaint = PreemptibleKey + "=present:NoSchedule"
