// Package flows says who may talk to whom around a guestbook, as data: the source of its network policies, and of the test
// that nothing else gets through.
package flows

import (
	"net/netip"
	"slices"
)

// Components of a guestbook, as the label app.kubernetes.io/component spells them.
const (
	Frontend = "frontend"
	Backend  = "backend" // the database
	Setup    = "setup"   // the job that prepares the database
	Backup   = "backup"  // the jobs that save and load it
)

// Peer is one end of a flow: a component of the guestbook, every Pod of it, the cluster's DNS, or addresses. The zero value
// is every Pod of the guestbook.
type Peer struct {
	Component string
	DNS       bool
	CIDRs     []string
	Except    []string // addresses within CIDRs that are not meant
}

// Flow lets From open connections to To.
type Flow struct {
	From, To Peer
	Protocol string // TCP or UDP
	Ports    []int
	Why      string
}

// Options are what the flows depend on.
type Options struct {
	FrontendPort int
	Balancers    []string // CIDRs that the load balancer's and the nodes' connections come from
	Replicas     int      // of the database
	External     bool     // the database lives elsewhere
	Backups      bool
	APIEndpoint  string   // CIDR of the Kubernetes API endpoint, which also hands out workload identities
	Inside       []string // CIDRs of the VCN, Pods and Services: not Object Storage
}

const (
	mongoPort = 27017
	https     = 443
	identity  = 12250 // of the API endpoint (Oracle documentation, "Example Network Resource Configurations")
	anywhere  = "0.0.0.0/0"
)

// Table returns every flow that a guestbook needs, and no other.
func Table(o Options) []Flow {
	table := []Flow{
		{Peer{}, Peer{DNS: true}, "UDP", []int{53}, "names"},
		{Peer{}, Peer{DNS: true}, "TCP", []int{53}, "names with long answers"},
	}
	if len(o.Balancers) > 0 {
		table = append(table, Flow{Peer{CIDRs: o.Balancers}, Peer{Component: Frontend}, "TCP", []int{o.FrontendPort}, "visitors, through load balancer and nodes"})
	}
	if o.External {
		return append(table, Flow{Peer{Component: Frontend}, Peer{CIDRs: []string{anywhere}}, "TCP", []int{mongoPort}, "the database elsewhere"})
	}
	table = append(table,
		Flow{Peer{Component: Frontend}, Peer{Component: Backend}, "TCP", []int{mongoPort}, "entries"},
		Flow{Peer{Component: Setup}, Peer{Component: Backend}, "TCP", []int{mongoPort}, "users and indexes"},
	)
	if o.Replicas > 1 {
		table = append(table, Flow{Peer{Component: Backend}, Peer{Component: Backend}, "TCP", []int{mongoPort}, "replication"})
	}
	if o.Backups {
		table = append(table,
			Flow{Peer{Component: Backup}, Peer{Component: Backend}, "TCP", []int{mongoPort}, "backup and restore"},
			Flow{Peer{Component: Backup}, Peer{CIDRs: []string{anywhere}, Except: o.Inside}, "TCP", []int{https}, "Object Storage"},
			Flow{Peer{Component: Backup}, Peer{CIDRs: []string{o.APIEndpoint}}, "TCP", []int{identity}, "workload identity"},
		)
	}
	return table
}

// Policy is a network policy: what its component's Pods let in and may open. What no policy of a Pod names is refused.
type Policy struct {
	Name      string
	Component string // empty: every Pod of the guestbook
	Ingress   []Flow
	Egress    []Flow
}

// Policies expands flows to a policy that refuses everything, and one for each component that has flows of its own.
func Policies(table []Flow) []Policy {
	all := Policy{Name: "default"}
	policies := map[string]*Policy{"": &all}
	var components []string
	of := func(component string) *Policy {
		if policies[component] == nil {
			policies[component] = &Policy{Name: component, Component: component}
			components = append(components, component)
		}
		return policies[component]
	}
	for _, f := range table {
		if f.From.inside() {
			p := of(f.From.Component)
			p.Egress = append(p.Egress, f)
		}
		if f.To.inside() {
			p := of(f.To.Component)
			p.Ingress = append(p.Ingress, f)
		}
	}
	list := []Policy{all}
	slices.Sort(components)
	for _, c := range components {
		list = append(list, *policies[c])
	}
	return list
}

// inside reports whether the peer is Pods of the guestbook.
func (p Peer) inside() bool { return !p.DNS && len(p.CIDRs) == 0 }

// Endpoint is a Pod, or an address outside of the cluster's Pods.
type Endpoint struct {
	Component string // of the guestbook; empty for others
	DNS       bool
	Address   netip.Addr
}

// Reaches reports whether the policies let from open a connection to a port of to. Both ends must agree; an end that is no
// Pod of the guestbook has no policy and agrees.
func Reaches(policies []Policy, from, to Endpoint, protocol string, port int) bool {
	return allows(policies, from, to, protocol, port, false) && allows(policies, to, from, protocol, port, true)
}

// allows reports whether the policies of Pod let a connection pass, in (from other) or out (to other).
func allows(policies []Policy, pod, other Endpoint, protocol string, port int, in bool) bool {
	if pod.Component == "" {
		return true
	}
	for _, p := range policies {
		if p.Component != "" && p.Component != pod.Component {
			continue
		}
		flows := p.Egress
		if in {
			flows = p.Ingress
		}
		for _, f := range flows {
			peer := f.To
			if in {
				peer = f.From
			}
			if f.Protocol == protocol && slices.Contains(f.Ports, port) && peer.matches(other) {
				return true
			}
		}
	}
	return false
}

func (p Peer) matches(e Endpoint) bool {
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
