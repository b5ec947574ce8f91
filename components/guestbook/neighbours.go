package guestbook

import (
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

// neighbours are the networks around a guestbook, as CIDRs.
type neighbours struct {
	visitors    []string // who may reach the load balancer
	proxies     []string // where visitors' connections come from: the load balancer, and nodes that pass them on
	apiEndpoint string   // the Kubernetes API endpoint's subnet
	inside      []string // everything that is not outside: the VCN, Pods, Services, and what each host has for itself
}

func neighboursOf(args *Args) (neighbours, error) {
	plan, err := layout.Plan(args.Network)
	if err != nil {
		return neighbours{}, err
	}
	cidr := func(role layout.Role) string {
		subnet, _ := plan.Subnet(role)
		return subnet.CIDR.String()
	}
	n := neighbours{
		apiEndpoint: cidr(layout.API),
		inside:      []string{plan.VCN.String(), args.Network.ServicesCIDR, "169.254.0.0/16"},
	}
	if args.Network.PodNetwork == layout.Flannel {
		n.inside = append(n.inside, args.Network.PodsCIDR)
	}
	switch args.Guestbook.Exposure {
	case workload.Public:
		n.visitors = args.Network.LoadBalancerAllowedCIDRs
		n.proxies = []string{cidr(layout.PublicLoadBalancers), cidr(layout.Workers)}
	case workload.Internal:
		n.visitors = args.Network.InternalLoadBalancerAllowedCIDRs
		n.proxies = []string{cidr(layout.InternalLoadBalancers), cidr(layout.Workers)}
	case workload.NodePort:
		n.proxies = []string{plan.VCN.String()}
	}
	return n, nil
}
