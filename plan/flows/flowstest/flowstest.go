// Package flowstest evaluates network policies in tests.
package flowstest

import (
	"fmt"
	"net/netip"
	"slices"

	"oke-guestbook/plan/flows"
)

// Endpoint is a Pod, or an address outside of the cluster's Pods.
type Endpoint struct {
	Component string // of the guestbook; empty for others
	DNS       bool
	Address   netip.Addr
}

// Matrix returns every connection that the policies allow between endpoints, at least one of them a Pod of the
// guestbook, to the given ports. Its keys are those of Key.
func Matrix(policies []flows.Policy, endpoints map[string]Endpoint, ports []int) map[string]bool {
	allowed := map[string]bool{}
	for fromName, from := range endpoints {
		for toName, to := range endpoints {
			if from.Component == "" && to.Component == "" {
				continue
			}
			for _, protocol := range []string{"TCP", "UDP"} {
				for _, port := range ports {
					if reaches(policies, from, to, protocol, port) {
						allowed[Key(fromName, toName, protocol, port)] = true
					}
				}
			}
		}
	}
	return allowed
}

// Key describes a connection, such as "frontend to backend on TCP 27017".
func Key(from, to, protocol string, port int) string {
	return fmt.Sprintf("%s to %s on %s %d", from, to, protocol, port)
}

// reaches reports whether the policies allow a connection. Both ends have to allow it; an endpoint that is no Pod of
// the guestbook has no policy and allows everything.
func reaches(policies []flows.Policy, from, to Endpoint, protocol string, port int) bool {
	return allows(policies, from, to, protocol, port, false) && allows(policies, to, from, protocol, port, true)
}

// allows reports whether the policies of pod allow a connection: from other with ingress, else to other.
func allows(policies []flows.Policy, pod, other Endpoint, protocol string, port int, ingress bool) bool {
	if pod.Component == "" {
		return true
	}
	for _, p := range policies {
		if p.Component != "" && p.Component != pod.Component {
			continue
		}
		list := p.Egress
		if ingress {
			list = p.Ingress
		}
		for _, f := range list {
			peer := f.To
			if ingress {
				peer = f.From
			}
			if f.Protocol == protocol && slices.Contains(f.Ports, port) && matches(peer, other) {
				return true
			}
		}
	}
	return false
}

func matches(p flows.Peer, e Endpoint) bool {
	switch {
	case p.DNS:
		return e.DNS
	case len(p.CIDRs) > 0:
		return contains(p.CIDRs, e.Address) && !contains(p.Except, e.Address)
	}
	return e.Component != "" && (p.Component == "" || p.Component == e.Component)
}

func contains(cidrs []string, address netip.Addr) bool {
	return slices.ContainsFunc(cidrs, func(cidr string) bool {
		prefix, err := netip.ParsePrefix(cidr)
		return err == nil && prefix.Contains(address)
	})
}
