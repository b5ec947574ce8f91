package cluster

import (
	"maps"
	"slices"

	"golang.org/x/mod/semver"
)

// Part is the control plane or a node pool, with what its Kubernetes version can become.
type Part struct {
	Name    string `json:"name"` // "control plane", or "node pool " and its name
	Version string `json:"version"`
	Next    string `json:"next,omitempty"`    // newest version that it can be raised to in one step
	Blocked string `json:"blocked,omitempty"` // what has to be done before Next
	Ends    string `json:"ends,omitempty"`    // when OKE's support for Version ends, where that is known
}

// Parts returns the control plane and the node pools, in the order of their names; none without a cluster.
func Parts(offered Offered, running Running) []Part {
	if running.ControlPlane == "" {
		return nil
	}
	plane := Part{Name: "control plane", Version: running.ControlPlane, Ends: SupportEnds(running.ControlPlane)}
	var candidates []string
	for _, v := range slices.Concat(fullVersions(offered.ControlPlane, offered.Images), running.Upgrades) {
		if !isMinor(v) && semver.Compare(v, plane.Version) > 0 && checkUpgrade(plane.Version, v) == nil {
			candidates = append(candidates, v)
		}
	}
	plane.Next = newest("", candidates)
	parts := []Part{plane}
	for _, name := range slices.Sorted(maps.Keys(running.Pools)) {
		now := running.Pools[name].Version
		pool := Part{Name: "node pool " + name, Version: now, Ends: SupportEnds(now)}
		var candidates []string
		for _, v := range fullVersions(offered.Nodes, offered.Images) {
			if semver.Compare(v, now) > 0 && CheckNodeVersion(plane.Version, v) == nil {
				candidates = append(candidates, v)
			}
		}
		pool.Next = newest("", candidates)
		parts = append(parts, pool)
		if plane.Next != "" && parts[0].Blocked == "" && CheckNodeVersion(plane.Next, now) != nil {
			parts[0].Blocked = pool.Name + " must be upgraded first"
		}
	}
	return parts
}

// supportEnds are the ends of OKE's support, by patch or minor version (Oracle documentation, "Supported Versions of
// Kubernetes", as of 2026-09-05, which calls those of supported minor versions planned).
var supportEnds = map[string]string{
	"v1.32.1": "2026-05-28", "v1.32.10": "2026-05-28",
	"v1.33.0": "2026-08-10", "v1.33.1": "2026-08-10", "v1.33.10": "2026-08-10",
	"v1.34.0": "2026-03-09", "v1.34.1": "2026-03-09", "v1.34.2": "2026-09-22",
	"v1.34": "30 days after OKE has v1.37.1", "v1.35": "30 days after OKE has v1.38.1",
	"v1.36": "30 days after OKE has v1.39.1",
}

// SupportEnds returns when OKE's support for a version ends: a date, or how long after another version; "" if it is not
// known.
func SupportEnds(version string) string {
	if date, known := supportEnds[version]; known {
		return date
	}
	return supportEnds[semver.MajorMinor(version)]
}
