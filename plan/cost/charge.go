// Package cost estimates what a stack costs a month by Oracle's price list.
package cost

import (
	"fmt"
	"strings"

	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

// HoursPerMonth are the hours of a month of 31 days, as Oracle's cost estimator has them.
const HoursPerMonth = 744

// Parts of the price list, except those of shapes.
const (
	enhancedCluster  = "B96545" // a cluster-hour
	virtualNode      = "B96109" // a node-hour
	blockStorage     = "B91961" // a GB-month
	blockPerformance = "B91962" // a performance unit of a GB-month
	balancerBase     = "B93030" // a load balancer-hour
	balancerMbps     = "B93031" // a Mbps-hour
)

// vpus are the performance units of each GB of a balanced volume: OKE's default for boot volumes, and that of the
// storage class oci-bv (Oracle documentation, "Block Volume Performance", as of November 2026, read only).
const vpus = 10

// preemptible is the share of the price of compute that a preemptible instance costs (Oracle documentation,
// "Preemptible Instances": half, as of November 2026, read only).
const preemptible = 0.5

// shapeParts are the parts of an OCPU-hour and a GB-hour of memory of flexible shapes.
var shapeParts = map[string]struct{ ocpu, memory string }{
	"VM.Standard.E3.Flex": {"B92306", "B92307"},
	"VM.Standard.E4.Flex": {"B93113", "B93114"},
	"VM.Standard.E5.Flex": {"B97384", "B97385"},
	"VM.Standard.E6.Flex": {"B111129", "B111130"},
	"VM.Standard.A1.Flex": {"B93297", "B93298"},
	"VM.Standard.A2.Flex": {"B109529", "B109530"},
	"VM.Standard.A4.Flex": {"B112145", "B112146"},
	"VM.Standard3.Flex":   {"B94176", "B94177"},
	"VM.Optimized3.Flex":  {"B93311", "B93312"},
}

// free are the units of each part that an account does not pay for in a month. A list may give away more.
func free(a allowance.Amounts) map[string]float64 {
	shape := shapeParts[a.Shape]
	return map[string]float64{
		shape.ocpu:       a.OCPUs * HoursPerMonth,
		shape.memory:     a.MemoryGB * HoursPerMonth,
		blockStorage:     float64(a.BlockVolumeGB),
		blockPerformance: float64(a.BlockVolumeGB) * vpus,
		balancerBase:     float64(a.LoadBalancers) * HoursPerMonth,
		balancerMbps:     float64(a.LoadBalancers*a.LoadBalancerMbps) * HoursPerMonth,
	}
}

// Charge is what a resource uses of a part in a month.
type Charge struct {
	Resource string  // "node pool workers"
	Of       string  // "6 OCPUs of VM.Standard.E5.Flex"
	Part     string  // number in the price list; empty if this package does not know it
	Units    float64 // in a month
	Share    float64 // of the price that is charged
}

// Stack is what is estimated.
type Stack struct {
	Cluster    cluster.Spec
	Guestbooks []workload.Guestbook
	Logs       []string // what is kept in Logging: "flow logs", "the containers' logs"

	Region     string // of the stack; empty if it is not known
	HomeRegion string // of the tenancy, the only one with free amounts; empty if it is that of the stack
}

// away reports whether the stack is outside the home region.
func (s Stack) away() bool { return s.HomeRegion != "" && s.Region != "" && s.HomeRegion != s.Region }

// Charges returns what the stack is charged for whether it is used or not. VCNs, gateways, bastions, basic clusters and
// reserved addresses that are in use cost nothing, nor do network load balancers (Oracle's product page, "Flexible
// Network Load Balancer": "no-cost"; a copy, read 2026-11-29).
func Charges(s Stack) []Charge {
	var out []Charge
	add := func(resource, of, part string, units, share float64) {
		out = append(out, Charge{resource, of, part, units, share})
	}
	volume := func(resource string, count, gb int) {
		size := fmt.Sprintf("%d x %d GB", count, gb)
		add(resource, size+" of block storage", blockStorage, float64(count*gb), 1)
		add(resource, size+" at balanced performance", blockPerformance, float64(count*gb*vpus), 1)
	}
	if s.Cluster.ClusterType == cluster.Enhanced {
		add("cluster", "an enhanced cluster", enhancedCluster, HoursPerMonth, 1)
	}
	for _, p := range s.Cluster.NodePools {
		if p.Size == 0 {
			continue
		}
		resource, share := "node pool "+p.Name, 1.0
		if p.Preemptible {
			share = preemptible
		}
		if parts, known := shapeParts[p.Shape]; known {
			ocpus, memory := float64(p.Size)*p.OCPUs, float64(p.Size)*p.MemoryGB
			add(resource, fmt.Sprintf("%v OCPUs of %s", ocpus, p.Shape), parts.ocpu, ocpus*HoursPerMonth, share)
			add(resource, fmt.Sprintf("%v GB of memory", memory), parts.memory, memory*HoursPerMonth, share)
		} else {
			add(resource, fmt.Sprintf("%d x %s", p.Size, p.Shape), "", float64(p.Size)*HoursPerMonth, share)
		}
		volume(resource, p.Size, p.BootVolumeGB)
	}
	for _, p := range s.Cluster.VirtualNodePools {
		if p.Size > 0 {
			add("virtual node pool "+p.Name, fmt.Sprintf("%d virtual nodes", p.Size), virtualNode,
				float64(p.Size)*HoursPerMonth, 1)
		}
	}
	for _, g := range s.Guestbooks {
		resource := "guestbook " + g.Name
		if g.OwnDatabase() {
			volume(resource, g.MongoReplicas, g.StorageGB)
		}
		if g.Balanced() && !g.NetworkBalanced() {
			add(resource, "a load balancer", balancerBase, HoursPerMonth, 1)
			add(resource, fmt.Sprintf("%d Mbps of bandwidth", g.LoadBalancerMbps), balancerMbps,
				float64(g.LoadBalancerMbps)*HoursPerMonth, 1)
		}
	}
	return out
}

// ByUse returns what is charged for by use, and so is not in the estimate.
func ByUse(s Stack) []string {
	uses := []string{"outbound data transfer beyond 10 TB"}
	for _, g := range s.Guestbooks {
		if g.Backs() {
			uses = append(uses, fmt.Sprintf("backups of guestbook %s in Object Storage beyond %d GB", g.Name,
				allowance.AlwaysFree.ObjectStorageGB))
		}
	}
	for _, g := range s.Guestbooks {
		if g.DNSZoneID != "" {
			uses = append(uses, "queries of the zone in OCI DNS with the record of "+g.TLSHostname)
		}
	}
	if len(s.Logs) > 0 {
		uses = append(uses, strings.Join(s.Logs, " and ")+" in Logging beyond 10 GB")
	}
	for _, p := range s.Cluster.VirtualNodePools {
		uses = append(uses, fmt.Sprintf("Pods on virtual node pool %s: their OCPUs and memory, at the price of %s", p.Name,
			strings.Replace(p.PodShape, "Pod.", "VM.", 1)))
	}
	var autoscaled []string
	for _, p := range s.Cluster.NodePools {
		if p.Resized() {
			autoscaled = append(autoscaled, p.Name)
		}
	}
	if len(autoscaled) > 0 {
		uses = append(uses, "nodes that an autoscaler adds to "+strings.Join(autoscaled, ", "))
	}
	return uses
}
