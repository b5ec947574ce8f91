package dataplane

import "oke-guestbook/local/cloud"

// shortestInterval is that between two health checks, in milliseconds, if speed makes them more frequent.
const shortestInterval = 1000

// Quicken makes the health checks of load balancers as much faster as life cycles are: a page whose first check came
// before its Pod is there after three of them, which would take half a minute.
func Quicken(balancers []cloud.LoadBalancer, speed float64) []cloud.LoadBalancer {
	for _, lb := range balancers {
		for name, set := range lb.BackendSets {
			wanted := int(float64(set.Health.IntervalMillis) / speed)
			set.Health.IntervalMillis = min(set.Health.IntervalMillis, max(wanted, shortestInterval))
			lb.BackendSets[name] = set
		}
	}
	return balancers
}
