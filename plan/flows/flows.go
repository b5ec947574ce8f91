// Package flows lists the connections that a guestbook needs, as data, and expands them to network policies.
package flows

import "slices"

// Components of a guestbook, as the label app.kubernetes.io/component spells them.
const (
	Frontend = "frontend"
	Backend  = "backend" // the database
	Setup    = "setup"   // the job that prepares the database
	Backup   = "backup"  // the jobs that save and load it
	Measure  = "measure" // the jobs that post metrics
)

// Peer is one end of a flow: a component's Pods, the cluster's DNS, or addresses. The zero value is every Pod of the
// guestbook.
type Peer struct {
	Component string
	DNS       bool
	CIDRs     []string
	Except    []string // CIDRs within CIDRs that do not belong to the peer
}

// Flow allows connections from From to To.
type Flow struct {
	From, To Peer
	Protocol string // TCP or UDP
	Ports    []int
	Why      string
}

// Options are what the flows depend on.
type Options struct {
	FrontendPort int      // of the frontend's container
	RedirectPort int      // of the same container, which redirects HTTP to HTTPS; 0 for none
	TLSPort      int      // of the same container, with a certificate that it obtains by ACME; 0 for none
	Proxies      []string // CIDRs of the sources of visitors' connections: load balancers, and nodes that forward
	Replicas     int      // of the database
	External     bool     // the database is not the guestbook's own
	Backups      bool
	Measured     bool     // metrics are posted to Monitoring
	APIEndpoint  string   // CIDR of the Kubernetes API endpoint, which also issues workload identities
	Inside       []string // CIDRs of the VCN, Pods and Services, which Object Storage and Monitoring are outside of
}

// MongoPort is the port of MongoDB.
const MongoPort = 27017

const (
	https    = 443
	identity = 12250 // of the API endpoint (Oracle documentation, "Example Network Resource Configurations")
	anywhere = "0.0.0.0/0"
)

// Table returns every flow that a guestbook needs, and no other.
func Table(o Options) []Flow {
	table := []Flow{
		{Peer{}, Peer{DNS: true}, "UDP", []int{53}, "names"},
		{Peer{}, Peer{DNS: true}, "TCP", []int{53}, "names with long answers"},
	}
	add := func(from, to Peer, port int, why string) {
		table = append(table, Flow{from, to, "TCP", []int{port}, why})
	}
	frontend, backend, backup := Peer{Component: Frontend}, Peer{Component: Backend}, Peer{Component: Backup}
	if len(o.Proxies) > 0 {
		add(Peer{CIDRs: o.Proxies}, frontend, o.FrontendPort, "visitors, through load balancer and nodes")
		if o.RedirectPort != 0 {
			add(Peer{CIDRs: o.Proxies}, frontend, o.RedirectPort, "visitors who come by HTTP, to be redirected")
		}
	}
	if o.TLSPort != 0 {
		add(Peer{CIDRs: o.Proxies}, frontend, o.TLSPort, "visitors who come by HTTPS, and the ACME server")
		add(frontend, Peer{CIDRs: []string{anywhere}, Except: o.Inside}, https, "the ACME server")
	}
	if o.External {
		add(frontend, Peer{CIDRs: []string{anywhere}}, MongoPort, "the external database")
		return table
	}
	add(frontend, backend, MongoPort, "entries")
	add(Peer{Component: Setup}, backend, MongoPort, "users and indexes")
	if o.Replicas > 1 {
		add(backend, backend, MongoPort, "replication")
	}
	if o.Backups {
		add(backup, backend, MongoPort, "backup and restore")
		add(backup, Peer{CIDRs: []string{anywhere}, Except: o.Inside}, https, "Object Storage")
		add(backup, Peer{CIDRs: []string{o.APIEndpoint}}, identity, "workload identity")
	}
	if measure := (Peer{Component: Measure}); o.Measured {
		add(measure, frontend, o.FrontendPort, "whether a frontend is ready")
		add(measure, backend, MongoPort, "whether the database has a primary, its last backup, its volume")
		add(measure, Peer{CIDRs: []string{anywhere}, Except: o.Inside}, https, "Monitoring")
		add(measure, Peer{CIDRs: []string{o.APIEndpoint}}, identity, "workload identity")
	}
	return table
}

// Policy is a network policy: the flows to and from a component's Pods. A Pod's other flows, which none of its policies
// contains, are refused.
type Policy struct {
	Name      string
	Component string // empty for every Pod of the guestbook
	Ingress   []Flow
	Egress    []Flow
}

// Policies expands flows to a default policy for every Pod, and one for each component that has flows of its own.
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
		if f.From.isPods() {
			p := of(f.From.Component)
			p.Egress = append(p.Egress, f)
		}
		if f.To.isPods() {
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

// isPods reports whether the peer is Pods of the guestbook.
func (p Peer) isPods() bool { return !p.DNS && len(p.CIDRs) == 0 }
