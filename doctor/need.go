package doctor

import (
	"cmp"
	"math"
	"regexp"
	"strings"

	"oke-guestbook/plan/layout"
)

// need is what the settings ask of a service limit. The names of services and limits are Oracle's: those of compute,
// vcn, load-balancer, network-load-balancer-api and block-storage were seen in answers of the Limits service that
// public repositories show, of 2026 and earlier; which of them a tenancy has, the service lists.
type need struct {
	service string
	names   []string // of the limit; regions have one or several of them
	domain  string   // availability domain, of a limit for each
	amount  float64  // in the limit's unit
	unit    string
	what    string // the settings that ask for it
	per     bool   // the limit is for each VCN: nothing of it is used yet
}

// needs lists what a new stack takes.
func (v *visit) needs(sizes map[string]size) []need {
	list := []need{{
		service: "container-engine", names: []string{"cluster-count"}, amount: 1, unit: "cluster",
		what: "the stack",
	}}
	list = append(list, v.networkNeeds()...)
	balanced, mbps, network := 0, 0, 0
	for _, g := range v.settings.Guestbooks {
		switch {
		case g.NetworkBalanced():
			network++
		case g.Balanced():
			balanced, mbps = balanced+1, mbps+g.LoadBalancerMbps
		}
	}
	if network > 0 {
		list = append(list, need{
			service: "network-load-balancer-api", names: []string{"max-nlb-flexible-count"}, amount: float64(network),
			unit: "network load balancer", what: "exposure and loadBalancerType",
		})
	}
	if balanced > 0 {
		list = append(list,
			need{
				service: "load-balancer", names: []string{"lb-flexible-count"}, amount: float64(balanced),
				unit: "load balancer", what: "exposure",
			},
			need{
				service: "load-balancer", names: []string{"lb-flexible-bandwidth-sum"}, amount: float64(mbps),
				unit: "Mbps", what: "loadBalancerMbps",
			})
	}
	return append(list, v.nodeNeeds(sizes)...)
}

func (v *visit) networkNeeds() (list []need) {
	if v.settings.Network.VcnID == "" {
		list = append(list, need{service: "vcn", names: []string{"vcn-count"}, amount: 1, unit: "VCN", what: "the stack"})
	}
	for _, gateway := range []struct {
		kind  layout.Gateway
		limit string
		id    string
		what  string
	}{
		{layout.NATGateway, "nat-gateway-count", v.settings.Network.NATGatewayID, "internetEgress"},
		{layout.InternetGateway, "internet-gateway-count", v.settings.Network.InternetGatewayID, "public subnets"},
	} {
		if v.plan.Uses(gateway.kind) && gateway.id == "" {
			list = append(list, need{
				service: "vcn", names: []string{gateway.limit}, amount: 1, unit: "gateway",
				what: gateway.what, per: true,
			})
		}
	}
	return list
}

// size is that of a shape that has only one.
type size struct {
	OCPUs    float64 `json:"ocpus"`
	MemoryGB float64 `json:"memoryInGBs"`
}

// nodeNeeds lists cores, memory and storage by availability domain. Sizes are those of fixed shapes. A pool's nodes are
// spread evenly; where the database's volumes will be is not known, so that they are spread, too.
func (v *visit) nodeNeeds(sizes map[string]size) (list []need) {
	storage := map[string]float64{}
	for _, p := range v.settings.Cluster.NodePools {
		domains, err := v.poolDomains(p)
		if err != nil || len(domains) == 0 {
			continue // offer says so
		}
		nodes := math.Ceil(float64(p.Size) / float64(len(domains)))
		fixed := sizes[p.Shape]
		for _, domain := range domains {
			storage[domain] += nodes * float64(p.BootVolumeGB)
			for _, part := range []struct {
				each  float64
				names []string
				unit  string
			}{
				{cmp.Or(p.OCPUs, fixed.OCPUs), coreLimits(p.Shape, "core"), "OCPU"},
				{cmp.Or(p.MemoryGB, fixed.MemoryGB), coreLimits(p.Shape, "memory"), "GB"},
			} {
				list = add(list, need{
					service: "compute", names: part.names, domain: domain, amount: nodes * part.each,
					unit: part.unit, what: "nodePools",
				})
			}
		}
	}
	for _, g := range v.settings.Guestbooks {
		for i := range min(g.MongoReplicas, max(len(v.domains), 1)) {
			if g.OwnDatabase() && len(v.domains) > 0 {
				each := math.Ceil(float64(g.MongoReplicas) / float64(min(g.MongoReplicas, len(v.domains))))
				storage[v.domains[i]] += each * float64(max(g.StorageGB, minVolumeGB))
			}
		}
	}
	for _, domain := range v.domains {
		if storage[domain] > 0 {
			list = append(list, need{
				service: "block-storage", names: []string{"total-storage-gb"}, domain: domain,
				amount: storage[domain], unit: "GB", what: "bootVolumeGb and storageGb",
			})
		}
	}
	return list
}

// minVolumeGB is the smallest block volume (Oracle documentation, "Overview of Block Volume").
const minVolumeGB = 50

// add adds a need to those of the same limit and availability domain.
func add(list []need, n need) []need {
	for i, other := range list {
		if other.domain == n.domain && len(other.names) > 0 && len(n.names) > 0 && other.names[0] == n.names[0] {
			list[i].amount += n.amount
			return list
		}
	}
	return append(list, n)
}

var series = regexp.MustCompile(`^VM\.([A-Za-z]+\d*)(?:\.([A-Z]\d+))?\.(?:Flex|\d+)$`)

// coreLimits returns what the limit on a shape's cores or memory may be called: standard-a1-core-count for
// VM.Standard.A1.Flex, standard2-core-count for VM.Standard2.4. Older series have standard-e3-core-ad-count, and some
// tenancies a limit for the region, standard-a1-core-regional-count.
func coreLimits(shape, unit string) []string {
	m := series.FindStringSubmatch(shape)
	if m == nil {
		return nil
	}
	prefix := m[1]
	if m[2] != "" {
		prefix += "-" + m[2]
	}
	prefix = strings.ToLower(prefix) + "-" + unit
	return []string{prefix + "-count", prefix + "-ad-count", prefix + "-regional-count"}
}
