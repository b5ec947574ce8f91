package failure

import (
	"regexp"
	"strings"
)

// limit is a service limit that stacks use, by Oracle's name.
type limit struct {
	name    *regexp.Regexp
	service string // as the Console and the Limits service call it
	use     string // the settings that use less of it
}

// limits has the names that package doctor asks for, with those of the resources that it does not.
var limits = []limit{
	{regexp.MustCompile(`^cluster-count$`), "container-engine", "destroy a stack that is not needed"},
	{regexp.MustCompile(`^vcn-count$`), "vcn", "vcnId: use a VCN that exists"},
	{
		regexp.MustCompile(`^nat-gateway-count$`), "vcn",
		"natGatewayId: use one of an existing VCN; internetEgress: none needs none",
	},
	{regexp.MustCompile(`^internet-gateway-count$`), "vcn", "internetGatewayId: use one of an existing VCN"},
	{regexp.MustCompile(`^service-gateway-count$`), "vcn", "serviceGatewayId: use one of an existing VCN"},
	{
		regexp.MustCompile(`^(lb-flexible-count|max-nlb-flexible-count)$`), "load-balancer",
		"exposure: node-port or none needs no load balancer; loadBalancerType: nlb counts as another kind",
	},
	{regexp.MustCompile(`^lb-flexible-bandwidth-sum$`), "load-balancer", "set a lower loadBalancerMbps"},
	{
		regexp.MustCompile(`-(core|memory)(-ad|-regional)?-count$`), "compute",
		"set a lower nodePools[].size, ocpus or memoryGb, or another shape",
	},
	{
		regexp.MustCompile(`^(total-storage-gb|volume-count)$`), "block-storage",
		"set a lower nodePools[].bootVolumeGb, nodePools[].size, storageGb or mongoReplicas",
	},
	{regexp.MustCompile(`^(reserved-)?public-ip-count$`), "vcn", "delete reserved addresses that are not used"},
	{regexp.MustCompile(`^bastion-count$`), "bastion", "bastion: false needs none"},
}

// byType are the names of limits by the type of the resource that was refused, for messages that name none.
var byType = map[string]string{
	"Cluster": "cluster-count", "Vcn": "vcn-count", "NatGateway": "nat-gateway-count",
	"InternetGateway": "internet-gateway-count", "ServiceGateway": "service-gateway-count",
	"NodePool": "x-core-count", "Service": "lb-flexible-count", "PersistentVolumeClaim": "total-storage-gb",
	"Bastion": "bastion-count",
}

// name matches what may be the name of a limit in a message.
var name = regexp.MustCompile(`[a-z0-9]+(?:-[a-z0-9]+)+`)

// named returns the limits that a message names.
func named(words string) (found []limit) {
	for _, word := range name.FindAllString(words, -1) {
		for _, l := range limits {
			if l.name.MatchString(word) {
				found = append(found, l)
			}
		}
	}
	return found
}

// use returns the settings that need less of the limits that a message names, or of that of the refused resource.
func use(d Diagnostic, words string) (do []string) {
	found := named(words)
	if len(found) == 0 {
		typ, _, _ := strings.Cut(d.Resource, " ")
		found = named(byType[typ])
	}
	seen := map[string]bool{}
	for _, l := range found {
		if !seen[l.use] {
			seen[l.use] = true
			do = append(do, l.use)
		}
	}
	if len(do) == 0 {
		return []string{"delete what is not needed of its kind"}
	}
	return do
}

// serviceOf returns the service of the limit that a message names, or "".
func serviceOf(words string) string {
	for _, l := range named(words) {
		return l.service
	}
	return ""
}

// FreeAccount is why a limit may be 0.
const FreeAccount = "a free account whose trial has ended has 0 of some: upgrade it to Pay As You Go first"

// AskForMore says where to ask for a higher limit of a service.
func AskForMore(service string) string {
	const where = "ask for more: Console, Governance & Administration, Limits, Quotas and Usage"
	if service == "" {
		return where
	}
	return where + ", service " + service
}
