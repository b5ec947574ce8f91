package balancer

import (
	"hash/fnv"
	"math"
)

// fiveTuple is the policy that heeds the client's port.
const fiveTuple = "FIVE_TUPLE"

// choose returns one of the backends as a policy wants (Oracle: "Load Balancer Policies", read 2026-11-28), or nil if
// there are none. Each policy heeds the weights. The hashes of network load balancers (Oracle: "Network Load Balancer
// Policies") are of what tells clients apart: client is the address, and for FIVE_TUPLE its port, too.
func choose(policy string, from []*backend, client string) *backend {
	switch policy {
	case "IP_HASH", "TWO_TUPLE", "THREE_TUPLE", fiveTuple:
		return byHash(from, client)
	case "LEAST_CONNECTIONS":
		return roundRobin(leastConnections(from))
	default:
		return roundRobin(from)
	}
}

// roundRobin gives each backend its share of turns, evenly spread: the one with the most credit has its turn, which
// costs the sum of all weights.
func roundRobin(from []*backend) *backend {
	var best *backend
	sum := 0
	for _, b := range from {
		weight := max(b.Weight, 1)
		b.credit += weight
		sum += weight
		if best == nil || b.credit > best.credit {
			best = b
		}
	}
	if best != nil {
		best.credit -= sum
	}
	return best
}

// leastConnections returns the backends with the fewest connections for their weight.
func leastConnections(from []*backend) []*backend {
	var least []*backend
	for _, b := range from {
		order := -1
		if len(least) > 0 {
			order = b.active*max(least[0].Weight, 1) - least[0].active*max(b.Weight, 1)
		}
		if order < 0 {
			least = nil
		}
		if order <= 0 {
			least = append(least, b)
		}
	}
	return least
}

// byHash gives a client always the same backend. When a backend comes or goes, no client moves that has not to
// (weighted rendezvous hashing).
func byHash(from []*backend, client string) *backend {
	var best *backend
	var highest float64
	for _, b := range from {
		h := fnv.New64a()
		h.Write([]byte(b.Name))
		h.Write([]byte{0})
		h.Write([]byte(client))
		// From 0 to 1, both excluded.
		unit := (float64(mix(h.Sum64())>>11) + 0.5) / (1 << 53)
		score := -float64(max(b.Weight, 1)) / math.Log(unit)
		if best == nil || score > highest {
			best, highest = b, score
		}
	}
	return best
}

// mix spreads the bits of a hash (the finalizer of MurmurHash3): those of FNV are alike for similar texts.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
