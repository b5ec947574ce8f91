package guestbook

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// networkPolicies declares the flows of a guestbook as the only ones that are allowed. Neither of OKE's pod networks
// enforces policies: they are without effect unless the stack has an enforcer, of package policies (Oracle
// documentation, "Pod Networking"; read 2026-11-28).
func (b *builder) networkPolicies() (made []pulumi.Resource, err error) {
	redirectPort, tlsPort := 0, 0
	if b.book.Redirects() {
		redirectPort = b.book.RedirectPort()
	}
	if b.book.ACME() {
		tlsPort = b.book.TLSPort()
	}
	table := flows.Table(flows.Options{
		FrontendPort: b.book.FrontendPort,
		RedirectPort: redirectPort,
		TLSPort:      tlsPort,
		Proxies:      b.args.Networks.Proxies,
		Replicas:     b.book.MongoReplicas,
		External:     !b.book.OwnDatabase(),
		Backups:      b.book.Backs(),
		Measured:     b.book.Measured,
		APIEndpoint:  b.args.Networks.APIEndpoint,
		Inside:       b.args.Networks.Inside,
	})
	for _, p := range flows.Policies(table) {
		spec := networkingv1.NetworkPolicySpecArgs{
			PodSelector: podSelector(p.Component),
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		}
		var ingress networkingv1.NetworkPolicyIngressRuleArray
		for _, f := range p.Ingress {
			ingress = append(ingress, networkingv1.NetworkPolicyIngressRuleArgs{From: peers(f.From), Ports: policyPorts(f)})
		}
		var egress networkingv1.NetworkPolicyEgressRuleArray
		for _, f := range p.Egress {
			egress = append(egress, networkingv1.NetworkPolicyEgressRuleArgs{To: peers(f.To), Ports: policyPorts(f)})
		}
		if len(ingress) > 0 {
			spec.Ingress = ingress
		}
		if len(egress) > 0 {
			spec.Egress = egress
		}
		policy, err := networkingv1.NewNetworkPolicy(b.ctx, b.name+"-"+p.Name, &networkingv1.NetworkPolicyArgs{
			Metadata: b.meta(p.Name, p.Component, nil), Spec: spec,
		}, b.namespaced()...)
		if err != nil {
			return nil, err
		}
		made = append(made, policy)
	}
	return made, nil
}

// peers returns the peers of a rule: the cluster's DNS, Pods of the namespace, or addresses.
func peers(p flows.Peer) networkingv1.NetworkPolicyPeerArray {
	if p.DNS {
		return networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
			NamespaceSelector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{
				"kubernetes.io/metadata.name": pulumi.String("kube-system"),
			}},
			PodSelector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{"k8s-app": pulumi.String("kube-dns")}},
		}}
	}
	if len(p.CIDRs) == 0 {
		return networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{PodSelector: podSelector(p.Component)}}
	}
	var array networkingv1.NetworkPolicyPeerArray
	for _, cidr := range p.CIDRs {
		block := networkingv1.IPBlockArgs{Cidr: pulumi.String(cidr)}
		if len(p.Except) > 0 {
			block.Except = pulumi.ToStringArray(p.Except)
		}
		array = append(array, networkingv1.NetworkPolicyPeerArgs{IpBlock: block})
	}
	return array
}

func policyPorts(f flows.Flow) networkingv1.NetworkPolicyPortArray {
	var array networkingv1.NetworkPolicyPortArray
	for _, number := range f.Ports {
		array = append(array, networkingv1.NetworkPolicyPortArgs{
			Protocol: pulumi.String(f.Protocol), Port: pulumi.Int(number),
		})
	}
	return array
}
