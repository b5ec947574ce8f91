// Package limit says what a new stack takes of the service limits of its tenancy.
package limit

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

// Need is what the settings ask of a service limit. The names of services and limits are Oracle's: those of compute,
// vcn, load-balancer, network-load-balancer-api and block-storage were seen in answers of the Limits service that
// public repositories show, of 2026 and earlier; which of them a tenancy has, the service lists.
type Need struct {
	Service string
	Names   []string // of the limit; regions have one or several of them
	Domain  string   // availability domain, of a limit for each
	Amount  float64  // in the limit's unit, of a new stack
	Most    float64  // that the stack may come to take without a change of its settings; Amount, if that is more
	Unit    string
	What    string // the settings that ask for it
	Per     bool   // the limit is for each VCN: nothing of it is used yet
	Rare    bool   // not every tenancy has the limit
}

// String names the limit, and what asks for it.
func (n Need) String() string {
	text := n.Service + " " + strings.Join(n.Names, " or ")
	if n.Domain != "" {
		text += " in " + n.Domain
	}
	return text + " (" + n.What + ")"
}

// Value is a limit that a service has.
type Value struct {
	Name               string  `json:"name"`
	Scope              string  `json:"scopeType"` // GLOBAL, REGION or AD
	AvailabilityDomain string  `json:"availabilityDomain"`
	Value              float64 `json:"value"`
}

// Of returns the limits that count for the need, of those that its service has.
func (n Need) Of(known []Value) (values []Value) {
	for _, v := range known {
		if slices.Contains(n.Names, v.Name) && (v.Scope != "AD" || v.AvailabilityDomain == n.Domain) {
			values = append(values, v)
		}
	}
	return values
}

// Zero returns the needs for which every limit that counts is 0. Whatever the limits count, nothing is left of them.
func Zero(needs []Need, known map[string][]Value) (zero []Need) {
	for _, n := range needs {
		values := n.Of(known[n.Service])
		if n.Amount > 0 && len(values) > 0 && !slices.ContainsFunc(values, func(v Value) bool { return v.Value != 0 }) {
			zero = append(zero, n)
		}
	}
	return zero
}

// Stack is a stack, and what its region tells.
type Stack struct {
	Network    layout.Spec
	Plan       layout.Layout
	Cluster    cluster.Spec
	Guestbooks []workload.Guestbook
	Domains    []string        // all availability domains, sorted
	Sizes      map[string]Size // of shapes that have only one; the cores and memory of others are not known
}

// Size is that of a shape that has only one.
type Size struct {
	OCPUs    float64 `json:"ocpus"`
	MemoryGB float64 `json:"memoryInGBs"`
}

// Needs lists what a new stack takes. Virtual nodes are not among it: which limit counts them is not known.
func (s Stack) Needs() []Need {
	list := []Need{{
		Service: "container-engine", Names: []string{"cluster-count"}, Amount: 1, Unit: "cluster", What: "the stack",
	}}
	list = append(list, s.network()...)
	list = append(list, s.balancers()...)
	return append(list, s.nodes()...)
}

func (s Stack) network() (list []Need) {
	if s.Network.VcnID == "" {
		list = append(list, Need{Service: "vcn", Names: []string{"vcn-count"}, Amount: 1, Unit: "VCN", What: "the stack"})
	}
	for _, gateway := range []struct {
		kind  layout.Gateway
		limit string
		id    string
		what  string
	}{
		{layout.NATGateway, "nat-gateway-count", s.Network.NATGatewayID, "internetEgress"},
		{layout.InternetGateway, "internet-gateway-count", s.Network.InternetGatewayID, "public subnets"},
	} {
		if s.Plan.Uses(gateway.kind) && gateway.id == "" {
			list = append(list, Need{
				Service: "vcn", Names: []string{gateway.limit}, Amount: 1, Unit: "gateway",
				What: gateway.what, Per: true,
			})
		}
	}
	return list
}

func (s Stack) balancers() (list []Need) {
	balanced, mbps, network := 0, 0, 0
	for _, g := range s.Guestbooks {
		switch {
		case g.NetworkBalanced():
			network++
		case g.Balanced():
			balanced, mbps = balanced+1, mbps+g.LoadBalancerMbps
		}
	}
	if network > 0 {
		list = append(list, Need{
			Service: "network-load-balancer-api", Names: []string{"max-nlb-flexible-count"}, Amount: float64(network),
			Unit: "network load balancer", What: "exposure and loadBalancerType",
		})
	}
	if balanced > 0 {
		list = append(list,
			Need{
				Service: "load-balancer", Names: []string{"lb-flexible-count"}, Amount: float64(balanced),
				Unit: "load balancer", What: "exposure",
			},
			Need{
				Service: "load-balancer", Names: []string{"lb-flexible-bandwidth-sum"}, Amount: float64(mbps),
				Unit: "Mbps", What: "loadBalancerMbps",
			})
	}
	return list
}

// nodes lists cores, memory and storage by availability domain, and cores and memory of the region, which some series
// have a limit for, too. A pool's nodes are spread evenly, and so are those that an autoscaler or a replacement adds;
// where the database's volumes will be is not known, so that they are spread, too.
func (s Stack) nodes() (list []Need) {
	storage, mostStorage := map[string]float64{}, map[string]float64{}
	for _, p := range s.Cluster.NodePools {
		domains, err := s.domains(p)
		if err != nil || len(domains) == 0 {
			continue // a problem of the settings, which are checked elsewhere
		}
		each := func(nodes int) float64 { return math.Ceil(float64(nodes) / float64(len(domains))) }
		fixed := s.Sizes[p.Shape]
		for _, domain := range domains {
			storage[domain] += each(p.Size) * float64(p.BootVolumeGB)
			mostStorage[domain] += each(p.Most()) * float64(p.BootVolumeGB)
		}
		for _, part := range []struct {
			name   string
			amount float64
			unit   string
		}{
			{"core", cmp.Or(p.OCPUs, fixed.OCPUs), "OCPU"}, {"memory", cmp.Or(p.MemoryGB, fixed.MemoryGB), "GB"},
		} {
			inDomain, inRegion := coreLimits(p.Shape, part.name)
			need := Need{Service: "compute", Names: inDomain, Unit: part.unit, What: "nodePools"}
			for _, domain := range domains {
				need.Domain = domain
				need.Amount, need.Most = each(p.Size)*part.amount, each(p.Most())*part.amount
				list = add(list, need)
			}
			if inRegion != "" {
				list = add(list, Need{
					Service: need.Service, Names: []string{inRegion}, Rare: true, Unit: need.Unit, What: need.What,
					Amount: float64(p.Size) * part.amount, Most: float64(p.Most()) * part.amount,
				})
			}
		}
	}
	for _, g := range s.Guestbooks {
		for i := range min(g.MongoReplicas, max(len(s.Domains), 1)) {
			if g.OwnDatabase() && len(s.Domains) > 0 {
				volumes := math.Ceil(float64(g.MongoReplicas) / float64(min(g.MongoReplicas, len(s.Domains))))
				storage[s.Domains[i]] += volumes * float64(max(g.StorageGB, minVolumeGB))
				mostStorage[s.Domains[i]] += volumes * float64(max(g.StorageGB, minVolumeGB))
			}
		}
	}
	for _, domain := range s.Domains {
		if mostStorage[domain] > 0 {
			list = append(list, Need{
				Service: "block-storage", Names: []string{"total-storage-gb"}, Domain: domain,
				Amount: storage[domain], Most: mostStorage[domain], Unit: "GB", What: "bootVolumeGb and storageGb",
			})
		}
	}
	return list
}

// domains returns the names of a pool's availability domains.
func (s Stack) domains(p cluster.NodePool) ([]string, error) {
	if len(p.AvailabilityDomains) == 0 {
		return cluster.PickDomains(s.Domains, s.Cluster.AvailabilityDomains)
	}
	return cluster.PickDomains(s.Domains, p.AvailabilityDomains)
}

// minVolumeGB is the smallest block volume (Oracle documentation, "Overview of Block Volume").
const minVolumeGB = 50

// add adds a need to those of the same limit and availability domain.
func add(list []Need, n Need) []Need {
	for i, other := range list {
		if other.Domain == n.Domain && len(other.Names) > 0 && len(n.Names) > 0 && other.Names[0] == n.Names[0] {
			list[i].Amount += n.Amount
			list[i].Most += n.Most
			return list
		}
	}
	return append(list, n)
}

var series = regexp.MustCompile(`^VM\.([A-Za-z]+\d*)(?:\.([A-Z]\d+))?\.(?:Flex|\d+)$`)

// coreLimits returns what the limit on a shape's cores or memory in an availability domain may be called:
// standard-a1-core-count for VM.Standard.A1.Flex, standard2-core-count for VM.Standard2.4, and for older series
// standard-e3-core-ad-count. Tenancies may have one for the region, too, as standard-a1-core-regional-count: a launch
// must be within both (by public repositories that set quotas; read on 2026-11-29).
func coreLimits(shape, unit string) (inDomain []string, inRegion string) {
	m := series.FindStringSubmatch(shape)
	if m == nil {
		return nil, ""
	}
	prefix := m[1]
	if m[2] != "" {
		prefix += "-" + m[2]
	}
	prefix = strings.ToLower(prefix) + "-" + unit
	return []string{prefix + "-count", prefix + "-ad-count"}, prefix + "-regional-count"
}
