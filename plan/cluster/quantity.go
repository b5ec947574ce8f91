package cluster

import (
	"regexp"
	"strconv"
)

// quantity matches an amount of a resource (Kubernetes, apimachinery, pkg/api/resource, v0.36) that is not negative.
var quantity = regexp.MustCompile(`^\+?(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|([eE][+-]?\d+))?$`)

var suffixes = map[string]float64{
	"": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}

// amount reads a quantity.
func amount(v any) (n float64, ok bool) {
	if n, is := v.(float64); is {
		return n, n >= 0
	}
	s, _ := v.(string)
	parts := quantity.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	n, _ = strconv.ParseFloat(parts[1]+parts[3], 64) // infinite if it is too large, which is the largest to Kubernetes
	return n * suffixes[parts[2]], true
}
