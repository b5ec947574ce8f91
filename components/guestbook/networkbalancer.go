package guestbook

import (
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// Annotations of the OCI cloud controller for network load balancers (oci-cloud-controller-manager,
// docs/load-balancer-annotations.md).
const (
	balancerType      = "oci.oraclecloud.com/load-balancer-type"
	networkAnnotation = "oci-network-load-balancer.oraclecloud.com/"
)

// networkBalancerAnnotations make a network load balancer.
//
// Nodes see its address, not the visitors': with preserved sources, OKE's default, the nodes' subnet must accept node
// ports from all visitors (terraform-oci-oke, issue 582; Oracle, "Enabling Network Load Balancer Backend Set Source
// Preservation"; read 2026-11-29). The rules between subnets are therefore those of a load balancer. The frontend
// learns the visitors' addresses from the PROXY protocol, which the tutorial's image does not understand.
func (b *builder) networkBalancerAnnotations() pulumi.StringMap {
	annotations := pulumi.StringMap{
		balancerType:                             pulumi.String(string(workload.NLB)),
		networkAnnotation + "subnet":             b.args.LoadBalancerSubnetID,
		networkAnnotation + "is-preserve-source": pulumi.String("false"),
		networkAnnotation + "is-ppv2-enabled":    pulumi.String(strconv.FormatBool(b.book.ProxyProtocol())),
		// Every rule is declared with the network; the controller's own rules would be drift.
		networkAnnotation + "security-list-management-mode": pulumi.String("None"),
	}
	if b.book.Exposure == workload.Internal {
		annotations[networkAnnotation+"internal"] = pulumi.String("true")
	} else {
		// The Service's status would have the private address, too, and that may come first.
		annotations[networkAnnotation+"external-ip-only"] = pulumi.String("true")
	}
	if b.args.LoadBalancerNSGIDs != nil {
		annotations[networkAnnotation+"oci-network-security-groups"] = b.groupList()
	}
	return annotations
}
