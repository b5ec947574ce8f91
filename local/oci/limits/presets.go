package limits

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// presets are the limits of kinds of accounts by the names of Config.Limits, with what is usual for all others. A1's
// are those of Always Free since June 2026, 2 OCPUs and 12 GB for a region, here for each availability domain; 200 GB
// of storage and one load balancer of 10 Mbps are Always Free's too (InfoQ, July 2026; robhunter/agentdeals#1733). One
// cluster is the default of Pay As You Go and of promotions (Oracle, "Service Limits", as quoted in November 2026).
// Once its trial has ended, an account that was not upgraded has no NAT and service gateways and no clusters
// (oracle-quickstart/oci-cloudnative#31, Rapha-Borges/oke-free#12). None was read from an account.
var presets = map[string]map[string]int{
	"usual": {},
	"free": {
		"cluster": 1, "standard-a1-core-count": 2, "standard-a1-memory-count": 12, "total-storage-gb": 200,
		"loadbalancer": 1, "lb-flexible-bandwidth-sum": 10,
	},
	"not-upgraded": {
		"cluster": 0, "nat-gateway-count": 0, "service-gateway-count": 0, "standard-a1-core-count": 2,
		"standard-a1-memory-count": 12, "total-storage-gb": 200, "loadbalancer": 1, "lb-flexible-bandwidth-sum": 10,
	},
}

// Preset returns the limits of a kind of account: usual, free (upgraded to Pay As You Go, and limited to what is free)
// or not-upgraded.
func Preset(name string) (map[string]int, error) {
	limits, known := presets[name]
	if !known {
		return nil, fmt.Errorf("limits: %q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
	}
	return limits, nil
}
