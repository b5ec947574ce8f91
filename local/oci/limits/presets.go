package limits

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// alwaysFree are limits of the size of Always Free since June 2026 (InfoQ, July 2026; robhunter/agentdeals#1733), by
// the names of Config.Limits. An account has those on A1 for each availability domain and for the region, as public
// reports of the Limits service's answers show (read on 2026-11-29). That on storage is for each availability domain.
var alwaysFree = map[string]int{
	"standard-a1-core-count": 2, "standard-a1-core-regional-count": 2,
	"standard-a1-memory-count": 12, "standard-a1-memory-regional-count": 12,
	"total-storage-gb": 200, "loadbalancer": 1, "lb-flexible-bandwidth-sum": 10,
}

// presets are the limits of kinds of accounts, with what is usual for all others. One cluster is the default of Pay As
// You Go and of promotions (Oracle, "Service Limits", as quoted in November 2026). Once its trial has ended, an account
// that was not upgraded has no NAT and service gateways and no clusters (oracle-quickstart/oci-cloudnative#31,
// Rapha-Borges/oke-free#12). None was read from an account.
var presets = map[string]map[string]int{
	"usual":        {},
	"free":         with(alwaysFree, map[string]int{"cluster": 1}),
	"not-upgraded": with(alwaysFree, map[string]int{"cluster": 0, "nat-gateway-count": 0, "service-gateway-count": 0}),
}

// with returns the entries of two maps.
func with(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
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
